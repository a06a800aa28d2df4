"""Where bins come from, as one small interface, and the adapter for folders; the one for buckets is in `s3`.

Reads only. An adapter translates what goes wrong into one of three cases: this object is not there, this object
could not be read just now, or nothing can be read here at all (UnusableSourceError, which ends a run).
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeVar

from training.errors import TrainingError, UnusableSourceError

PHOTOS = "bin-images"
METADATA = "metadata"

_TRIES: Final = 3
_FIRST_WAIT_SECONDS: Final = 0.5

Answer = TypeVar("Answer")


class MissingObjectError(TrainingError):
    """A bin's photo or metadata is not in the source."""


class UnreadObjectError(TrainingError):
    """A bin's photo or metadata did not arrive whole, which says nothing about the bin: another try may help."""


class Source(Protocol):
    """Bins in the layout of the public bucket; safe to read from several threads at once."""

    def ids(self) -> Iterator[str]:
        """List the bins that have metadata, in any order, without holding them all."""
        ...

    def photo(self, image_id: str) -> bytes:
        """Read the bin's JPEG file; raises MissingObjectError or UnreadObjectError."""
        ...

    def metadata(self, image_id: str) -> bytes:
        """Read the bin's JSON file; raises MissingObjectError or UnreadObjectError."""
        ...

    def size(self, image_id: str) -> int:
        """Tell how many bytes the bin's two files have together, without reading them; a missing one has none."""
        ...


def photo_name(image_id: str) -> str:
    """Give the photo's path inside a data folder or below a bucket's prefix."""
    return f"{PHOTOS}/{image_id}.jpg"


def metadata_name(image_id: str) -> str:
    """Give the metadata's path inside a data folder or below a bucket's prefix."""
    return f"{METADATA}/{image_id}.json"


class FolderSource:
    """A data folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ids(self) -> Iterator[str]:
        """List the stems of metadata/*.json; raises UnusableSourceError where there is no such folder."""
        try:
            with os.scandir(self._folder / METADATA) as entries:
                yield from (entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json"))
        except OSError as cause:
            raise UnusableSourceError(f"{self._folder}: no data folder: {cause}") from cause

    def photo(self, image_id: str) -> bytes:
        """Read bin-images/<id>.jpg."""
        return self._read(photo_name(image_id))

    def metadata(self, image_id: str) -> bytes:
        """Read metadata/<id>.json."""
        return self._read(metadata_name(image_id))

    def size(self, image_id: str) -> int:
        """Add up the sizes of those files that are there."""
        files = (self._folder / name for name in (photo_name(image_id), metadata_name(image_id)))
        return sum(file.stat().st_size for file in files if file.is_file())

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError as cause:
            raise MissingObjectError(name) from cause
        except OSError as cause:
            raise UnusableSourceError(f"{self._folder / name}: {cause.strerror}") from cause


class PatientSource:
    """Another source, asked again after a wait that doubles where an object did not arrive.

    A client's own retries end where a reply begins; this is for bodies that stop half way.
    """

    def __init__(self, source: Source, sleep: Callable[[float], None] = time.sleep) -> None:
        self._source = source
        self._sleep = sleep

    def ids(self) -> Iterator[str]:
        """List what the source lists, in one go: a listing cannot be taken up in the middle."""
        return self._source.ids()

    def photo(self, image_id: str) -> bytes:
        """Read the photo in up to three tries."""
        return self._patiently(self._source.photo, image_id)

    def metadata(self, image_id: str) -> bytes:
        """Read the metadata in up to three tries."""
        return self._patiently(self._source.metadata, image_id)

    def size(self, image_id: str) -> int:
        """Ask for the size in up to three tries."""
        return self._patiently(self._source.size, image_id)

    def _patiently(self, ask: Callable[[str], Answer], image_id: str) -> Answer:
        for attempt in range(_TRIES - 1):
            try:
                return ask(image_id)
            except UnreadObjectError:
                self._sleep(_FIRST_WAIT_SECONDS * 2**attempt)
        return ask(image_id)
