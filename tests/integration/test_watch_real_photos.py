"""The released model's baseline on real photos that are not in it, where they are at hand: what rings, and what not.

The photos are those that the model was tested on: nothing was learnt from them, and no limit was chosen by them.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageEnhance, ImageFilter

from local.capture import Exchange, record
from training.dataset import real_splits
from training.evaluate import load
from training.released import networks_of
from training.watch.baseline import read
from training.watch.captured import File, Span
from training.watch.drift import Finding, Rule, State
from training.watch.measures import Kind, names_of
from training.watch.report import compare
from training.watch.window import gathered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.records import Record

MODEL = Path(__file__).parents[2] / "models" / "bin-counter"
PHOTOS = Path(os.environ.get("BINCHECK_PHOTOS", "../shared/abid"))
NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)
LOOKS = names_of(Kind.PIXELS)

pytestmark = [
    pytest.mark.dataset,
    pytest.mark.integration,
    pytest.mark.skipif(not (PHOTOS / "counts.csv").is_file(), reason="the real photos are not here"),
]


@dataclass(frozen=True)
class Answered:
    """What would have been captured had these photos come in."""

    photos: list[bytes]

    def files(self, span: Span) -> Iterator[File]:
        del span
        yield File("all")

    def lines(self, file: File) -> Iterator[bytes]:
        del file
        counter = load(MODEL)
        for photo in self.photos:
            reply = json.dumps(counter.answer(photo)).encode()
            yield json.dumps(record(Exchange(photo, "image/jpeg", reply, "application/json"), "1", NOW)).encode()


@pytest.fixture(scope="module")
def unseen() -> list[Record]:
    facts = json.loads((MODEL / "model.json").read_text(encoding="utf-8"))
    return real_splits(PHOTOS, networks_of(facts)[0]["hyperparameters"]["seed"])["real-test"]


def found(photos: list[bytes]) -> dict[str, Finding]:
    """Look at all but the files, which are 224 px copies here."""
    known = read(MODEL)
    report = compare(known, gathered(Answered(photos), Span(), known.model, known.size), Rule())
    return {name: one for name, one in report.findings.items() if name not in names_of(Kind.FILE)}


def altered(record_: Record, alter: Callable[[Image.Image], Image.Image]) -> bytes:
    file = io.BytesIO()
    with Image.open(record_.photo) as photo:
        alter(photo.convert("RGB")).save(file, "JPEG", quality=90)
    return file.getvalue()


def drifted(findings: dict[str, Finding]) -> set[str]:
    return {name for name, one in findings.items() if one.state is State.DRIFTED}


def test_photos_of_the_same_warehouse_are_steady(unseen: list[Record]) -> None:
    findings = found([one.photo.read_bytes() for one in unseen])

    assert {one.state for one in findings.values()} == {State.STEADY}


def test_a_fifth_less_light_is_found_though_the_answers_hardly_change(unseen: list[Record]) -> None:
    findings = found([altered(one, lambda photo: ImageEnhance.Brightness(photo).enhance(0.8)) for one in unseen[:300]])

    assert drifted(findings) & set(LOOKS) >= {"brightness"}
    assert drifted(findings) <= set(LOOKS)


def test_a_lens_out_of_focus_is_found_by_its_sharpness_alone(unseen: list[Record]) -> None:
    findings = found([altered(one, lambda photo: photo.filter(ImageFilter.GaussianBlur(1.5))) for one in unseen[:300]])

    assert drifted(findings) == {"sharpness"}


def test_a_warehouse_of_nearly_empty_bins_is_another_mix_and_no_drift(unseen: list[Record]) -> None:
    findings = found([one.photo.read_bytes() for one in unseen if one.count <= 2])

    assert findings["prediction"].state is State.MIX
    assert findings["prediction"].psi > 5 * findings["prediction"].psi_of_mix
    assert drifted(findings) == set()
