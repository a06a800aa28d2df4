"""Plots look alike whoever draws them, and equal data give equal files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from PIL import Image

from training.plots import BLUE, save, styled_figure, styled_panels

if TYPE_CHECKING:
    from pathlib import Path


def drawn(path: Path, values: list[float]) -> bytes:
    with styled_figure(4, 3) as (figure, axes):
        axes.plot(values, color=BLUE, label="loss")
        axes.set(xlabel="epoch", ylabel="loss", title="Loss")
        axes.legend()
        return save(figure, path).read_bytes()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_equal_data_give_equal_files_and_others_do_not(tmp_path: Path, kind: str) -> None:
    first = drawn(tmp_path / f"a.{kind}", [3, 2, 1])

    assert drawn(tmp_path / f"b.{kind}", [3, 2, 1]) == first
    assert drawn(tmp_path / f"c.{kind}", [3, 2, 2]) != first


def test_a_users_own_settings_change_nothing_and_are_left_as_they_were(tmp_path: Path) -> None:
    usual = drawn(tmp_path / "usual.png", [1, 2])

    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "black", "savefig.dpi": 33}):
        assert drawn(tmp_path / "theirs.png", [1, 2]) == usual
        assert mpl.rcParams["lines.linewidth"] == 9


def test_a_plot_is_small_enough_for_a_repository(tmp_path: Path) -> None:
    assert len(drawn(tmp_path / "plot.png", [1, 3, 2])) < 20_000


def test_panels_come_row_by_row(tmp_path: Path) -> None:
    with styled_panels(6, 3, nrows=1, ncols=2, sharey=True) as (figure, (left, right)):
        left.plot([1, 2])
        right.plot([2, 1])
        path = save(figure, tmp_path / "new" / "panels.png")

    assert left.get_position().x0 < right.get_position().x0
    with Image.open(path) as picture:
        assert picture.size == (660, 330)
