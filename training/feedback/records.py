"""What is written down in a folder of exported labels: metadata, the manifest, what was left out.

bin-images/<image id>.jpg      the photo, byte for byte as it lay in the bucket; .png where it is one
metadata/<image id>.json       EXPECTED_QUANTITY and BIN_FCSKU_DATA as the public bucket has them, and PROVENANCE
manifest.jsonl                 one line a photo, in id order; written last: without it, the export has not ended
left-out.jsonl                 one line for whatever was said that is no label, with the reason
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from PIL import Image

from training.errors import BrokenRecordError, UnfinishedExportError
from training.feedback.said import Seen, image_as_json
from training.feedback.truths import EXPLAINED, LeftOut, Truth, provenance
from training.fetch.sources import PHOTOS
from training.serving.images import BadImage, decode, recognise

MANIFEST: Final = "manifest.jsonl"
LEFT_OUT: Final = "left-out.jsonl"
PROVENANCE: Final = "PROVENANCE"

_SUFFIX: Final = {"JPEG": ".jpg", "PNG": ".png"}
_SMALL: Final = (8, 8)
"""Pixels that nobody looks at: a photo is decoded for the sake of its faults."""
_LINE: Final = frozenset({"id", "file", "count", "bytes", "sha256", "at", "asked"})
"""What a line of the manifest has at least."""


@dataclass(frozen=True, slots=True)
class Photo:
    """What is known of a photo's file, once it has been decoded."""

    id: str
    """The id of this version of this object, under which the checker knows it as well."""
    suffix: str
    size: int
    """Bytes."""
    sha256: str
    width: int
    height: int

    @classmethod
    def checked(cls, image_id: str, body: bytes) -> Self:
        """Decode a photo to its end as training will; raises BrokenRecordError where that cannot be done."""
        try:
            decode(body, _SMALL)  # first: it refuses what would hurt to open
        except BadImage as cause:
            raise BrokenRecordError(f"{cause.reason}: {cause}") from cause
        suffix = _SUFFIX[recognise(body)]
        with Image.open(io.BytesIO(body)) as image:
            width, height = image.size
        return cls(image_id, suffix, len(body), hashlib.sha256(body).hexdigest(), width, height)

    @property
    def file(self) -> str:
        """Where it lies in the folder."""
        return f"{PHOTOS}/{self.id}{self.suffix}"

    def is_of(self, body: bytes) -> bool:
        """Tell whether these are the photo's bytes."""
        return len(body) == self.size and hashlib.sha256(body).hexdigest() == self.sha256


def photo_files(image_id: str) -> list[str]:
    """Give the paths inside the folder that a photo may have."""
    return [f"{PHOTOS}/{image_id}{suffix}" for suffix in _SUFFIX.values()]


def metadata_of(truth: Truth, seen: Seen) -> dict[str, Any]:
    """Give a photo's metadata: what the operator found, and where that comes from."""
    goods = truth.goods(seen.items)
    return {
        "EXPECTED_QUANTITY": truth.count,
        "BIN_FCSKU_DATA": {sku: {"asin": sku, "quantity": goods[sku]} for sku in sorted(goods)},
        PROVENANCE: provenance(truth, seen) | {"image": image_as_json(seen.image)},
    }


def manifest_line(photo: Photo, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give a photo's line of the manifest."""
    told = metadata[PROVENANCE]
    return {
        "id": photo.id,
        "file": photo.file,
        "count": metadata["EXPECTED_QUANTITY"],
        "asins": sorted(metadata["BIN_FCSKU_DATA"]),
        "bytes": photo.size,
        "sha256": photo.sha256,
        "width": photo.width,
        "height": photo.height,
        **{name: told[name] for name in ("bin_id", "resolution", "at", "asked", "stands_for", "photo")},
    }


def left_out_line(left_out: LeftOut) -> dict[str, Any]:
    """Give the line of what is no label: why, and all that was said."""
    return {
        "why": left_out.why,
        "because": EXPLAINED[left_out.why],
        "detail": left_out.detail,
        "photo": left_out.image_id,
        **left_out.act.as_json(),
    }


def json_line(facts: Mapping[str, Any]) -> str:
    """Write one line of JSON."""
    return json.dumps(facts, ensure_ascii=False) + "\n"


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Read the lines of an export's manifest; raises UnfinishedExportError where there is none that can be read."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
        are_labels = all(line.keys() >= _LINE for line in lines)
    except (OSError, ValueError, AttributeError) as cause:
        raise UnfinishedExportError(
            f"{folder}: no finished export ({MANIFEST}: {cause}); `python -m training feedback` makes one"
        ) from cause
    if not are_labels:
        raise UnfinishedExportError(f"{folder}: {MANIFEST} is not that of an export of feedback")
    return lines
