"""Who the caller is, as the authorizer has verified it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests
from chalicelib.api.errors import answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:  # noqa: ARG001 - mounted as all others are
    """Return the route `/v1/me`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/me", authorizer=authorizer)
    @answered
    def show_caller() -> dict[str, Any]:
        """Tell the name by which changes are recorded, one for people to read, and the role."""
        context = requests.authorizer_of(blueprint.current_request)
        name = requests.caller_of(blueprint.current_request).name
        return {"name": name, "display": context.get("display", name), "role": context.get("role")}

    return blueprint
