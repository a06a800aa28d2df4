"""Reading the photos that could not be judged, also those whose key names no bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered
from chalicelib.api.exports import form_for, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the route `/v1/rejections`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/rejections", authorizer=authorizer)
    @answered
    def list_rejections() -> Response:
        request = blueprint.current_request
        rejections, form = List.of_rejections(), form_for(request)
        paging = requests.paging_in(requests.query_of(request), rejections, form.most)
        page = world().directory.rejections(paging.limit, paging.start)
        entries = [shapes.outcome(outcome, world().pictures) for outcome in page.entries]
        return sent(request, form, "rejections", entries, rejections.cursor(page))

    return blueprint
