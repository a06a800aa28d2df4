"""What a data folder really holds: each bin's record beside the facts of its photo, and what is broken, with reasons.

To look at a photo is to decode it as the server does and to hash it: about 2 ms for a full-size one. What was found is
kept in a file, one line a photo, and a photo of the same size and time of change is not looked at again: an
interrupted survey goes on, a finished one only reads the records once more. Needs no torch.

Memory grows with the number of bins, not with their photos: 1.2 kB for each.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from PIL import Image

from training.errors import BrokenRecordError
from training.progress import Progress, silent
from training.records import Record, truth_in
from training.serving.images import BadImage, decode, orientation

_PHOTO_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
_THUMBNAIL: Final = (32, 32)
"""Enough to tell the brightness."""

_AT_A_TIME: Final = 512
"""So many photos are handed to the threads before the first of them is waited for."""

_SIDEWAYS: Final = 5
"""EXIF orientations from here on swap width and height."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """A photo's file and picture: pixels as shown, EXIF orientation applied; brightness is the mean level, 0 to 255."""

    bytes: int
    modified_ns: int
    sha256: str
    width: int
    height: int
    brightness: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One usable bin."""

    record: Record
    photo: PhotoFacts

    @property
    def units(self) -> int | None:
        """How many items the goods of its record add up to; None where it names none."""
        return self.record.goods.units if self.record.asins else None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A bin that is in no split, and why."""

    image_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that was found, both lists in the order of file names."""

    bins: list[Bin]
    set_aside: list[SetAside]


Known = dict[str, PhotoFacts]
"""By file name, what an earlier survey found out."""


def survey(data: Path, memory: Path, *, progress: Progress = silent) -> Survey:
    """Look at every bin of a data folder; what was found out about photos is kept in the file `memory`.

    Raises BrokenRecordError where the folder has no bin-images/ at all. Metadata without a photo is passed over.
    """
    photos = _photos(data)
    known = _known(memory)
    found = Survey([], [])
    with (
        memory.open("a", encoding="utf-8") as log,
        ThreadPoolExecutor() as threads,  # Pillow and hashlib release the interpreter lock
        progress(len(photos), "looking at photos") as done,
    ):
        for few in _chunks(photos):
            for one in threads.map(partial(_look, data, known), few):
                if isinstance(one, SetAside):
                    found.set_aside.append(one)
                else:
                    found.bins.append(one)
                    _remember(one, known, log.write)
                done()
    return found


def _photos(data: Path) -> list[str]:
    folder = data / "bin-images"
    if not folder.is_dir():
        raise BrokenRecordError(f"{data}: has no bin-images/, so it is no data folder")
    return sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(_PHOTO_SUFFIXES))


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_A_TIME):
        yield names[start : start + _AT_A_TIME]


def _known(memory: Path) -> Known:
    """Read what is remembered, and cut off a last line that an interruption left unfinished."""
    known: Known = {}
    if not memory.exists():
        return known
    with memory.open("r+b") as log:
        whole = 0
        for line in log:
            if not line.endswith(b"\n"):
                log.truncate(whole)
                break
            whole += len(line)
            facts = json.loads(line)
            name = facts.pop("photo")
            known[name] = PhotoFacts(**facts)
    return known


def _remember(one: Bin, known: Known, write: Any) -> None:
    name = one.record.photo.name
    if known.get(name) is not one.photo:
        write(json.dumps({"photo": name, **asdict(one.photo)}) + "\n")


def _look(data: Path, known: Known, name: str) -> Bin | SetAside:
    photo = data / "bin-images" / name
    try:
        truth = truth_in(data / "metadata" / f"{photo.stem}.json")
        facts = _photo_facts(photo, known.get(name))
    except BrokenRecordError as cause:
        return SetAside(photo.stem, str(cause))
    return Bin(Record.of(photo, truth), facts)


def _photo_facts(photo: Path, remembered: PhotoFacts | None) -> PhotoFacts:
    """Look at a photo, unless it is as remembered; raises BrokenRecordError where it does not decode."""
    try:
        file = photo.stat()
        if remembered and (remembered.bytes, remembered.modified_ns) == (file.st_size, file.st_mtime_ns):
            return remembered
        body = photo.read_bytes()
        brightness = float(decode(body, _THUMBNAIL).mean())
    except (OSError, BadImage) as cause:
        raise BrokenRecordError(f"photo: {cause}") from cause
    width, height = shown_size(body)
    return PhotoFacts(
        len(body), file.st_mtime_ns, hashlib.sha256(body).hexdigest(), width, height, round(brightness, 1)
    )


def shown_size(body: bytes) -> tuple[int, int]:
    """Read a photo's width and height as it is shown, upright, from its header."""
    with Image.open(io.BytesIO(body)) as image:
        width, height = image.size
        return (height, width) if orientation(image) >= _SIDEWAYS else (width, height)
