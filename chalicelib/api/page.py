"""The operators' page: its files as they ship, and where its people sign in. Open to all, since it knows nothing.

The page lies beside the API, so that it needs no cross-origin rules: `<base>/page`, `<base>/page/<file>`, `<base>/v1`.
All its addresses are relative to `<base>`, which only the browser knows.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalice.app import Blueprint, Response

from chalicelib.api.bundle import bundled
from chalicelib.api.errors import answered
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = Path(__file__).parent.parent / "page"
ENTRANCE = "index.html"
_CONFIG = "config.json"
_SCRIPTS = ("main.js", "app.js")
"""What is there for everybody, and what only for somebody who has signed in."""
_PRELOAD = re.compile(r'^ *<link rel="modulepreload" [^>]*>\n', re.MULTILINE)

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What ships. All of it is text: the gateway would have to be told of anything else."""

_SHARED = {
    # Checked with each use, answered by a 304 as long as it holds: files of two releases never meet in a browser.
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    # An address of the page may carry a code of the sign-in.
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where the page sends people to sign in (authorization code with PKCE), as the page's script reads it.

    All None where there is no sign-in for the page. `authorize_url` may carry a query of its own; the page adds to it.
    """

    authorize_url: str | None = None
    token_url: str | None = None
    logout_url: str | None = None
    client_id: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None

    @classmethod
    def of(cls, told: Callable[[str], str]) -> SignIn:
        """Ask `told` for each field by its name in capitals; whatever is empty is not set."""
        return cls(**{field.name: told(field.name.upper()) or None for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the page depends on: where people sign in, and the origins that photos are loaded from beside its own."""

    sign_in: SignIn = SignIn()
    photo_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the page as it is sent."""

    text: str
    media_type: str
    etag: str


def routes(settings: Callable[[], PageSettings]) -> Blueprint:
    """Return the routes of the page; `settings` is called by each request that needs them."""
    blueprint = Blueprint(__name__)

    def sent(name: str) -> Response:
        asked = blueprint.current_request.headers.get("if-none-match", "")
        return _answer(_file(name), asked, content_security_policy(settings()))

    @blueprint.route("/page")
    @answered
    def page() -> Any:
        # The gateway lets a slash at the end pass, behind which every relative address would be one folder too deep.
        has_slash = blueprint.current_request.context.get("path", "").endswith("/")
        return Response("", {"Location": "../page"}, 308) if has_slash else sent(ENTRANCE)

    @blueprint.route("/page/{file}")
    @answered
    def page_file(file: str) -> Any:
        return asdict(settings().sign_in) if file == _CONFIG else sent(file)

    return blueprint


def content_security_policy(settings: PageSettings) -> str:
    """Return what a browser shall allow the page: its own scripts, its API, its issuer, its photos, nothing else."""
    token_url = settings.sign_in.token_url
    sources = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", *settings.photo_origins],
        "connect-src": ["'self'", *([_origin(token_url)] if token_url else [])],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        # No text of a consignment or a note can become markup: the browser refuses it.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }
    return "; ".join(f"{directive} {' '.join(allowed)}" for directive, allowed in sources.items())


def _answer(file: _File, asked: str, policy: str) -> Response:
    headers = {**_SHARED, "Content-Security-Policy": policy, "Content-Type": file.media_type, "ETag": file.etag}
    if _holds(asked, file.etag):
        return Response("", headers, 304)
    return Response(file.text, headers)


def _holds(asked: str, etag: str) -> bool:
    """Tell whether one of the tags of an If-None-Match is this one; weak ones count (RFC 9110, 13.1.2)."""
    return asked.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in asked.split(",")}


def _file(name: str) -> _File:
    """Return a file that ships; no path leads out of the folder, since names are looked up and never opened.

    Raises:
        NotFound: there is none of that name.
    """
    if name not in _files():
        raise NotFound("the page has no such file")
    return _files()[name]


@cache
def _files() -> Mapping[str, _File]:
    texts = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.suffix in _MEDIA_TYPES}
    return {name: _as_sent(name, text) for name, text in _in_one_script(texts).items()}


def _in_one_script(texts: Mapping[str, str]) -> dict[str, str]:
    """Put what the page begins with into one script, and have no browser ask for its parts beforehand."""
    modules = {name: text for name, text in texts.items() if name.endswith(".js")}
    return {**texts, **bundled(modules, _SCRIPTS), ENTRANCE: _PRELOAD.sub("", texts[ENTRANCE])}


def _as_sent(name: str, text: str) -> _File:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return _File(text, _MEDIA_TYPES[Path(name).suffix], f'"{digest[:32]}"')


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
