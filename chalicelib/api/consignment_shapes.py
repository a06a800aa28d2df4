"""Consignments as the API's JSON, beside `shapes`, which has all the rest; what is unknown is null, never left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.api.errors import mistake
from chalicelib.api.shapes import stored
from chalicelib.consignment import ConsignmentState
from chalicelib.items import timestamp

if TYPE_CHECKING:
    from chalicelib.consignment import Consignment, Progress, Refusal


def consignment(consignment: Consignment) -> dict[str, Any]:
    """Return a consignment as it stands in a list: without its bins, a refusal without its mistakes."""
    was_loaded = consignment.state is not ConsignmentState.REFUSED
    return {
        "consignment_id": consignment.consignment_id,
        "site": consignment.site,
        "state": consignment.state,
        "version": consignment.version,
        "bin_count": consignment.bins,
        "loaded_at": timestamp(consignment.loaded_at) if was_loaded else None,
        "closed_at": timestamp(consignment.closed_at) if consignment.closed_at else None,
        "refusal": refusal(consignment.refusal) if consignment.refusal else None,
    }


def progress(progress: Progress) -> dict[str, int]:
    """Return how far a consignment's bins are."""
    return {
        "bins": progress.bins,
        "waiting": progress.waiting,
        "checked": progress.checked,
        "matching": progress.matching,
        "open": progress.open,
        "resolved": progress.resolved,
    }


def refusal(refusal: Refusal) -> dict[str, Any]:
    """Return why a file was not loaded; `errors` is null where the refusal is only mentioned."""
    return {
        "at": timestamp(refusal.at),
        "file": stored(refusal.file),
        "error_count": refusal.count,
        "errors": [mistake(one) for one in refusal.mistakes] or None,
        "errors_left_out": refusal.count - len(refusal.mistakes) if refusal.mistakes else None,
    }
