"""Reading bins and their photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered, tagged
from chalicelib.domain import BinState
from chalicelib.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Response

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/bins`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/bins", authorizer=authorizer)
    @answered
    def list_bins() -> dict[str, Any]:
        query = requests.query_of(blueprint.current_request, {"status", "consignment"})
        state, consignment_id = _state(query), _consignment_id(query)
        bins = List.of_bins(state, consignment_id)
        paging = requests.paging_in(query, bins)
        page = world().directory.bins(state, consignment_id, paging.limit, paging.start)
        return {"bins": [shapes.bin_status(status) for status in page.entries], "cursor": bins.cursor(page)}

    @blueprint.route("/v1/bins/{bin_id}", authorizer=authorizer)
    @answered
    def show_bin(bin_id: str) -> Response:
        bin_ = world().bins.get(requests.identifier(bin_id))
        is_on_file = bin_.status.version > 0
        if not is_on_file:
            raise NotFound(f"no bin {bin_id} is on file")
        return tagged(shapes.bin_in_full(bin_, world().pictures), bin_.status.version)

    @blueprint.route("/v1/bins/{bin_id}/inspections", authorizer=authorizer)
    @answered
    def list_photos(bin_id: str) -> dict[str, Any]:
        photos = List.of_photos(requests.identifier(bin_id))
        paging = requests.paging_in(requests.query_of(blueprint.current_request), photos)
        page = world().directory.photos(bin_id, paging.limit, paging.start)
        inspections = [shapes.outcome(outcome, world().pictures) for outcome in page.entries]
        return {"inspections": inspections, "cursor": photos.cursor(page)}

    return blueprint


def _state(query: Mapping[str, str]) -> BinState | None:
    try:
        return BinState(query["status"]) if "status" in query else None
    except ValueError as error:
        raise InvalidRequest(f"status must be one of {', '.join(BinState)}") from error


def _consignment_id(query: Mapping[str, str]) -> str | None:
    return requests.identifier(query["consignment"]) if "consignment" in query else None
