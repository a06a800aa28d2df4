"""Reading the photos that could not be judged, also those whose key names no bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the route `/v1/rejections`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/rejections", authorizer=authorizer)
    @answered
    def list_rejections() -> dict[str, Any]:
        rejections = List.of_rejections()
        paging = requests.paging_in(requests.query_of(blueprint.current_request), rejections)
        page = world().directory.rejections(paging.limit, paging.start)
        entries = [shapes.outcome(outcome, world().pictures) for outcome in page.entries]
        return {"rejections": entries, "cursor": rejections.cursor(page)}

    return blueprint
