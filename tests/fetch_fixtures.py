"""Data folders and sources for the tests of fetching; every photo is drawn here."""

from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING, Any

from PIL import Image

from training.fetch.sources import MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


def jpeg(shade: int = 0, size: tuple[int, int] = (8, 6)) -> bytes:
    """A photo of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, (shade % 256, shade // 256 % 256, 90)).save(file, "JPEG")
    return file.getvalue()


def metadata(count: Any = 1, asins: Iterable[str] = ()) -> bytes:
    """A record of the public bucket, as far as anybody reads it."""
    return json.dumps(
        {"EXPECTED_QUANTITY": count, "BIN_FCSKU_DATA": {asin: {"quantity": 1} for asin in asins}}
    ).encode()


def bins(number: int) -> dict[str, tuple[bytes | None, bytes | None]]:
    """So many good bins: photo and metadata by id."""
    return {f"{n:05d}": (jpeg(n), metadata(n % 8, [f"B{n}"])) for n in range(number)}


def write_folder(folder: Path, content: Mapping[str, tuple[bytes | None, bytes | None]]) -> Path:
    """A data folder of these bins."""
    for kind, suffix, index in (("bin-images", "jpg", 0), ("metadata", "json", 1)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for image_id, pair in content.items():
            if (body := pair[index]) is not None:
                (folder / kind / f"{image_id}.{suffix}").write_bytes(body)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file of a data folder but the fetch's own notes."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if not name.startswith(".fetch/")}


class FakeSource:
    """Bins in memory; remembers what was read, and raises what `troubles` holds for an id, once for each entry."""

    def __init__(
        self,
        content: Mapping[str, tuple[bytes | None, bytes | None]],
        troubles: Mapping[str, list[BaseException]] | None = None,
    ) -> None:
        self.content = content
        self.troubles = {image_id: list(these) for image_id, these in (troubles or {}).items()}
        self.photos_read: list[str] = []
        self.busy = self.most_busy = 0
        self._lock = threading.Lock()

    def ids(self) -> Iterator[str]:
        yield from (image_id for image_id, (_, facts) in self.content.items() if facts is not None)

    def photo(self, image_id: str) -> bytes:
        with self._lock:
            self.photos_read.append(image_id)
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            if self.troubles.get(image_id):
                raise self.troubles[image_id].pop(0)
            return self._part(image_id, 0)
        finally:
            with self._lock:
                self.busy -= 1

    def metadata(self, image_id: str) -> bytes:
        return self._part(image_id, 1)

    def size(self, image_id: str) -> int:
        return sum(len(part or b"") for part in self.content[image_id])

    def _part(self, image_id: str, index: int) -> bytes:
        part = self.content.get(image_id, (None, None))[index]
        if part is None:
            raise MissingObjectError(image_id)
        return part
