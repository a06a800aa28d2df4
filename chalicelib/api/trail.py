"""Reading the audit trail: who changed what and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import filters, requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered
from chalicelib.api.exports import form_for, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes of the audit trail."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/bins/{bin_id}/audit", authorizer=authorizer)
    @answered
    def list_trail_of_bin(bin_id: str) -> Response:
        request = blueprint.current_request
        trail, form = List.of_bin_trail(requests.identifier(bin_id)), form_for(request)
        paging = requests.paging_in(requests.query_of(request), trail, form.most)
        page = world().trail.of_bin(bin_id, paging.limit, paging.start)
        return sent(request, form, "audit", [shapes.audit_record(one) for one in page.entries], trail.cursor(page))

    @blueprint.route("/v1/audit", authorizer=authorizer)
    @answered
    def list_trail() -> Response:
        """List what was changed at a site; without one, what was changed of bins that no consignment places."""
        request = blueprint.current_request
        query = requests.query_of(request, {"site", *filters.OF_TIME})
        site = requests.identifier(query["site"]) if "site" in query else None
        since, until = requests.moment_in(query, "from"), requests.moment_in(query, "to")
        trail, form = List.of_trail(site, query.get("from"), query.get("to")), form_for(request)
        paging = requests.paging_in(query, trail, form.most)
        page = world().trail.of_site(site, since, until, paging.limit, paging.start)
        return sent(request, form, "audit", [shapes.audit_record(one) for one in page.entries], trail.cursor(page))

    return blueprint
