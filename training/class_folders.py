"""From a data folder to class folders, as most training code reads them, with the manifest beside.

    OUT/{train,validation,calibration,test}/{0,1,2,3,4,5,6+}/<id>.jpg
    OUT/manifest.jsonl     one line a bin, in id order: id, count, label, split, group, file, bytes, sha256
    OUT/set-aside.jsonl    bins that are in no split: id, reason
    OUT/split.json         which split this is: seed, photos, the manifest's hash
    OUT/DATA_CARD.md       what the data are, with pictures under OUT/card/; written by `training.data_card`

Photos are hard links, so they take no space (symbolic links or copies where the file system has no other way): what
changes one changes the data folder's. A folder holds one split or a part of it, never a mix of two.

Memory grows with the number of bins: 2 kB for each while splitting, 1.1 GB for 535,000.
"""

import filecmp
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from training.errors import NothingToSplitError, OtherSplitError
from training.progress import Progress, silent
from training.records import CLASSES
from training.split import SHARES, groups, split
from training.survey import Bin, SetAside, survey

MANIFEST: Final = "manifest.jsonl"
SET_ASIDE: Final = "set-aside.jsonl"
IDENTITY: Final = "split.json"
CARD: Final = "DATA_CARD.md"
LEFT_OUT: Final = "shares goods with bins held out"
"""Why a usable bin is in no split (see `training.split`)."""

_MEMORY: Final = ".survey.jsonl"
_PARTIAL: Final = ".part"
_OURS: Final = (*SHARES, "card", MANIFEST, SET_ASIDE, CARD)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest: a bin, its class, where it went, and the file that has to be there.

    `group` is the first id of those bins that are tied to each other by shared goods; `file` is relative to OUT.
    """

    id: str
    count: int
    label: str
    split: str
    group: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Place:
    """A bin, where the split has put it, and the first id of the bins that it is tied to there by shared goods."""

    bin: Bin
    split: str
    group: str


Describe = Callable[[Path, Sequence[Place], Sequence[SetAside]], None]
"""Writes the data card of a split into its folder, the file CARD last."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found and did: by class and split, the number of bins; by way of placing, the number of photos."""

    bins: Counter[tuple[str, str]]
    placed: Counter[str]
    set_aside: int
    left_out: int
    """Those of the bins set aside that share goods with bins held out."""

    @property
    def splits(self) -> Counter[str]:
        """By split, the number of bins."""
        tally: Counter[str] = Counter()
        for (_, side), bins in self.bins.items():
            tally[side] += bins
        return tally


def split_into_folders(  # noqa: PLR0913 - what a user may choose
    data: Path,
    out: Path,
    seed: int,
    describe: Describe,
    *,
    copy: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Split a data folder into class folders; goes on where it was interrupted, and changes nothing when it is done.

    Raises OtherSplitError where `out` holds another split (another seed, other photos or counts) or files that are
    not of this one, unless `force` says that it may be replaced, and NothingToSplitError where no bin is usable.
    """
    standing = _standing(out)
    if standing and standing["seed"] != seed and not force:
        raise OtherSplitError(f"{out} {_told(standing)}, not one with seed {seed}: {_WAY_OUT}")
    out.mkdir(parents=True, exist_ok=True)
    found = survey(data, out / _MEMORY, progress=progress)
    if not found.bins:
        raise NothingToSplitError(f"{data}: no usable bin among {len(found.set_aside)}")
    places = plan(found.bins, seed)
    entries = [_entry(place) for place in places]
    _claim(out, standing, _identity(seed, entries), force=force)
    _refuse_strangers(out, entries)
    placed = _place(places, entries, out, progress, copy=copy)
    left_out = _left_out(found.bins, places)
    set_aside = [*found.set_aside, *left_out]
    _write(out / MANIFEST, map(_line, map(asdict, entries)))
    _write(out / SET_ASIDE, (_line({"id": one.image_id, "reason": one.reason}) for one in set_aside))
    if not (out / CARD).exists():  # it comes last: with it, everything is there
        describe(out, places, set_aside)
    bins = Counter((entry.label, entry.split) for entry in entries)
    return Outcome(bins, placed, len(set_aside), len(left_out))


def plan(bins: Sequence[Bin], seed: int) -> list[Place]:
    """Decide where each bin goes that is in a split; in the order of `bins`, and touching no file."""
    sides = {r.photo: name for name, part in split((one.record for one in bins), seed).items() for r in part}
    in_a_split = [one for one in bins if one.record.photo in sides]
    tied = {r.photo: group[0].image_id for group in groups(one.record for one in in_a_split) for r in group}
    return [Place(one, sides[one.record.photo], tied[one.record.photo]) for one in in_a_split]


def _left_out(bins: Iterable[Bin], places: Iterable[Place]) -> list[SetAside]:
    in_a_split = {place.bin.record.photo for place in places}
    return [SetAside(one.record.image_id, LEFT_OUT) for one in bins if one.record.photo not in in_a_split]


def _entry(place: Place) -> Entry:
    record, photo, label = place.bin.record, place.bin.photo, CLASSES[place.bin.record.label]
    file = f"{place.split}/{label}/{record.photo.name}"
    return Entry(record.image_id, record.count, label, place.split, place.group, file, photo.bytes, photo.sha256)


_WAY_OUT: Final = "name another folder, or --force to replace it"


def _standing(out: Path) -> dict[str, Any] | None:
    """Read which split is in a folder; raises OtherSplitError where it holds what no split has put there."""
    identity = out / IDENTITY
    if identity.exists():
        standing: dict[str, Any] = json.loads(identity.read_text(encoding="utf-8"))
        return standing
    taken = [name for name in ("bin-images", *_OURS) if (out / name).exists()]
    if taken:
        raise OtherSplitError(
            f"{out}: has {', '.join(taken)} but no {IDENTITY}, so no split made it: name a new folder"
        )
    return None


def _identity(seed: int, entries: Sequence[Entry]) -> dict[str, Any]:
    manifest = hashlib.sha256()
    for entry in entries:
        manifest.update(_line(asdict(entry)).encode())
    return {"seed": seed, "photos": len(entries), "manifest_sha256": manifest.hexdigest()}


def _told(identity: dict[str, Any]) -> str:
    return (
        f"holds the split with seed {identity['seed']} of {identity['photos']} photos "
        f"(manifest {identity['manifest_sha256'][:12]})"
    )


def _claim(out: Path, standing: dict[str, Any] | None, wanted: dict[str, Any], *, force: bool) -> None:
    """Make the folder that of the wanted split, before the first photo is in it."""
    if standing == wanted:
        return
    if standing and not force:
        raise OtherSplitError(f"{out} {_told(standing)}; {_changed(wanted)}: {_WAY_OUT}")
    if standing:
        _clear(out)
    _write(out / IDENTITY, [_line(wanted)])


def _changed(wanted: dict[str, Any]) -> str:
    return f"the data folder gives another one now, of {wanted['photos']} (manifest {wanted['manifest_sha256'][:12]})"


def _clear(out: Path) -> None:
    for name in reversed(_OURS):  # what says that the split is complete goes first
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _refuse_strangers(out: Path, entries: Iterable[Entry]) -> None:
    """Look for files in the class folders that are not of this split: training would read them."""
    expected = {entry.file for entry in entries}
    present = (path for name in SHARES for path in (out / name).rglob("*") if not path.is_dir())
    strangers = sorted(
        file
        for file in (path.relative_to(out).as_posix() for path in present)
        if file.removesuffix(_PARTIAL) not in expected
    )
    if strangers:
        few = ", ".join(strangers[:3])
        raise OtherSplitError(f"{out}: {len(strangers)} files are not of this split ({few}): remove them")


def _place(
    places: Sequence[Place], entries: Sequence[Entry], out: Path, progress: Progress, *, copy: bool
) -> Counter[str]:
    for name in SHARES:
        for label in CLASSES:  # empty ones too: readers number the classes by the folders that they find
            (out / name / label).mkdir(parents=True, exist_ok=True)
    placed: Counter[str] = Counter()
    with progress(len(entries), "placing photos") as done:
        for place, entry in zip(places, entries, strict=True):
            target = out / entry.file
            present = target.exists() and target.stat().st_size == entry.bytes
            placed["already there" if present else _put(place.bin.record.photo.resolve(), target, copy=copy)] += 1
            done()
    return placed


def _put(photo: Path, target: Path, *, copy: bool) -> str:
    """Place a photo in the cheapest way that works here, and tell which."""
    target.unlink(missing_ok=True)  # cut short, or a link to nothing
    if not copy:
        for way, place in (("hard links", os.link), ("symbolic links", os.symlink)):
            try:
                place(photo, target)
            except OSError:  # another device, no links on this file system, or too many of them
                continue
            return way
    partial = target.with_name(target.name + _PARTIAL)
    shutil.copy2(photo, partial)
    partial.replace(target)
    return "copies"


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write a file whole or not at all, and leave alone one that says the same."""
    partial = path.with_name(path.name + _PARTIAL)
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    if path.exists() and filecmp.cmp(partial, path, shallow=False):
        partial.unlink()
    else:
        partial.replace(path)
