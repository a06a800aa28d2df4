"""Reading the audit trail: who changed what and when."""

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
    """Return the routes of the audit trail."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/bins/{bin_id}/audit", authorizer=authorizer)
    @answered
    def list_trail_of_bin(bin_id: str) -> dict[str, Any]:
        trail = List.of_bin_trail(requests.identifier(bin_id))
        paging = requests.paging_in(requests.query_of(blueprint.current_request), trail)
        page = world().trail.of_bin(bin_id, paging.limit, paging.start)
        return {"audit": [shapes.audit_record(record) for record in page.entries], "cursor": trail.cursor(page)}

    @blueprint.route("/v1/audit", authorizer=authorizer)
    @answered
    def list_trail() -> dict[str, Any]:
        """List what was changed at a site; without one, what was changed of bins that no consignment places."""
        query = requests.query_of(blueprint.current_request, {"site", "from", "to"})
        site = requests.identifier(query["site"]) if "site" in query else None
        since, until = requests.moment_in(query, "from"), requests.moment_in(query, "to")
        trail = List.of_trail(site, query.get("from"), query.get("to"))
        paging = requests.paging_in(query, trail)
        page = world().trail.of_site(site, since, until, paging.limit, paging.start)
        return {"audit": [shapes.audit_record(record) for record in page.entries], "cursor": trail.cursor(page)}

    return blueprint
