"""The page as the app serves it: files, addresses for signing in, and what browsers are told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from chalice import Chalice

from chalicelib import wiring
from chalicelib.api import page, register
from chalicelib.api.page import PageSettings, SignIn, content_security_policy
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKET = "https://photos.s3.eu-central-1.amazonaws.com"
SIGN_IN = SignIn(
    authorize_url="https://people.example.org/oauth2/authorize",
    token_url="https://people.example.org/oauth2/token",
    logout_url="https://people.example.org/logout",
    client_id="page",
    redirect_uri="https://api.example.org/api/page",
    scope="openid email",
)
SHIPPED = sorted(path.name for path in page.FOLDER.iterdir())


def client_with(settings: PageSettings) -> Client:
    app = Chalice(app_name="bincheck")
    register(app, FakeWorld(), None, lambda: settings)
    return Client(app)


@pytest.fixture
def client() -> Client:
    return client_with(PageSettings(SIGN_IN, (BUCKET,)))


def told(headers: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the content security policy by directive."""
    parts = (directive.split() for directive in headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def test_the_page_is_html_that_browsers_check_with_each_use(client: Client) -> None:
    reply = client.http.get("/page")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.headers["Cache-Control"] == "no-cache"
    assert b'<script type="module" src="page/main.js"></script>' in reply.body


@pytest.mark.parametrize("name", SHIPPED)
def test_each_file_that_ships_is_served_as_what_it_is(client: Client, name: str) -> None:
    reply = client.http.get(f"/page/{name}")
    assert reply.status_code == 200
    is_as_it_lies = name.endswith((".css", ".svg"))
    assert not is_as_it_lies or reply.body == (page.FOLDER / name).read_bytes()
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert reply.headers["Content-Type"].split(";")[0] == kinds[name.rpartition(".")[2]]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in reply.headers


def test_a_browser_begins_with_one_script(client: Client) -> None:
    assert b".js" not in client.http.get("/page").body.replace(b"page/main.js", b"")
    assert 'from "./' not in client.http.get("/page/main.js").body.decode()


@pytest.mark.parametrize("name", ["nothing.js", "__init__.py", "..", "%2e%2e%2fwiring.py", "INDEX.HTML", ".css"])
def test_whatever_else_is_asked_for_is_not_found(client: Client, name: str) -> None:
    reply = client.http.get(f"/page/{name}")
    assert reply.status_code == 404
    assert reply.json_body["error"] == "not_found"


def test_a_slash_at_the_end_leads_to_the_address_without_one(client: Client) -> None:
    reply = client.http.get("/page/")
    assert (reply.status_code, reply.headers["Location"]) == (308, "../page")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"older", {}', 'W/"older",W/{}', "*"])
def test_what_a_browser_has_already_is_not_sent_again(client: Client, form: str) -> None:
    etag = client.http.get("/page").headers["ETag"]
    again = client.http.get("/page", headers={"If-None-Match": form.format(etag)})
    assert (again.status_code, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert again.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("tags", ["", '"older"', "nonsense", '"'])
def test_what_a_browser_has_not_is_sent(client: Client, tags: str) -> None:
    assert client.http.get("/page", headers={"If-None-Match": tags}).status_code == 200


def test_the_page_may_use_nothing_but_itself_its_photos_and_its_issuer(client: Client) -> None:
    allowed = told(client.http.get("/page").headers)
    assert allowed["default-src"] == ["'none'"]
    assert allowed["script-src"] == allowed["style-src"] == ["'self'"]
    assert allowed["img-src"] == ["'self'", BUCKET]
    assert allowed["connect-src"] == ["'self'", "https://people.example.org"]
    assert allowed["frame-ancestors"] == allowed["base-uri"] == allowed["form-action"] == ["'none'"]
    assert not any("unsafe" in source or "*" in source for sources in allowed.values() for source in sources)


def test_without_a_sign_in_the_page_speaks_to_its_api_alone() -> None:
    assert "connect-src 'self';" in content_security_policy(PageSettings())


def test_the_page_tells_nobody_where_it_was_and_asks_for_no_device(client: Client) -> None:
    headers = client.http.get("/page").headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_page_learns_where_its_people_sign_in(client: Client) -> None:
    reply = client.http.get("/page/config.json")
    assert reply.json_body == {
        "authorize_url": "https://people.example.org/oauth2/authorize",
        "token_url": "https://people.example.org/oauth2/token",
        "logout_url": "https://people.example.org/logout",
        "client_id": "page",
        "redirect_uri": "https://api.example.org/api/page",
        "scope": "openid email",
    }
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_page_without_a_sign_in_says_so_by_nulls() -> None:
    reply = client_with(PageSettings()).http.get("/page/config.json")
    assert reply.status_code == 200
    assert set(reply.json_body.values()) == {None}


@pytest.mark.usefixtures("fresh_wiring")
def test_the_environment_says_where_to_sign_in_and_where_photos_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, Any] = {
        "AUTHORIZE_URL": SIGN_IN.authorize_url,
        "TOKEN_URL": SIGN_IN.token_url,
        "LOGOUT_URL": "",
        "CLIENT_ID": SIGN_IN.client_id,
        "REDIRECT_URI": SIGN_IN.redirect_uri,
        "SCOPE": SIGN_IN.scope,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"BINCHECK_SIGN_IN_{name}", value)
    monkeypatch.setenv("BINCHECK_PHOTO_ORIGINS", f"{BUCKET} https://other.example.org")
    settings = wiring.page_settings()
    assert settings.sign_in.authorize_url == SIGN_IN.authorize_url
    assert settings.sign_in.logout_url is None
    assert settings.photo_origins == (BUCKET, "https://other.example.org")
