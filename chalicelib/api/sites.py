"""Reading what is true of a whole site: which there are, what is counted there, and what people said there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chalice.app import Blueprint

from chalicelib.api import filters, requests, shapes, site_shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered
from chalicelib.api.exports import form_for, sent
from chalicelib.api.site_shapes import Period
from chalicelib.errors import InvalidRequest
from chalicelib.listing import NO_SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Response

    from chalicelib.api.world import World

_HOURS: Final = 24
_MOST_HOURS: Final = 31 * 24


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/sites`, but for a site's feedback, which is with what people do."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/sites", authorizer=authorizer)
    @answered
    def list_sites() -> dict[str, Any]:
        requests.parameters_of(blueprint.current_request, frozenset())
        here = world()
        sites = [
            {"site": site, "bins_waiting": here.directory.waiting_in_all(site)} for site in here.statistics.sites()
        ]
        at_none = here.directory.waiting_in_all(NO_SITE)
        return {"sites": [*sites, *([{"site": None, "bins_waiting": at_none}] if at_none else [])], "cursor": None}

    @blueprint.route("/v1/sites/{site}/statistics", authorizer=authorizer)
    @answered
    def show_statistics(site: str) -> dict[str, Any]:
        name, here = requests.identifier(site), world()
        query = requests.parameters_of(blueprint.current_request, {"hours"})
        period = Period(_hours(query), here.clock())
        waiting, rules = here.directory.waiting(name), here.rules_of(name)
        return {
            "site": name,
            **site_shapes.traffic(period, here.statistics.hours(name, period.first, period.last)),
            **site_shapes.workload(waiting, rules.review_per_hour, here.people.feedback(name)),
            "dead_letters": here.dead_letters.waiting(),
        }

    @blueprint.route("/v1/sites/{site}/resolutions", authorizer=authorizer)
    @answered
    def list_statements(site: str) -> Response:
        request, name = blueprint.current_request, requests.identifier(site)
        query = requests.query_of(request, filters.OF_TIME)
        since, until = requests.moment_in(query, "from"), requests.moment_in(query, "to")
        statements, form = List.of_statements(name, query.get("from"), query.get("to")), form_for(request)
        paging = requests.paging_in(query, statements, form.most)
        page = world().directory.statements(name, since, until, paging.limit, paging.start)
        entries = [shapes.statement(said, world().pictures) for said in page.entries]
        return sent(request, form, "resolutions", entries, statements.cursor(page))

    return blueprint


def _hours(query: Mapping[str, str]) -> int:
    text = query.get("hours", str(_HOURS))
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST_HOURS))
    if not is_number or not 1 <= int(text) <= _MOST_HOURS:
        raise InvalidRequest(f"hours must be a whole number from 1 to {_MOST_HOURS}")
    return int(text)
