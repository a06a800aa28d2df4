"""Which photos meet, what mistaking them costs, and what shows whether it is learnt."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.contrast import Signs, contrast, numbered, shuffled, spread  # noqa: E402 - torch comes first

pytestmark = pytest.mark.torch


def directions(*degrees: float) -> torch.Tensor:
    """Embeddings in the plane."""
    angles = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def are_neighbours(ids: list[str]) -> list[bool]:
    return (np.abs(np.diff(numbered(ids))) <= 1).tolist()


@pytest.mark.parametrize(
    ("one", "other", "neighbours"),
    [
        ("00007", "00008", True),
        ("8", "7", True),
        ("7", "9", False),
        ("9", "10", True),
        ("1" + "0" * 40, "1" + "0" * 39 + "1", True),
        ("1" + "0" * 40, "2" + "0" * 40, False),
        ("shelf-1", "shelf-2", False),
        ("0", "shelf-2", False),
    ],
)
def test_photos_are_neighbours_when_their_ids_are_numbers_that_follow_each_other(
    one: str, other: str, *, neighbours: bool
) -> None:
    assert are_neighbours([one, other]) == [neighbours]


def test_numbers_belong_to_the_ids_in_their_order() -> None:
    numbers = numbered(["30", "10", "31", "11", "bin"])

    assert numbers[2] - numbers[0] == 1
    assert numbers[3] - numbers[1] == 1
    assert len(set(numbers.tolist())) == 5


@given(ids=st.lists(st.integers(0, 60), min_size=1, max_size=40), together=st.booleans(), seed=st.integers(0, 1000))
def test_every_photo_is_dealt_out_once(ids: list[int], *, together: bool, seed: int) -> None:
    numbers = numbered([str(one) for one in ids])

    rows = shuffled(numbers, neighbours_together=together, dice=np.random.default_rng(seed))

    assert sorted(rows.tolist()) == list(range(len(ids)))


def neighbouring_share(rows: np.ndarray) -> float:
    """Of a run of consecutive ids, how many follow their neighbour after shuffling."""
    return float((np.diff(rows) == 1).mean())


def test_neighbours_stay_together_in_small_blocks_and_others_do_not() -> None:
    numbers = np.arange(400)

    together = shuffled(numbers, neighbours_together=True, dice=np.random.default_rng(1))
    apart = shuffled(numbers, neighbours_together=False, dice=np.random.default_rng(1))

    assert 0.7 < neighbouring_share(together) < 0.8  # three of four
    assert neighbouring_share(apart) < 0.02


def test_blocks_are_cut_elsewhere_the_next_time() -> None:
    numbers = np.arange(12)

    orders = {tuple(shuffled(numbers, neighbours_together=True, dice=np.random.default_rng(n)) // 4) for n in range(9)}

    assert any(sorted(order[:4]) != [order[0]] * 4 for order in orders)


def test_the_loss_is_the_published_one() -> None:
    embeddings = torch.nn.functional.normalize(
        torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    )
    terms = []
    for view in range(6):
        own, others = (view + 3) % 6, [one for one in range(6) if one % 3 != view % 3]
        likeness = [math.exp(float(embeddings[view] @ embeddings[other]) / 0.3) for other in others]
        terms.append(math.log(sum(likeness)) - float(embeddings[view] @ embeddings[own]) / 0.3)

    assert float(contrast(embeddings, 0.3)) == pytest.approx(sum(terms) / 6)


def test_embeddings_that_are_all_the_same_have_the_loss_of_guessing() -> None:
    assert float(contrast(directions(*[20] * 8), 0.2)) == pytest.approx(math.log(6), abs=1e-5)


def test_a_photo_that_looks_like_another_costs_more_than_one_that_looks_like_itself() -> None:
    like_itself = directions(0, 90, 5, 95)
    like_the_other = directions(0, 90, 85, 5)

    assert contrast(like_itself, 0.2) < contrast(like_the_other, 0.2)


def test_signs_tell_whether_photos_are_found_and_told_from_their_neighbours() -> None:
    numbers = torch.tensor([10, 11, 50])  # the last has no neighbour here

    signs = Signs.of(directions(0, 10, 90, 4, 190, 14), numbers)

    # 0, 90 and 4 find their other view, 10 and 14 take each other for it; 10 and 190 are nearer to their neighbour.
    figures = signs.figures()
    assert figures["found"] == pytest.approx(3 / 6)
    assert figures["told_apart"] == pytest.approx(2 / 4)


def test_signs_of_steps_add_up() -> None:
    good = Signs.of(directions(0, 180, 0, 180), torch.tensor([1, 2]))
    bad = Signs.of(directions(0, 180, 180, 0), torch.tensor([1, 9]))

    assert (good + bad).figures() == pytest.approx({"spread": 1.0, "found": 0.5, "told_apart": 1.0})


def test_without_neighbours_nothing_is_said_of_them() -> None:
    assert "told_apart" not in Signs.of(directions(0, 90, 0, 90), torch.tensor([1, 9])).figures()


@pytest.mark.parametrize(("degrees", "wanted"), [((30, 30, 30), 0), ((0, 120, 240), 1), ((0, 180), 1), ((0, 90), 0.5)])
def test_spread_goes_from_all_the_same_to_all_around(degrees: tuple[float, ...], wanted: float) -> None:
    assert float(spread(directions(*degrees))) == pytest.approx(wanted**0.5, abs=1e-4)
