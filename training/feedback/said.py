"""What people said of bins, read from the API's answers. Facts; nothing is decided here and nothing is asked.

Fields that the API has beside those named here are passed over, so that it may gain some.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from training.errors import UnusableSourceError

if TYPE_CHECKING:
    from chalicelib.domain import BinImage

Names = Callable[[str], str]
"""What a caller's name becomes in an export."""

RESOLUTION: Final = "resolution"
REOPENING: Final = "reopening"


def as_recorded(name: str) -> str:
    """Keep the name as the API has it: the subject of the operator's token."""
    return name


def pseudonyms(key: bytes) -> Names:
    """Replace names by ones that only the holder of the key can find again; the same name becomes the same one."""
    return lambda name: f"person-{hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody said of a bin.

    Attributes:
        kind: "resolution", "reopening", or what else the API knows, which tells nothing of the goods.
        site: whose bin it is.
        version: of the bin's status, that it made; a bin's acts follow each other by it.
        by: who said it, already under the name that the export gives them.
        stood: where the bin stood before, as the API tells it; empty but for a resolution.
        shown: the photo that the bin showed then.
        true_count: what the bin really holds; this and the next three are a resolution's.
        cause: why it was so, in the API's words ("counted", "wrong_photo", ...).
        asked: what had made somebody look: "alert", "review", "audit" or "nobody".
        corrects: the version of the resolution that this one replaces.
        reopens: the version of the resolution that this takes back; None for a resolution.

    """

    kind: str
    site: str
    bin_id: str
    version: int
    by: str
    at: datetime
    note: str
    stood: Mapping[str, Any]
    shown: BinImage | None
    true_count: int | None = None
    cause: str | None = None
    asked: str | None = None
    corrects: int | None = None
    reopens: int | None = None

    @classmethod
    def told(cls, facts: Mapping[str, Any], site: str, names: Names) -> Self:
        """Read an act; raises UnusableSourceError where the answer is none of this API's."""
        try:
            stood = facts.get("stood", {})
            is_resolution, is_reopening = facts["type"] == RESOLUTION, facts["type"] == REOPENING
            return cls(
                kind=facts["type"],
                site=site,
                bin_id=facts["bin_id"],
                version=facts["version"],
                by=names(facts["by"]),
                at=datetime.fromisoformat(facts["at"]),
                note=facts.get("note") or "",
                stood=stood,
                shown=image_in(stood["image"]) if stood.get("image") else None,
                true_count=facts["true_count"] if is_resolution else None,
                cause=facts["reason"] if is_resolution else None,
                asked=facts["asked"] if is_resolution else None,
                corrects=facts["corrects"] if is_resolution else None,
                reopens=facts["reopens"] if is_reopening else None,
            )
        except (KeyError, TypeError, ValueError) as cause:
            raise UnusableSourceError(f"the API's answer is not understood: {type(cause).__name__}: {cause}") from cause

    @property
    def since(self) -> datetime:
        """When the bin's contents were last known to change before it was looked into."""
        return datetime.fromisoformat(self.stood["since"])

    def as_json(self) -> dict[str, Any]:
        """Give all that the person said, and what it was said of."""
        return {
            "type": self.kind,
            "site": self.site,
            "bin_id": self.bin_id,
            "resolution": self.version,
            "by": self.by,
            "at": _rfc3339(self.at),
            "true_count": self.true_count,
            "reason": self.cause,
            "note": self.note,
            "asked": self.asked,
            "expected": self.stood.get("expected"),
            "corrects": self.corrects,
            "reopens": self.reopens,
            "image": image_as_json(self.shown) if self.shown else None,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """How one photo of a bin ended, as the API tells it.

    `link` opens the photo for a few minutes, None where it is gone; `items` is what the consignment named, by SKU, None
    where it named no goods.
    """

    image: BinImage
    is_inspection: bool
    link: str | None
    items: Mapping[str, int] | None

    @classmethod
    def told(cls, facts: Mapping[str, Any]) -> Self:
        """Read an outcome; raises UnusableSourceError where the answer is none of this API's."""
        try:
            lines = facts.get("items") or []
            items: dict[str, int] = {}
            for line in lines:
                items[line["sku"]] = items.get(line["sku"], 0) + line["quantity"]
            return cls(image_in(facts["image"]), facts["type"] == "inspection", facts["picture_url"], items or None)
        except (KeyError, TypeError, ValueError) as cause:
            raise UnusableSourceError(f"the API's answer is not understood: {type(cause).__name__}: {cause}") from cause


def image_in(facts: Mapping[str, Any]) -> BinImage:
    """Read which version of which object a photo is."""
    from chalicelib.domain import BinImage

    return BinImage(
        bucket=facts["bucket"],
        key=facts["key"],
        version=facts["version"],
        etag=facts["etag"],
        sequencer=facts["sequencer"],
        size=facts["size"],
        uploaded_at=datetime.fromisoformat(facts["uploaded_at"]),
    )


def image_as_json(image: BinImage) -> dict[str, Any]:
    """Give what names a photo, and its id: that of its record in the table and in the checker's logs."""
    return {
        "image_id": image.image_id,
        "bucket": image.bucket,
        "key": image.key,
        "version": image.version,
        "etag": image.etag,
        "uploaded_at": _rfc3339(image.uploaded_at),
    }


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
