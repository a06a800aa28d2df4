"""Who may call: a bearer token (JWT) of the configured OIDC issuer, verified, becomes a policy for API Gateway.

Slow to import (cryptography): only from within the authorizer's function.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import jwt

from chalicelib.errors import TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALGORITHMS = ("RS256", "ES256")
"""Asymmetric only: with a symmetric one, whoever reads the public key could sign."""

_NAMES = ("email", "username", "cognito:username")
"""The claims by which people know each other, the best first. An access token of Cognito has `username` alone."""

_LEEWAY_S = 10
"""Clocks of issuer and Lambda may differ by this much."""

_JWKS_TIMEOUT_S = 3
_JWKS_LIFETIME_S = 3600


class Role(StrEnum):
    """What a caller may do; the greater one first, since a caller may have both."""

    OPERATOR = "operator"
    VIEWER = "viewer"


_METHODS = {Role.OPERATOR: "*", Role.VIEWER: "GET"}


class Unauthorized(Exception):  # noqa: N818 - API Gateway turns this very message into a 401
    """The token is missing or no good; which of it, the caller is not told."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Keys(Protocol):
    """The issuer's public keys."""

    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK:
        """Return the key that the token names; PyJWTError where there is none."""


def keys_at(jwks_url: str) -> Keys:
    """Return the issuer's keys, fetched when first needed and kept for an hour; an unknown one is looked up anew."""
    return jwt.PyJWKClient(jwks_url, lifespan=_JWKS_LIFETIME_S, timeout=_JWKS_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Verifies tokens of one issuer for one audience; `roles_claim` names the claim that holds the roles."""

    keys: Keys
    issuer: str
    audience: str
    roles_claim: str

    def authorize(self, authorization: str, method_arn: str) -> dict[str, Any]:
        """Return API Gateway's answer for an Authorization header: what the caller may do with this API.

        The gateway keeps it for all routes of the same token, so it speaks of all routes and not of this one.

        Raises:
            Unauthorized: the token is missing or no good: 401.
            TemporaryFailure: the issuer's keys can't be had: 500.
        """
        claims = self._verified(_bearer_token(authorization))
        role = _role(claims.get(self.roles_claim))
        return {
            "principalId": claims["sub"],
            "context": {"role": role or "none", "display": _display_name(claims)},
            "policyDocument": _policy(role, method_arn),
        }

    def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(
                token,
                self.keys.get_signing_key_from_jwt(token),
                algorithms=_ALGORITHMS,
                issuer=self.issuer,
                leeway=_LEEWAY_S,
                # The audience is checked below: Cognito's access tokens carry it as client_id.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise TemporaryFailure(f"the issuer's keys can't be had: {error}") from error
        except jwt.PyJWTError as error:
            raise Unauthorized from error
        is_access_token = claims.get("token_use", "access") == "access"
        if not is_access_token or self.audience not in _audiences(claims):
            raise Unauthorized
        return claims


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized
    return token.strip()


def _audiences(claims: Mapping[str, Any]) -> list[Any]:
    named = claims.get("aud", claims.get("client_id"))
    return named if isinstance(named, list) else [named]


def _display_name(claims: Mapping[str, Any]) -> str:
    """Return the caller's name as people know it; the token's subject, which is recorded, may be a mere number."""
    named = [claims[name] for name in _NAMES if isinstance(claims.get(name), str) and claims[name]]
    return str(named[0] if named else claims["sub"])


def _role(claim: Any) -> Role | None:
    """Return the greatest role in a claim that is a list or a text parted by spaces."""
    names = claim.split() if isinstance(claim, str) else claim
    return next((role for role in Role if isinstance(names, list) and role in names), None)


def _policy(role: Role | None, method_arn: str) -> dict[str, Any]:
    """Return what a role may do, as an IAM policy; `method_arn` ends in `<api id>/<stage>/<method>/<path>`."""
    api = "/".join(method_arn.split("/")[:2])
    effect, resource = ("Allow", f"{api}/{_METHODS[role]}/v1/*") if role else ("Deny", f"{api}/*")
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [resource]}
    return {"Version": "2012-10-17", "Statement": [statement]}
