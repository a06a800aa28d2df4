"""What a request for another photo tells whoever takes photos. Facts; how it reads is `notices`' concern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain import Alert

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain import BinImage


@dataclass(frozen=True, slots=True)
class PhotoCall:
    """Somebody asks for another photo of a bin; receivers drop repeats by `alert_id`.

    It goes out like an alert, and past all limits on alerts: it was asked for. `image` is the bin's newest photo, the
    one that did not do; `by` and `note` are of whoever asks.
    """

    alert_id: str
    bin_id: str
    at: datetime
    by: str
    note: str = ""
    site: str | None = None
    consignment_id: str | None = None
    expected: int | None = None
    image: BinImage | None = None


PHOTO_REQUEST = "photo_request"
"""What stands where an alert has its verdict."""

Raised = Alert | PhotoCall
"""What a change of a bin may call for."""
