"""Loading and reading consignments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import DEFAULT_LIMIT, List
from chalicelib.api.errors import answered
from chalicelib.errors import NotFound
from chalicelib.listing import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/consignments`; the authorizer lets none but operators load one."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/consignments/{consignment_id}", methods=["PUT"], authorizer=authorizer)
    @answered
    def load_consignment(consignment_id: str) -> dict[str, Any]:
        from chalicelib.api.bodies import consignment_in  # noqa: PLC0415 - slow to import, see chalicelib.api

        name = requests.identifier(consignment_id)
        body = consignment_in(requests.body_of(blueprint.current_request))
        consignment, is_changed = world().loader.load(name, body.site, body.expectations(name))
        return {**shapes.consignment(consignment), "changed": is_changed}

    @blueprint.route("/v1/consignments/{consignment_id}", authorizer=authorizer)
    @answered
    def show_consignment(consignment_id: str) -> dict[str, Any]:
        consignment = world().consignments.get(requests.identifier(consignment_id))
        if consignment is None:
            raise NotFound(f"no consignment {consignment_id} is on file")
        its_bins = Wanted(consignment_id=consignment_id)
        page = world().directory.bins(its_bins, DEFAULT_LIMIT, None)
        return {
            **shapes.consignment(consignment),
            "bins": [shapes.bin_status(status) for status in page.entries],
            "cursor": List.of_bins(its_bins).cursor(page),
        }

    return blueprint
