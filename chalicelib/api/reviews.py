"""Reading the review queue: what to look at next, and when its turn comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered
from chalicelib.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.api.requests import Paging
    from chalicelib.api.world import World
    from chalicelib.bin_status import BinStatus
    from chalicelib.ports_api import Page

_RANK = "rank"
"""What a cursor of the queue carries beside its position: how many bins came before."""


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the route `/v1/reviews`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/reviews", authorizer=authorizer)
    @answered
    def list_reviews() -> dict[str, Any]:
        query = requests.query_of(blueprint.current_request, {"site"})
        site = _site(query)
        queue = List.of_reviews(site)
        paging, first = _ranked(requests.paging_in(query, queue))
        page = world().directory.reviews(site, paging.limit, paging.start)
        per_hour = world().rules_of(site).review_per_hour
        reviews = [
            shapes.review(status, rank, rank // per_hour, world().pictures)
            for rank, status in enumerate(page.entries, first)
        ]
        following = _with_rank(page, first + len(reviews))
        return {"site": site, "review_per_hour": per_hour, "reviews": reviews, "cursor": queue.cursor(following)}

    return blueprint


def _site(query: Mapping[str, str]) -> str:
    if "site" not in query:
        raise InvalidRequest("site must be given: each has a queue of its own")
    return requests.identifier(query["site"])


def _ranked(paging: Paging) -> tuple[Paging, int]:
    """Part a position of the queue from the rank that it was given out with."""
    if paging.start is None:
        return paging, 0
    start = dict(paging.start)
    rank = start.pop(_RANK, "")
    if not (rank.isascii() and rank.isdecimal()) or not start:
        raise InvalidRequest("cursor is not one that this API gave out")
    return replace(paging, start=start), int(rank)


def _with_rank(page: Page[BinStatus], rank: int) -> Page[BinStatus]:
    following = None if page.following is None else {**page.following, _RANK: str(rank)}
    return replace(page, following=following)
