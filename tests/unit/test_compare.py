"""Two models beside each other: paired differences with their errors, an exact test, and the gate."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.compare import Comparison, Difference, Gate, compare, mcnemar
from training.contenders import Kind
from training.errors import NothingToScoreError
from training.progress import silent
from training.records import CLASSES, Record, class_counts
from training.scores import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.progress import Progress


@dataclass
class Said:
    """A model that says what a test wants: probabilities by the photo's id."""

    rows: Mapping[str, np.ndarray]
    where: str = "here"
    kind: Kind = Kind.PACKAGE
    facts: Mapping[str, Any] | None = None

    def answer(self, body: bytes) -> dict[str, Any]:
        assert body
        return {"model": "said/1"}

    def probabilities(self, records: Sequence[Record], _: Progress) -> np.ndarray:
        return np.stack([self.rows[record.image_id] for record in records])


@pytest.fixture
def bins(tmp_path: Path) -> list[Record]:
    """Forty bins with 1 to 4 items, in groups of two that share goods."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    return [Record(f"{n:02}", photo, n % 4 + 1, frozenset({f"goods {n // 2}"})) for n in range(40)]


def sure(label: int, probability: float = 0.7) -> np.ndarray:
    row = np.full(len(CLASSES), (1 - probability) / (len(CLASSES) - 1), np.float32)
    row[label] = probability
    return row


def saying(bins: Sequence[Record], wrong: Sequence[int] = (), probability: float = 0.7, **facts: Any) -> Said:
    """A model that is right but for some of the bins, for which it says one more."""
    rows = {one.image_id: sure(one.label + (n in wrong), probability) for n, one in enumerate(bins)}
    return Said(rows, **facts)


def compared(a: Said, b: Said, bins: Sequence[Record], **options: Any) -> Comparison:
    ticks = itertools.count()
    given: dict[str, Any] = {"split": None, "timed": 4, "clock": lambda: next(ticks) / 1000, "progress": silent}
    return compare(a, b, bins, options.pop("protocol", Protocol.SEED), **(given | options))


def test_differences_are_those_of_the_two_scores(bins: list[Record]) -> None:
    found = compared(saying(bins, wrong=range(10)), saying(bins, wrong=range(4, 6)), bins)

    assert found.differences["accuracy"].value == pytest.approx(8 / 40)
    for name, difference in found.differences.items():
        a, b = getattr(found.a.scores, name), getattr(found.b.scores, name)
        assert difference.value == pytest.approx(b - a, abs=1e-12)
        assert difference.low <= difference.value <= difference.high
    assert (found.only_a_right, found.only_b_right) == (0, 8)
    assert (found.photos, found.groups) == (40, 20)


def test_a_model_beside_itself_differs_in_nothing_for_certain(bins: list[Record]) -> None:
    same = saying(bins, wrong=range(7))

    found = compared(same, same, bins)

    assert all(one == Difference(0, 0, 0, 0) for one in found.differences.values())
    assert found.p_value == 1
    assert found.disagreements == []
    assert not Gate().judge(found)[0].passed, "equal is not better"


def test_what_both_get_wrong_alike_adds_no_uncertainty(bins: list[Record]) -> None:
    """Pairing is the point: the error of the difference is far below that of either figure."""
    found = compared(saying(bins, range(20), 0.70), saying(bins, range(20), 0.72), bins)

    assert found.differences["accuracy"].standard_error == 0
    assert found.differences["loss"].standard_error < found.a.scores.loss_standard_error / 10


def test_photos_in_larger_groups_say_less(bins: list[Record]) -> None:
    together = [replace(one, asins=frozenset({f"goods {n // 10}"})) for n, one in enumerate(bins)]
    a, b = saying(bins, wrong=range(10)), saying(bins)

    lone, grouped = (compared(a, b, part).differences["loss"].standard_error for part in (bins, together))

    assert grouped > 1.5 * lone


def test_one_group_of_goods_proves_nothing(bins: list[Record]) -> None:
    alike = [replace(one, asins=frozenset({"the same"})) for one in bins]

    found = compared(saying(bins, wrong=range(20)), saying(bins), alike)

    assert math.isnan(found.differences["loss"].standard_error)
    assert not Gate().judge(found)[0].passed
    assert found.report()["differences"]["loss"]["standard_error"] is None


def test_equal_answers_give_equal_comparisons(bins: list[Record]) -> None:
    a, b = saying(bins, wrong=range(10)), saying(bins)

    assert compared(a, b, bins).report() == compared(a, b, bins).report()


def test_only_photos_of_the_protocol_are_asked_for(bins: list[Record]) -> None:
    empty = replace(bins[0], image_id="empty", count=0)

    found = compared(saying(bins), saying(bins), [*bins, empty])

    assert found.photos == 40


def test_without_a_photo_of_the_protocol_there_is_nothing_to_compare(bins: list[Record]) -> None:
    with pytest.raises(NothingToScoreError, match="1 to 5"):
        compared(saying(bins), saying(bins), [replace(bins[0], count=0)])


def test_disagreements_come_with_the_furthest_apart_first(bins: list[Record]) -> None:
    a, b = saying(bins), saying(bins, wrong=[3, 9])
    b.rows["09"][:] = sure(bins[9].label + 1, 0.97)

    found = compared(a, b, bins)

    assert [one.record.image_id for one in found.disagreements] == ["09", "03"]
    first = found.disagreements[0]
    assert first.said == ("2", "3")
    assert 0 < found.disagreements[1].apart < first.apart <= 1


def test_both_are_timed_on_as_many_photos(bins: list[Record]) -> None:
    found = compared(saying(bins), saying(bins), bins, timed=50)

    for side in (found.a, found.b):
        assert (side.latency.photos, side.latency.p50, side.latency.p99) == (50, pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize(
    ("only_a", "only_b", "p_value"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (0, 5, 0.0625),
        (1, 9, 22 / 1024),  # 2 x (1 + 10) / 2^10
        (9, 1, 22 / 1024),
    ],
)
def test_mcnemars_test_is_exact(only_a: int, only_b: int, p_value: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p_value)


@given(st.integers(0, 2000), st.integers(0, 2000))
@settings(max_examples=30)
def test_mcnemars_test_gives_a_probability_whatever_the_pairs(only_a: int, only_b: int) -> None:
    assert 0 <= mcnemar(only_a, only_b) == mcnemar(only_b, only_a) <= 1


def better(bins: list[Record], **changed: Any) -> Comparison:
    """B has eight photos more right, is as fast, and nothing is known of what it has learnt."""
    found = compared(saying(bins, wrong=range(8)), saying(bins), bins)
    return replace(found, **changed)


def failed(gate: Gate, comparison: Comparison) -> list[str]:
    return [one.name for one in gate.judge(comparison) if not one.passed]


def test_a_better_model_that_is_as_fast_passes_the_gate(bins: list[Record]) -> None:
    assert failed(Gate(), better(bins)) == []


def test_a_lower_loss_within_chance_does_not_pass(bins: list[Record]) -> None:
    comparison = better(bins)
    loss = comparison.differences["loss"]
    needed = -loss.value / loss.standard_error

    assert failed(Gate(gain=needed * 0.99), comparison) == []
    assert failed(Gate(gain=needed * 1.01), comparison) == ["loss"]


def test_a_better_calibrated_model_that_is_right_less_often_does_not_pass(bins: list[Record]) -> None:
    sharper = compared(saying(bins, [], 0.4), saying(bins, [0], 0.95), bins)

    assert sharper.differences["loss"].value < 0
    assert failed(Gate(), sharper) == ["accuracy"]
    assert failed(Gate(accuracy_loss=3), sharper) == []


def test_a_slower_model_does_not_pass(bins: list[Record]) -> None:
    comparison = better(bins)
    slow = replace(comparison.b, latency=replace(comparison.b.latency, p50=1.3))

    assert failed(Gate(), replace(comparison, b=slow)) == ["latency"]
    assert failed(Gate(slowdown=1.5), replace(comparison, b=slow)) == []


def test_a_package_is_not_as_fast_as_a_server_for_being_faster(bins: list[Record]) -> None:
    comparison = better(bins)

    assert failed(Gate(), replace(comparison, a=replace(comparison.a, kind=Kind.SERVER))) == ["latency"]


def test_a_model_that_has_learnt_from_the_photos_does_not_pass(bins: list[Record]) -> None:
    learnt = {"data": {"classes_per_split": {"real-train": class_counts(bins), "real-test": [1] * 7}}}
    a, b = saying(bins, wrong=range(8)), saying(bins, facts=learnt)

    assert failed(Gate(), compared(a, b, bins, split="train")) == ["photos"]
    assert compared(a, b, bins, split="test").b.standing.learnt is None
