"""The files of a data folder that is being filled: each written whole or not at all.

A photo appears in bin-images/ only after its metadata is in place, so at any moment, killed or not, the folder is
one that `training.records.read_folder` reads. Decides nothing: it is told what to keep and what to set aside.
"""

import shutil
from pathlib import Path

from training.errors import UnwritableFolderError
from training.fetch.sources import METADATA, PHOTOS, metadata_name, photo_name

SET_ASIDE = "set-aside"
OWN = ".fetch"
"""What the fetch keeps for itself: its journal, and files that are not whole yet."""


class DataFolder:
    """A data folder to write to; several threads may, each about other bins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = folder / OWN / "parts"

    def prepare(self) -> None:
        """Make the folders, and drop what a killed run left half written."""
        try:
            shutil.rmtree(self._parts, ignore_errors=True)
            for folder in (self._folder / PHOTOS, self._folder / METADATA, self._parts):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise UnwritableFolderError(f"{self._folder}: {cause.strerror}") from cause

    def keep(self, image_id: str, photo: bytes, metadata: bytes) -> None:
        """Put a complete bin in place."""
        self.write(metadata_name(image_id), metadata)
        self.write(photo_name(image_id), photo)

    def set_aside(self, image_id: str, photo: bytes | None, metadata: bytes | None) -> None:
        """Put what there is of a broken bin where no reader of the folder looks; nothing is lost that was there."""
        for name, body in ((photo_name(image_id), photo), (metadata_name(image_id), metadata)):
            in_place = self._folder / name
            if body is not None:
                self.write(f"{SET_ASIDE}/{name}", body)
            elif in_place.is_file():
                self.write(f"{SET_ASIDE}/{name}", in_place.read_bytes())
            in_place.unlink(missing_ok=True)

    def forget_set_aside(self, image_id: str) -> None:
        """Delete what was set aside of a bin."""
        for name in (photo_name(image_id), metadata_name(image_id)):
            (self._folder / SET_ASIDE / name).unlink(missing_ok=True)

    def holds(self, image_id: str, photo_bytes: int) -> bool:
        """Tell whether the bin is there, with a photo of that size."""
        try:
            same_size = (self._folder / photo_name(image_id)).stat().st_size == photo_bytes
            return same_size and (self._folder / metadata_name(image_id)).is_file()
        except FileNotFoundError:
            return False

    def write(self, name: str, body: bytes) -> None:
        """Put a file in place, by its path inside the folder."""
        final = self._folder / name
        part = self._parts / final.name
        try:
            part.write_bytes(body)
            final.parent.mkdir(parents=True, exist_ok=True)
            part.replace(final)
        except OSError as cause:
            raise UnwritableFolderError(f"{final}: {cause.strerror}") from cause
