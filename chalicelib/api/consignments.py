"""Loading consignments, closing and reopening them, and seeing how far they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import consignment_shapes, requests, shapes
from chalicelib.api.cursors import DEFAULT_LIMIT, List
from chalicelib.api.errors import answered, tagged
from chalicelib.consignment import ConsignmentState, Progress
from chalicelib.errors import InvalidRequest, NotFound
from chalicelib.listing import Wanted
from chalicelib.load import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Request, Response

    from chalicelib.api.world import World
    from chalicelib.consignment import Consignment
    from chalicelib.domain import Expectation

_JSON, _CSV = "application/json", "text/csv"


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/consignments`; the authorizer lets none but operators change one."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/consignments", authorizer=authorizer)
    @answered
    def list_consignments() -> dict[str, Any]:
        query = requests.query_of(blueprint.current_request, {"site", "state"})
        site, state = _site_in(query), _state_in(query)
        newest = List.of_consignments(site, state)
        paging = requests.paging_in(query, newest)
        page = world().consignment_lists.newest(site, state, paging.limit, paging.start)
        shown = [consignment_shapes.consignment(consignment) for consignment in page.entries]
        return {"consignments": shown, "cursor": newest.cursor(page)}

    @blueprint.route(
        "/v1/consignments/{consignment_id}", methods=["PUT"], authorizer=authorizer, content_types=[_JSON, _CSV]
    )
    @answered
    def load_consignment(consignment_id: str) -> Response:
        name = requests.identifier(consignment_id)
        site, expectations = _said_in(blueprint.current_request, name)
        order = Order(requests.caller_of(blueprint.current_request))
        consignment, is_changed = world().loader.load(name, site, expectations, order)
        return tagged({**consignment_shapes.consignment(consignment), "changed": is_changed}, consignment.version)

    @blueprint.route("/v1/consignments/{consignment_id}", authorizer=authorizer)
    @answered
    def show_consignment(consignment_id: str) -> Response:
        consignment = world().consignments.get(requests.identifier(consignment_id))
        if consignment is None:
            raise NotFound(f"no consignment {consignment_id} is on file")
        its_bins = Wanted(consignment_id=consignment_id)
        page = world().directory.bins(its_bins, DEFAULT_LIMIT, None)
        bins = {
            "bins": [shapes.bin_status(status) for status in page.entries],
            "cursor": List.of_bins(its_bins).cursor(page),
        }
        return tagged({**_in_full(consignment, world()), **bins}, consignment.version)

    @blueprint.route("/v1/consignments/{consignment_id}/closing", methods=["POST"], authorizer=authorizer)
    @answered
    def close_consignment(consignment_id: str) -> Response:
        from chalicelib.api.bodies import closing_in  # noqa: PLC0415 - slow to import, see chalicelib.api

        said = closing_in(requests.body_of(blueprint.current_request))
        order = Order(requests.caller_of(blueprint.current_request), said.note)
        name = requests.identifier(consignment_id)
        consignment = world().loader.close(name, order, even_if_open=said.even_if_open)
        return tagged(_in_full(consignment, world()), consignment.version)

    @blueprint.route("/v1/consignments/{consignment_id}/reopening", methods=["POST"], authorizer=authorizer)
    @answered
    def reopen_consignment(consignment_id: str) -> Response:
        from chalicelib.api.bodies import reopening_in  # noqa: PLC0415 - likewise

        said = reopening_in(requests.body_of(blueprint.current_request))
        order = Order(requests.caller_of(blueprint.current_request), said.note)
        consignment = world().loader.reopen(requests.identifier(consignment_id), order)
        return tagged(_in_full(consignment, world()), consignment.version)

    return blueprint


def _said_in(request: Request, consignment_id: str) -> tuple[str, Sequence[Expectation]]:
    """Return the site that a load names, and what it says of bins: a JSON body, or CSV with the site as a parameter."""
    body = requests.body_of(request)
    media_type = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if media_type == _CSV:
        from chalicelib.manifest import read_manifest  # noqa: PLC0415 - only for this kind of body

        site = _site_in(requests.parameters_of(request, {"site"}))
        if site is None:
            raise InvalidRequest("a CSV body does not say whose it is: give its site as a query parameter")
        return site, read_manifest(body, consignment_id, site).expectations
    from chalicelib.api.bodies import consignment_in  # noqa: PLC0415 - slow to import, see chalicelib.api

    requests.parameters_of(request, frozenset())
    said = consignment_in(body)
    return said.site, said.expectations(consignment_id)


def _in_full(consignment: Consignment, world: World) -> dict[str, Any]:
    """Return a consignment with all that is known of it but its bins."""
    refusal = consignment.refusal and (
        world.consignment_lists.refusal(consignment.consignment_id) or consignment.refusal
    )
    shown = consignment_shapes.consignment(replace(consignment, refusal=refusal))
    return {**shown, "progress": consignment_shapes.progress(_progress_of(consignment, world))}


def _progress_of(consignment: Consignment, world: World) -> Progress:
    """Return how far a consignment's bins are, or were when it was closed."""
    if consignment.state is ConsignmentState.REFUSED:
        return Progress.of(0, {})
    return consignment.outcome or world.consignment_lists.progress(consignment)


def _site_in(query: Mapping[str, str]) -> str | None:
    return requests.identifier(query["site"]) if "site" in query else None


def _state_in(query: Mapping[str, str]) -> ConsignmentState | None:
    try:
        return ConsignmentState(query["state"]) if "state" in query else None
    except ValueError as error:
        raise InvalidRequest(f"state must be one of {', '.join(ConsignmentState)}") from error
