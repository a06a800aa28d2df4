"""What a record tells of its goods beside their number, and what it does not."""

import numpy as np
import pytest

from training.measures import NOTHING_KNOWN, Goods, standardised

BOOK = {
    "quantity": 3,
    "height": {"unit": "IN", "value": 1.0},
    "length": {"unit": "IN", "value": 8.0},
    "width": {"unit": "IN", "value": 5.0},
    "weight": {"unit": "pounds", "value": 0.5},
}


def test_goods_are_measured_together() -> None:
    goods = Goods.of({"A": BOOK, "B": BOOK | {"quantity": 1, "length": {"unit": "IN", "value": 10.0}}})

    assert goods == Goods(kinds=2, units=4, volume=3 * 40 + 50, longest_side=10, weight=2)


@pytest.mark.parametrize("broken", [None, {}, {"value": None}, {"value": 0}, {"value": "8"}, 8])
def test_a_side_that_is_not_told_leaves_only_the_other_measures(broken: object) -> None:
    goods = Goods.of({"A": BOOK, "B": BOOK | {"width": broken}})

    assert goods == Goods(kinds=2, units=6, volume=None, longest_side=8, weight=3)


@pytest.mark.parametrize("quantity", [None, "3", 1.5])
def test_a_quantity_that_is_no_count_adds_no_units(quantity: object) -> None:
    assert Goods.of({"A": BOOK, "B": BOOK | {"quantity": quantity}}).units == 3


def test_no_goods_tell_nothing() -> None:
    assert Goods.of({}) == NOTHING_KNOWN
    assert np.isnan(NOTHING_KNOWN.row()).all()


def test_measures_are_logarithms() -> None:
    assert Goods(1, 8, np.e, np.e**2, None).row() == pytest.approx([0, np.log(8), 1, 2, np.nan], nan_ok=True)


def test_standardised_columns_have_mean_nought_and_deviation_one_over_what_is_known() -> None:
    table = np.array([[1, np.nan, 5], [2, np.nan, 5], [3, 7, 5]], dtype=np.float32)

    scaled = standardised(table)

    assert np.isnan(scaled).tolist() == np.isnan(table).tolist()
    assert scaled[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert scaled[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert scaled[2, 1] == 0
    assert scaled[:, 2].tolist() == [0, 0, 0]


def test_a_table_of_nothing_stays_nothing() -> None:
    assert standardised(np.empty((0, 5), np.float32)).shape == (0, 5)
