"""Tokens are signed with keys made here; those that must fail are a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from chalice import Chalice
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.api import register
from chalicelib.api.auth import Authorizer, Unauthorized, keys_at
from chalicelib.errors import TemporaryFailure
from tests.described import DescribedClient as Client
from tests.fakes_api import FakeWorld
from tests.policy_examples import document

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://issuer.example"
AUDIENCE = "bincheck"
LONG_AGO, FAR_AHEAD = 1_000_000_000, 4_000_000_000
ARN = "arn:aws:execute-api:eu-central-1:123456789012:api1/live/GET/v1/bins"

ours = rsa.generate_private_key(public_exponent=65537, key_size=2048)
curve = ec.generate_private_key(ec.SECP256R1())
theirs = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public_pem = ours.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class PublishedKeys(jwt.PyJWKClient):
    """The issuer's keys without a network: what it would answer, and how often it is asked."""

    def __init__(self) -> None:
        super().__init__("https://issuer.example/jwks")
        self.fetches = 0

    def fetch_data(self) -> Any:
        self.fetches += 1
        published = [
            {**RSAAlgorithm.to_jwk(ours.public_key(), as_dict=True), "kid": "rsa", "use": "sig"},
            {**ECAlgorithm.to_jwk(curve.public_key(), as_dict=True), "kid": "ec", "use": "sig"},
        ]
        self.jwk_set_cache.put({"keys": published})  # type: ignore[union-attr, arg-type]
        return {"keys": published}


class UnreachableKeys(jwt.PyJWKClient):
    """An issuer that is down."""

    def fetch_data(self) -> Any:
        raise jwt.PyJWKClientConnectionError("timed out")


@pytest.fixture
def authorizer() -> Authorizer:
    return Authorizer(PublishedKeys(), ISSUER, AUDIENCE, "cognito:groups")


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good access token; a change to None leaves a claim out."""
    good = {
        "iss": ISSUER,
        "sub": "u-17",
        "client_id": AUDIENCE,
        "token_use": "access",
        "cognito:groups": ["viewer"],
        "iat": LONG_AGO,
        "exp": FAR_AHEAD,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(key: Any = ours, algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any) -> str:
    headers = {"kid": kid} if kid else {}
    return "Bearer " + jwt.encode(claims(**changes), key, algorithm, headers=headers)


def signed_with_the_public_key_as_a_secret() -> str:
    """PyJWT refuses to make such a token, an attacker does not."""
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    body = jwt.utils.base64url_encode(json.dumps(claims()).encode())
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = jwt.utils.base64url_encode(hmac.sign(head + b"." + body, public_pem))
    return "Bearer " + b".".join([head, body, signature]).decode()


def with_a_changed_role() -> str:
    head, _, signature = signed().split(".")
    body = jwt.utils.base64url_encode(json.dumps(claims(**{"cognito:groups": ["operator"]})).encode()).decode()
    return f"{head}.{body}.{signature}"


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "no scheme": lambda: signed().removeprefix("Bearer "),
    "another scheme": lambda: "Basic " + signed().removeprefix("Bearer "),
    "a scheme alone": lambda: "Bearer ",
    "garbage": lambda: "Bearer abc",
    "garbage in three parts": lambda: "Bearer a.b.c",
    "expired": lambda: signed(exp=LONG_AGO),
    "without an end": lambda: signed(exp=None),
    "not yet valid": lambda: signed(nbf=FAR_AHEAD),
    "issued in the future": lambda: signed(iat=FAR_AHEAD),
    "wrong issuer": lambda: signed(iss="https://issuer.example.evil"),
    "no issuer": lambda: signed(iss=None),
    "no subject": lambda: signed(sub=None),
    "wrong audience": lambda: signed(aud="another", client_id=None),
    "wrong client": lambda: signed(client_id="another"),
    "wrong audience beside the right client": lambda: signed(aud="another"),
    "no audience": lambda: signed(client_id=None),
    "id token": lambda: signed(token_use="id", aud=AUDIENCE),
    "wrong key": lambda: signed(theirs),
    "unknown kid": lambda: signed(kid="next-year"),
    "no kid": lambda: signed(kid=None),
    "key of another kind": lambda: signed(curve, "ES256", kid="rsa"),
    "another algorithm": lambda: signed(algorithm="RS512"),
    "no algorithm": lambda: signed(key=None, algorithm="none"),
    "public key as a secret": signed_with_the_public_key_as_a_secret,
    "claims changed after signing": with_a_changed_role,
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_is_unauthorized(authorizer: Authorizer, token: Callable[[], str]) -> None:
    with pytest.raises(Unauthorized) as refusal:
        authorizer.authorize(token(), ARN)
    assert str(refusal.value) == "Unauthorized"


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(curve, "ES256", kid="ec"),
        signed(aud=AUDIENCE, client_id=None),
        signed(aud=["another", AUDIENCE], client_id=None, token_use=None),
        signed().replace("Bearer", "bearer"),
    ],
    ids=["Cognito access token", "elliptic curve", "audience", "several audiences", "scheme in lower case"],
)
def test_a_good_token_names_its_holder(authorizer: Authorizer, token: str) -> None:
    answer = authorizer.authorize(token, ARN)
    assert answer["principalId"] == "u-17"
    assert answer["context"] == {"role": "viewer", "display": "u-17"}


@pytest.mark.parametrize(
    ("named", "display"),
    [
        ({"username": "bob", "email": "bob@example.org"}, "bob@example.org"),
        ({"username": "bob", "cognito:username": "b-1"}, "bob"),
        ({"cognito:username": "b-1"}, "b-1"),
        ({"email": "", "username": 7}, "u-17"),
    ],
)
def test_people_are_shown_a_name_that_they_know(authorizer: Authorizer, named: dict[str, Any], display: str) -> None:
    answer = authorizer.authorize(signed(**named), ARN)
    assert (answer["principalId"], answer["context"]["display"]) == ("u-17", display)


API = "arn:aws:execute-api:eu-central-1:123456789012:api1/live"


@pytest.mark.parametrize(
    ("roles", "role", "effect", "resource"),
    [
        (["viewer"], "viewer", "Allow", f"{API}/GET/v1/*"),
        (["operator"], "operator", "Allow", f"{API}/*/v1/*"),
        (["viewer", "operator", "others"], "operator", "Allow", f"{API}/*/v1/*"),
        ("openid viewer", "viewer", "Allow", f"{API}/GET/v1/*"),
        ("operator", "operator", "Allow", f"{API}/*/v1/*"),
        ([], "none", "Deny", f"{API}/*"),
        (["operators"], "none", "Deny", f"{API}/*"),
        ("non-operator", "none", "Deny", f"{API}/*"),
        ({"operator": True}, "none", "Deny", f"{API}/*"),
        (None, "none", "Deny", f"{API}/*"),
        (7, "none", "Deny", f"{API}/*"),
    ],
)
def test_a_role_decides_what_the_whole_api_allows(
    authorizer: Authorizer, roles: Any, role: str, effect: str, resource: str
) -> None:
    answer = authorizer.authorize(signed(**{"cognito:groups": roles}), ARN)
    [statement] = answer["policyDocument"]["Statement"]
    assert answer["context"]["role"] == role
    assert (statement["Effect"], statement["Resource"]) == (effect, [resource])


def test_the_issuers_keys_are_fetched_once() -> None:
    keys = PublishedKeys()
    authorizer = Authorizer(keys, ISSUER, AUDIENCE, "cognito:groups")
    for _ in range(3):
        authorizer.authorize(signed(), ARN)
    assert keys.fetches == 1


def test_an_issuer_that_is_down_is_not_the_callers_fault() -> None:
    authorizer = Authorizer(UnreachableKeys(f"{ISSUER}/jwks"), ISSUER, AUDIENCE, "cognito:groups")
    with pytest.raises(TemporaryFailure):
        authorizer.authorize(signed(), ARN)


def test_keys_are_only_read_over_http() -> None:
    with pytest.raises(jwt.PyJWKClientError):
        keys_at("file:///etc/jwks.json")


@pytest.fixture
def client(authorizer: Authorizer) -> Client:
    app = Chalice(app_name="bincheck")

    @app.authorizer()
    def authorize(request: Any) -> dict[str, Any]:
        return authorizer.authorize(request.token, request.method_arn)

    register(app, FakeWorld(), authorize)
    return Client(app)


BODIES = {
    "/v1/consignments/C-1": {"site": "FRA1", "bins": []},
    "/v1/policies/FRA1": {"replaces": 0, "note": "why", "policy": document()},
    "/v1/policies/FRA1/preview": {"policy": document()},
    "/v1/bins/A-1/assignment": {"assignee": "bob"},
}


@pytest.mark.parametrize(
    ("method", "path", "roles", "status"),
    [
        ("GET", "/health", None, 200),
        ("GET", "/v1/bins", ["viewer"], 200),
        ("GET", "/v1/rejections", ["operator"], 200),
        ("PUT", "/v1/consignments/C-1", ["operator"], 200),
        ("PUT", "/v1/consignments/C-1", ["viewer"], 403),
        ("GET", "/v1/policies/FRA1", ["viewer"], 200),
        ("GET", "/v1/policies/FRA1/versions", ["viewer"], 200),
        ("PUT", "/v1/policies/FRA1", ["operator"], 200),
        ("PUT", "/v1/policies/FRA1", ["viewer"], 403),
        ("POST", "/v1/policies/FRA1/preview", ["operator"], 200),
        ("POST", "/v1/policies/FRA1/preview", ["viewer"], 403),
        ("GET", "/v1/reviews?site=FRA1", ["viewer"], 200),
        ("GET", "/v1/sites/FRA1/feedback", ["viewer"], 200),
        ("GET", "/v1/bins/A-1/resolutions", ["viewer"], 200),
        ("POST", "/v1/bins/A-1/acknowledgement", ["viewer"], 403),
        ("POST", "/v1/bins/A-1/resolution", ["viewer"], 403),
        ("POST", "/v1/bins/A-1/reopening", ["viewer"], 403),
        ("POST", "/v1/bins/A-1/acknowledgement", ["operator"], 404),
        ("GET", "/v1/me", ["viewer"], 200),
        ("GET", "/v1/me", [], 403),
        ("GET", "/v1/audit?site=FRA1", ["viewer"], 200),
        ("GET", "/v1/bins/A-1/audit", ["viewer"], 200),
        ("POST", "/v1/bins/A-1/assignment", ["viewer"], 403),
        ("POST", "/v1/bins/A-1/assignment", ["operator"], 404),
        ("POST", "/v1/bins/A-1/photo-request", ["viewer"], 403),
        ("POST", "/v1/bins/A-1/photo-request", ["operator"], 404),
        ("GET", "/v1/bins", [], 403),
    ],
)
def test_viewers_read_and_operators_change_things(
    client: Client, method: str, path: str, roles: list[str] | None, status: int
) -> None:
    token = {} if roles is None else {"Authorization": signed(**{"cognito:groups": roles})}
    headers = {"Content-Type": "application/json", **token}
    body = b"" if method == "GET" else json.dumps(BODIES.get(path, {})).encode()
    assert client.http.request(method, path, headers=headers, body=body).status_code == status


def test_a_change_of_a_policy_remembers_whose_token_it_came_with(client: Client) -> None:
    token = signed(**{"cognito:groups": ["operator"], "sub": "operator-7"})
    headers = {"Content-Type": "application/json", "Authorization": token}
    body = json.dumps(BODIES["/v1/policies/FRA1"]).encode()
    assert client.http.put("/v1/policies/FRA1", headers=headers, body=body).json_body["author"] == "operator-7"


def test_callers_are_told_who_they_are(client: Client) -> None:
    token = signed(**{"cognito:groups": ["operator"], "sub": "operator-7", "username": "bob"})
    said = client.http.get("/v1/me", headers={"Authorization": token}).json_body
    assert said == {"name": "operator-7", "display": "bob", "role": "operator"}


def test_every_route_but_health_the_description_and_the_page_is_closed(client: Client) -> None:
    routes = [(path, entry) for path, methods in client._app.routes.items() for entry in methods.values()]
    is_open = [path for path, entry in routes if entry.authorizer is None]
    assert is_open == ["/health", "/openapi.json", "/page", "/page/{file}"]
    closed = [(path, entry) for path, entry in routes if entry.authorizer is not None]
    assert len(closed) >= 16
    for path, entry in closed:
        assert client.http.request(entry.method, path.replace("{", "").replace("}", "")).status_code == 401
