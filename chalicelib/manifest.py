"""A consignment as a CSV file: read line by line, all that is wrong with it told at once. Pure.

    bin_id,expected_quantity,sku,quantity
    A-17,3,B000C33MI2,2
    A-17,3,B000C33MI3,1
    A-18,0,,

`sku` and `quantity` may be left out, as columns or in single lines. Several lines of one bin are its items: each
repeats the expected quantity, and the items add up to it. The rules for names and numbers are those of the JSON body.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain import BIN_ID, MOST_BINS, MOST_ITEMS, MOST_QUANTITY, SKU, Expectation, Item
from chalicelib.errors import Mistake, Unprocessable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

WITHOUT_ITEMS = ("bin_id", "expected_quantity")
WITH_ITEMS = (*WITHOUT_ITEMS, "sku", "quantity")

MOST_TOLD = 1_000
"""Mistakes that are told one by one; the rest is counted."""

_SHOWN = 40
"""Characters of a cell that a message repeats."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says of bins, in its order, and by bin the first line that does."""

    expectations: tuple[Expectation, ...]
    lines: Mapping[str, int]


@dataclass(slots=True)
class Mistakes:
    """Mistakes as they are found: the first ones, and how many."""

    told: list[Mistake] = field(default_factory=list)
    count: int = 0

    def add(self, line: int | None, column: str | None, message: str) -> None:
        """Count a mistake, and keep it if there is room."""
        self.count += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(Mistake(message, column, line))

    def refusal(self) -> Unprocessable:
        """Return the error that tells them, by line."""
        mistakes = sorted(self.told, key=lambda mistake: mistake.line or 0)
        more = f"; and {self.count - 1} more" if self.count > 1 else ""
        return Unprocessable(f"{_sentence(mistakes[0])}{more}", mistakes, self.count - len(mistakes))


def read_manifest(body: bytes, consignment_id: str, site: str) -> Manifest:
    """Return what a file says: UTF-8 with or without a byte order mark, lines ended in any of the usual ways.

    Raises:
        Unprocessable: it breaks the rules; every place is told with its line, of many the first `MOST_TOLD`.
    """
    mistakes = Mistakes()
    records = _records(body, mistakes)
    draft = _Draft(_columns(records, mistakes), mistakes)
    for line, cells in records:
        draft.take(line, cells)
    draft.close()
    if mistakes.count:
        raise mistakes.refusal()
    return Manifest(
        tuple(
            Expectation(bin_id, consignment_id, site, bin_.quantity or 0, tuple(sorted(bin_.items)))
            for bin_id, bin_ in draft.bins.items()
        ),
        {bin_id: bin_.line for bin_id, bin_ in draft.bins.items()},
    )


def _records(body: bytes, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that say something, each beside the line that it begins on."""
    # What is no UTF-8 is carried along, so that each line that has some is told by its number.
    text = body.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            mistakes.add(line, None, f"is no CSV: {error}")
            continue
        if not _is_unicode("".join(cells)):
            mistakes.add(line, None, "is not encoded in UTF-8")
        elif any(cells):
            yield line, cells


def _columns(records: Iterator[tuple[int, list[str]]], mistakes: Mistakes) -> Sequence[str]:
    """Return the columns that the file's first record names.

    Raises:
        Unprocessable: it names others; nothing can be said of the lines below.
    """
    line, header = next(records, (1, []))
    for columns in (WITHOUT_ITEMS, WITH_ITEMS):
        if tuple(header) == columns:
            return columns
    expected = f"{','.join(WITHOUT_ITEMS)} or {','.join(WITH_ITEMS)}"
    mistakes.add(line, None, f"the header must be {expected}, not {_shown(','.join(header))}")
    raise mistakes.refusal()


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a cell may hold, and how that is said."""

    allows: Callable[[str], object]
    what: str


def _is_quantity(cell: str) -> bool:
    is_number = cell.isascii() and cell.isdecimal() and len(cell) <= len(str(MOST_QUANTITY))
    return is_number and int(cell) <= MOST_QUANTITY


_QUANTITY = _Rule(_is_quantity, f"a whole number from 0 to {MOST_QUANTITY}")
_RULES = {
    "bin_id": _Rule(BIN_ID.fullmatch, "1 to 64 letters, digits, dots, hyphens and underscores"),
    "expected_quantity": _QUANTITY,
    "sku": _Rule(SKU.fullmatch, "1 to 64 visible ASCII characters without a space"),
    "quantity": _QUANTITY,
}


@dataclass(slots=True)
class _Bin:
    """What lines have said of one bin so far.

    `is_plain` is whether one of them names no goods, `is_sound` whether none was wrong: only then the items add up.
    """

    line: int
    quantity: int | None = None
    items: list[Item] = field(default_factory=list)
    lines: int = 0
    is_plain: bool = False
    is_sound: bool = True


class _Draft:
    """A file while it is read: what it says of each bin, and what is wrong."""

    def __init__(self, columns: Sequence[str], mistakes: Mistakes) -> None:
        self.bins: dict[str, _Bin] = {}
        self._columns = columns
        self._mistakes = mistakes
        self._is_full = False

    def take(self, line: int, cells: Sequence[str]) -> None:
        """Take in one line."""
        if len(cells) != len(self._columns):
            self._mistakes.add(line, None, f"has {len(cells)} cells, not {len(self._columns)}")
            return
        row = dict(zip(self._columns, cells, strict=True))
        is_without_goods = not row.get("sku") and not row.get("quantity")
        if is_without_goods:
            row = {column: row[column] for column in WITHOUT_ITEMS}
        wrong = [column for column, cell in row.items() if not _RULES[column].allows(cell)]
        for column in wrong:
            self._mistakes.add(line, column, f"must be {_RULES[column].what}, not {_shown(row[column])}")
        bin_ = None if "bin_id" in wrong else self._bin(line, row["bin_id"])
        if bin_ is None:
            return
        bin_.lines += 1
        if wrong or not self._add(bin_, line, row):
            bin_.is_sound = False

    def close(self) -> None:
        """Check what only the whole file tells."""
        if not self.bins and not self._mistakes.count:
            self._mistakes.add(None, None, "the file names no bin; to release the bins of a consignment, close it")
        for bin_id, bin_ in self.bins.items():
            total = sum(item.quantity for item in bin_.items)
            if bin_.is_sound and bin_.items and total != bin_.quantity:
                told = f"the items of bin {bin_id} add up to {total}, not to {bin_.quantity}"
                self._mistakes.add(bin_.line, "expected_quantity", told)

    def _bin(self, line: int, bin_id: str) -> _Bin | None:
        if bin_id not in self.bins and len(self.bins) == MOST_BINS:
            if not self._is_full:
                self._mistakes.add(line, None, f"the file names more than {MOST_BINS} bins")
            self._is_full = True
            return None
        return self.bins.setdefault(bin_id, _Bin(line))

    def _add(self, bin_: _Bin, line: int, row: Mapping[str, str]) -> bool:
        """Add a line whose cells are right to what was said of its bin; False where it does not go with that."""
        quantity, is_plain = int(row["expected_quantity"]), "sku" not in row
        bin_.is_plain |= is_plain
        if bin_.lines > 1 and bin_.is_plain:
            told = f"is on line {bin_.line} already; several lines of one bin have to name its items"
            self._mistakes.add(line, "bin_id", told)
        elif bin_.quantity not in {None, quantity}:
            told = f"is {quantity} here and {bin_.quantity} on a line before"
            self._mistakes.add(line, "expected_quantity", told)
        elif len(bin_.items) == MOST_ITEMS:
            self._mistakes.add(line, "sku", f"the bin has more than {MOST_ITEMS} items")
        else:
            bin_.quantity = quantity
            bin_.items += [] if is_plain else [Item(row["sku"], int(row["quantity"]))]
            return True
        return False


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(mistake: Mistake) -> str:
    line = "" if mistake.line is None else f"line {mistake.line}: "
    column = f"{mistake.field} " if mistake.field else ""
    return f"{line}{column}{mistake.message}"


def _shown(cell: str) -> str:
    return ascii(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}...")
