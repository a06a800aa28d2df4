"""What people do about bins, and what their sites learn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered, tagged
from chalicelib.api.exports import form_for, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.api.world import World
    from chalicelib.bin_status import Bin


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes of what people do about bins; the authorizer lets none but operators do it."""
    blueprint = Blueprint(__name__)

    def answer(bin_: Bin) -> Response:
        return tagged(shapes.bin_in_full(bin_, world().pictures), bin_.status.version)

    @blueprint.route("/v1/bins/{bin_id}/acknowledgement", methods=["POST"], authorizer=authorizer)
    @answered
    def acknowledge(bin_id: str) -> Response:
        caller = requests.caller_of(blueprint.current_request)
        return answer(world().resolver.acknowledge(requests.identifier(bin_id), caller))

    @blueprint.route("/v1/bins/{bin_id}/assignment", methods=["POST"], authorizer=authorizer)
    @answered
    def assign(bin_id: str) -> Response:
        from chalicelib.api.bodies import assignment_in  # noqa: PLC0415 - slow to import, see chalicelib.api

        caller = requests.caller_of(blueprint.current_request)
        said = assignment_in(requests.body_of(blueprint.current_request))
        return answer(world().resolver.assign(requests.identifier(bin_id), said.assignee, caller))

    @blueprint.route("/v1/bins/{bin_id}/photo-request", methods=["POST"], authorizer=authorizer)
    @answered
    def request_photo(bin_id: str) -> Response:
        from chalicelib.api.bodies import photo_request_in  # noqa: PLC0415 - likewise

        caller = requests.caller_of(blueprint.current_request)
        said = photo_request_in(requests.body_of(blueprint.current_request))
        return answer(world().resolver.request_photo(requests.identifier(bin_id), said.note, caller))

    @blueprint.route("/v1/bins/{bin_id}/resolution", methods=["POST"], authorizer=authorizer)
    @answered
    def resolve(bin_id: str) -> Response:
        from chalicelib.api.bodies import resolution_in  # noqa: PLC0415 - likewise

        caller = requests.caller_of(blueprint.current_request)
        said = resolution_in(requests.body_of(blueprint.current_request))
        return answer(world().resolver.resolve(requests.identifier(bin_id), said.finding, caller))

    @blueprint.route("/v1/bins/{bin_id}/reopening", methods=["POST"], authorizer=authorizer)
    @answered
    def reopen(bin_id: str) -> Response:
        from chalicelib.api.bodies import reopening_in  # noqa: PLC0415 - likewise

        caller = requests.caller_of(blueprint.current_request)
        said = reopening_in(requests.body_of(blueprint.current_request))
        return answer(world().resolver.reopen(requests.identifier(bin_id), said.note, caller))

    @blueprint.route("/v1/bins/{bin_id}/resolutions", authorizer=authorizer)
    @answered
    def list_acts(bin_id: str) -> Response:
        request = blueprint.current_request
        acts, form = List.of_acts(requests.identifier(bin_id)), form_for(request)
        paging = requests.paging_in(requests.query_of(request), acts, form.most)
        page = world().directory.acts(bin_id, paging.limit, paging.start)
        return sent(request, form, "resolutions", [shapes.act(act) for act in page.entries], acts.cursor(page))

    @blueprint.route("/v1/sites/{site}/feedback", authorizer=authorizer)
    @answered
    def show_feedback(site: str) -> dict[str, Any]:
        rules = world().rules_of(requests.identifier(site))
        return {"site": site, **shapes.feedback(world().people.feedback(site), rules)}

    return blueprint
