"""What the demo drops in: photos with their truth, and a consignment that is wrong about some of them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageEnhance, UnidentifiedImageError

from chalicelib.policy import DEFAULT, Costs
from chalicelib.site_policy import Rules, to_document
from training.drawn import drawn_counts, write_bins

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONSIGNMENT: Final = "demo-1"
SITE: Final = "FRA1"
PREFIX: Final = "incoming/"

_PLANTED_SHARE: Final = 1 / 6
_STEPS: Final = (-3, -2, -1, 1, 2, 3)
"""How far the consignment is off about a planted bin; each is as likely, as long as nothing below zero follows."""


POLICY: Final = replace(
    DEFAULT,
    mismatch_rate=round(_PLANTED_SHARE, 2),
    costs=Costs(false_alert=6.0, missed_mismatch=20.0, review=5.0),
    false_alert_bound=0.2,
    deviations=tuple((step, 1 / len(_STEPS)) for step in _STEPS),
)
"""What the operators of this site know: one bin in six is wrong, by up to three. Missing one costs less than usual."""


class NoPhotos(Exception):  # noqa: N818
    """The folder holds no photos with their truth; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo on disk and how many goods it really shows; None where it is not in the consignment."""

    bin_id: str
    path: Path
    holds: int
    expected: int | None

    @property
    def key(self) -> str:
        """Where in the bucket it is dropped."""
        return f"{PREFIX}{self.bin_id}/{self.path.name}"

    @property
    def is_planted(self) -> bool:
        """Whether the consignment is wrong about this bin."""
        return self.expected is not None and self.expected != self.holds


def drawn_plan(folder: Path, photos: int, seed: int) -> list[Photo]:
    """Draw photos into `folder`; the last two are a bin that no consignment names, and a file that is no photo."""
    counts = drawn_counts(photos - 1, seed)
    ids = write_bins(folder, counts, seed)
    truths = [_Truth(folder / "bin-images" / f"{name}.jpg", count) for name, count in zip(ids, counts, strict=True)]
    *listed, unlisted = truths
    no_photo = folder / "note.jpg"
    no_photo.write_text("The camera's lens is dirty.\n")
    return [
        *_with_mistakes(listed, random.Random(seed)),
        Photo("unlisted", unlisted.path, unlisted.holds, None),
        Photo(listed[0].bin_id, no_photo, 0, None),
    ]


def plan_from(folder: Path, photos: int | None, seed: int) -> list[Photo]:
    """Take photos from a data folder, full-size ones first where it has an `originals/` folder.

    Raises:
        NoPhotos: there are none with their truth.
    """
    by_name = {path.stem: path for source in ("bin-images", "originals") for path in (folder / source).glob("*.jpg")}
    is_full_size = {path.stem for path in (folder / "originals").glob("*.jpg")}
    names = sorted(by_name, key=lambda name: (name not in is_full_size, name))
    truths = [_Truth(by_name[name], truth) for name in names if (truth := _truth_of(folder, name)) is not None]
    if not truths:
        raise NoPhotos(f"{folder} holds no pair of bin-images/<id>.jpg and metadata/<id>.json")
    return _with_mistakes(truths[:photos], random.Random(seed))


def dimmed(plan: Sequence[Photo], share: float, folder: Path) -> list[Photo]:
    """Copy the photos into `folder` with this share of their light, as if a lamp failed; what is no photo stays."""
    folder.mkdir()
    return [replace(photo, path=_dimmed(photo.path, share, folder)) for photo in plan]


def _dimmed(path: Path, share: float, folder: Path) -> Path:
    darker = folder / path.name
    try:
        with Image.open(path) as photo:
            ImageEnhance.Brightness(photo.convert("RGB")).enhance(share).save(darker, "JPEG", quality=90)
    except UnidentifiedImageError:
        return path
    return darker


def policy_change() -> dict[str, Any]:
    """Return the body by which the API makes POLICY the site's first."""
    return {"replaces": 0, "note": "one bin in six is wrong here", "policy": to_document(Rules(POLICY))}


def consignment_of(plan: Sequence[Photo]) -> dict[str, Any]:
    """Return the body of the consignment that the photos are checked against."""
    bins = [
        {"bin_id": photo.bin_id, "expected_quantity": photo.expected} for photo in plan if photo.expected is not None
    ]
    return {"site": SITE, "bins": bins}


@dataclass(frozen=True, slots=True)
class _Truth:
    path: Path
    holds: int

    @property
    def bin_id(self) -> str:
        return f"bin-{self.path.stem}"


def _with_mistakes(truths: Sequence[_Truth], rng: random.Random) -> list[Photo]:
    planted = set(rng.sample(range(len(truths)), round(len(truths) * _PLANTED_SHARE)))
    return [
        Photo(truth.bin_id, truth.path, truth.holds, _wrong(truth.holds, rng) if index in planted else truth.holds)
        for index, truth in enumerate(truths)
    ]


def _wrong(holds: int, rng: random.Random) -> int:
    return holds + rng.choice([step for step in _STEPS if holds + step >= 0])


def _truth_of(folder: Path, name: str) -> int | None:
    record = folder / "metadata" / f"{name}.json"
    return int(json.loads(record.read_text())["EXPECTED_QUANTITY"]) if record.exists() else None
