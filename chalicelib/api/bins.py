"""Reading bins and their photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import filters, requests, shapes
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered, tagged
from chalicelib.api.exports import form_for, sent
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.api.world import World


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/bins`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/bins", authorizer=authorizer)
    @answered
    def list_bins() -> Response:
        request = blueprint.current_request
        query = requests.query_of(request, filters.OF_BINS)
        wanted, has_pictures, form = filters.wanted_in(query), filters.flag_in(query, "pictures"), form_for(request)
        bins = List.of_bins(wanted)
        paging = requests.paging_in(query, bins, form.most)
        page = world().directory.bins(wanted, paging.limit, paging.start)
        shape = shapes.bin_with_picture if has_pictures else shapes.bin_without_picture
        entries = [shape(status, world().pictures) for status in page.entries]
        return sent(request, form, "bins", entries, bins.cursor(page))

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
    def list_photos(bin_id: str) -> Response:
        request = blueprint.current_request
        photos, form = List.of_photos(requests.identifier(bin_id)), form_for(request)
        paging = requests.paging_in(requests.query_of(request), photos, form.most)
        page = world().directory.photos(bin_id, paging.limit, paging.start)
        entries = [shapes.outcome(outcome, world().pictures) for outcome in page.entries]
        return sent(request, form, "inspections", entries, photos.cursor(page))

    return blueprint
