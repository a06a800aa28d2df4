"""The data card says what is in the photos and records, and nothing that is not."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from training.class_folders import LEFT_OUT, Place
from training.data_card import write_card
from training.data_card_text import Source, card_text, straddling, warnings
from training.measures import Goods
from training.records import CLASSES, Record
from training.split import SHARES
from training.survey import Bin, PhotoFacts, SetAside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def place(  # a bin with nothing odd about it, unless told
    image_id: str,
    count: int,
    split: str = "train",
    *goods: str,
    group: str | None = None,
    quantity: int | None = None,
    folder: Path = Path(),
    **photo: Any,
) -> Place:
    facts = {"bytes": 5000, "modified_ns": 0, "sha256": image_id, "width": 400, "height": 320, "brightness": 110.0}
    told = Goods(len(goods), count if quantity is None else quantity, None, None, None)
    record = Record(image_id, folder / f"{image_id}.jpg", count, frozenset(goods), told)
    return Place(Bin(record, PhotoFacts(**facts | photo)), split, group or image_id)


def card(bins: Sequence[Place], set_aside: Sequence[SetAside] = (), source: Source = Source.OWN) -> str:
    return card_text(bins, set_aside, source)


def row(text: str, name: str) -> list[str]:
    """The cells of a table's row."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_counts_are_given_by_class_and_split() -> None:
    text = card([place("1", 3), place("2", 3), place("3", 3, "test"), place("4", 9, "validation"), place("5", 0)])

    assert row(text, "3") == ["2", "0", "0", "1", "3", "60.0%"]
    assert row(text, "6+") == ["0", "1", "0", "0", "1", "20.0%"]
    assert row(text, "all") == ["3", "1", "0", "1", "5", "100.0%"]


def test_large_numbers_are_readable() -> None:
    assert row(card([place(str(n), 1) for n in range(1200)]), "all")[0] == "1,200"


@pytest.mark.parametrize(("source", "said"), [(Source.ABID, True), (Source.DRAWN, False), (Source.OWN, False)], ids=str)
def test_the_licence_of_the_public_photos_is_stated_for_them_alone(source: Source, *, said: bool) -> None:
    text = card([place("1", 3)], source=source)

    assert ("CC BY-NC-SA 3.0" in text) is ("10.60489/roda.fgtusx" in text) is said


def test_labels_are_called_a_belief_unless_they_were_drawn() -> None:
    assert "not a count by hand" in card([place("1", 3)], source=Source.ABID)
    assert "not a count by hand" not in card([place("1", 3)], source=Source.DRAWN)


def test_groups_are_counted_by_size_and_the_largest_is_named() -> None:
    bins = [place("1", 1, group="1"), *(place(str(n), 2, "test", "A", group="2") for n in range(2, 6))]

    text = card(bins)

    assert "There are 2 groups; the largest, that of bin 2,\nhas 4 bins (80.0% of all), which went to test" in text
    assert row(text, "3 to 5") == ["1", "4"]


def test_pairs_one_item_apart_are_counted() -> None:
    bins = [
        *(place(str(n), n, "train", "A", group="0") for n in (3, 4)),
        *(place(str(n), n, "train", "B", group="7") for n in (7, 9)),
    ]

    assert "In 1 of the 2 pairs the counts are exactly one apart" in card(bins)


def test_no_asin_on_two_sides_is_said_with_how_many_were_checked() -> None:
    bins = [place("1", 2, "train", "A", "B"), place("2", 2, "train", "B"), place("3", 1, "test", "C")]

    assert straddling(bins) == "Checked after the split: of 3 ASINs, **none is in more than one split**."


def test_an_asin_on_two_sides_is_not_hushed_up() -> None:
    bins = [place("1", 2, "train", "A", "B"), place("2", 2, "test", "B")]

    assert "1 of 2 ASINs are in more than one split**: B" in straddling(bins)


def test_a_group_too_large_to_deal_out_is_warned_of() -> None:
    bins = [place(str(n), 1, "train", "A", group="0") for n in range(99)] + [place("100", 1, "test")]

    assert any(
        line.startswith("test got 1.0% of the bins instead of 10%")
        for line in warnings(Counter(one.split for one in bins))
    )
    assert "**train got 99.0%" in card(bins)


def test_bins_left_out_are_told_and_the_sizes_that_they_leave() -> None:
    bins = [place("1", 1, "train", "A"), place("2", 1, "test", "B")]
    aside = [SetAside(str(n), LEFT_OUT) for n in range(3, 1203)] + [SetAside("9999", "no metadata")]

    text = card(bins, aside)

    assert (
        "**1,200 bins are left out, as they share goods with bins held out; the others: "
        "train 1, validation 0, calibration 0, test 1.**" in text
    )
    assert "**1,200 bins are left out** (`set-aside.jsonl`)" in text
    assert "left out" not in card(bins, aside[-1:])


def test_shares_as_they_should_be_are_no_warning() -> None:
    bins = [place(f"{side}{n}", 1, side) for side, share in SHARES.items() for n in range(round(100 * share))]

    assert warnings(Counter(one.split for one in bins)) == []


@pytest.mark.parametrize(
    ("odd", "line"),
    [
        (place("9", 1, brightness=31.0), "Very dark (mean level below 60): 1 (9)."),
        (place("9", 1, width=120), "Very small (a side below 200 px): 1 (9)."),
        (place("9", 88), "Counts above 50: 1 (9)."),
        (place("9", 3, "train", "A", quantity=5), "Goods that add up to another number than EXPECTED_QUANTITY: 1 (9)."),
        (place("9", 3), "Records without goods: 1 (by class 3: 1)."),
        (place("9", 3, sha256="1"), "Photos that are the same file under several ids: 1 (1 = 9)."),
        (place("9", 3, "test", sha256="1"), "of these, in more than one split: 1 (1 = 9)."),
        (place("9", 4, sha256="1"), "of these, with different counts: 1 (1 = 9)."),
    ],
    ids=["dark", "small", "far out", "sum", "no goods", "twin", "twin across", "twin with another count"],
)
def test_what_is_odd_is_counted_and_named(odd: Place, line: str) -> None:
    usual = place("1", 3, "train", "Z")

    assert f"- {line}\n" in card([usual, odd])
    assert f"- {line}\n" not in card([usual])


def test_the_oddest_are_named_first_and_not_all_of_thousands() -> None:
    text = card([place(str(n), n) for n in range(60, 90)])

    assert "Counts above 50: 30 (89, 88, 87, 86, 85, 84, 83, 82, 81, 80, …)." in text


def test_what_was_set_aside_is_counted_by_reason() -> None:
    broken = [SetAside("7", "photo: cut short"), SetAside("8", "photo: damaged"), SetAside("9", "no metadata")]

    assert "in no split: 3 bins (photo 2, no metadata 1; set-aside.jsonl)." in card([place("1", 3)], broken)


def test_sizes_are_given_as_quantiles() -> None:
    text = card([place(str(n), 1, width=200 + n, height=400) for n in range(101)])

    assert row(text, "width, px") == ["200", "201", "225", "250", "275", "299", "300"]
    assert row(text, "aspect (width / height)")[3] == "0.62"


@pytest.fixture
def photographed(tmp_path: Path) -> list[Place]:
    """Bins of every class with photos, one of them dark."""
    bins = []
    for number, side in enumerate([*SHARES, "train", "train", "train"] * 2):
        Image.new("RGB", (40, 30), (number * 9, 90, 200)).save(tmp_path / f"{number}.jpg")
        bins.append(place(str(number), number % 7, side, f"A{number}", folder=tmp_path, width=240 + number))
    return [*bins, place("1", 1, "test", "A1", folder=tmp_path, brightness=12.0)]


def test_every_picture_that_the_card_shows_is_there_and_no_other(tmp_path: Path, photographed: list[Place]) -> None:
    write_card(tmp_path / "out", photographed, [], Source.OWN)

    shown = set(re.findall(r"\(card/(.*?)\)", (tmp_path / "out" / "DATA_CARD.md").read_text()))
    assert shown == {path.name for path in (tmp_path / "out" / "card").iterdir()}
    assert {"class-mix.png", "photos.png", "oddities.png", "class-0.png"} < shown
    for name in shown:
        Image.open(tmp_path / "out" / "card" / name).verify()


def test_the_same_photos_give_the_same_card_to_the_byte(tmp_path: Path, photographed: list[Place]) -> None:
    for name in ("one", "two"):
        write_card(tmp_path / name, photographed, [], Source.OWN)

    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in ("one", "two"))
    assert one == two


def test_a_card_that_was_interrupted_is_not_there(tmp_path: Path, photographed: list[Place]) -> None:
    @contextmanager
    def interrupted(_total: int, _label: str) -> Iterator[Callable[[], None]]:
        yield lambda: (_ for _ in ()).throw(KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        write_card(tmp_path / "out", photographed, [], Source.OWN, progress=interrupted)

    assert not (tmp_path / "out" / "DATA_CARD.md").exists()


def test_test_photos_are_in_no_gallery(tmp_path: Path) -> None:
    hidden = [place(str(label), label, "test", "A", folder=tmp_path) for label in range(len(CLASSES))]
    Image.new("RGB", (8, 8)).save(tmp_path / "99.jpg")

    write_card(tmp_path / "out", [*hidden, place("99", 1, "train", "B", folder=tmp_path)], [], Source.OWN)

    assert [path.name for path in (tmp_path / "out" / "card").glob("class-[0-9]*")] == ["class-1.png"]
