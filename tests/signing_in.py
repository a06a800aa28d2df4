"""Signing in to a deployed app's own user pool."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.conftest import Deployed


def token_of_an_operator(deployed: Deployed) -> str:
    """Make somebody an operator and return their access token."""
    cognito, outputs = deployed.emulator.client("cognito-idp"), deployed.outputs
    someone = {"UserPoolId": outputs["UserPoolId"], "Username": f"operator-{secrets.token_hex(4)}"}
    password = f"aA1-{secrets.token_hex(8)}"
    cognito.admin_create_user(**someone, TemporaryPassword=password, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**someone, Password=password, Permanent=True)
    cognito.admin_add_user_to_group(**someone, GroupName="operator")
    signed_in = cognito.admin_initiate_auth(
        UserPoolId=outputs["UserPoolId"],
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": someone["Username"], "PASSWORD": password},
    )
    token: str = signed_in["AuthenticationResult"]["AccessToken"]
    return token
