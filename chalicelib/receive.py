"""The use case of files: a consignment lies in the bucket as CSV; load it, or put on file why not.

`<prefix><site>/<consignment id>.csv`. Whatever comes twice, late or out of order changes nothing: the newest version of
a file has the last word, and so has whoever changed the consignment through the API after the file was dropped. What
no trying again can mend is recorded with all its mistakes: a refusal of the consignment, or, where the key names none,
a rejection beside those of photos whose key names no bin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.caller import Caller
from chalicelib.domain import BIN_ID, Reason, Rejection
from chalicelib.errors import (
    Closed,
    Held,
    Mistake,
    PhotoRefused,
    PhotoUnavailable,
    Superseded,
    TemporaryFailure,
    Unprocessable,
)
from chalicelib.load import Order
from chalicelib.manifest import Mistakes, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.domain import BinImage
    from chalicelib.load import Loader
    from chalicelib.manifest import Manifest
    from chalicelib.ports import Bins, Images
    from chalicelib.ports_api import Consignments

_NAME = re.compile(rf"(?P<site>{BIN_ID.pattern})/(?P<consignment_id>{BIN_ID.pattern})\.csv", re.IGNORECASE)


class Ending(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    GONE = "gone"
    STRAY = "stray"
    FOLDER = "folder"

    @property
    def calls_for_somebody(self) -> bool:
        """Whether a person has to mend something."""
        return self in {Ending.REFUSED, Ending.STRAY}


@dataclass(frozen=True, slots=True)
class Receiver:
    """What `receive` needs: where files lie, what loads consignments, where strays are recorded, and a clock."""

    files: Images
    loader: Loader
    consignments: Consignments
    bins: Bins
    prefix: str
    clock: Callable[[], datetime]

    def receive(self, file: BinImage) -> Ending:
        """Load the consignment that a file holds, or record why it can't be.

        Raises:
            TemporaryFailure: something that may heal; nothing is recorded of the file and it may be received again.

        """
        name = file.key.removeprefix(self.prefix)
        if name.endswith("/") or not name:
            return Ending.FOLDER
        place = _NAME.fullmatch(name)
        if place is None:
            return self._stray(file)
        consignment_id, site = place["consignment_id"], place["site"]
        on_file = self.consignments.get(consignment_id)
        if on_file is not None and on_file.is_newer_than(file):
            return Ending.UNCHANGED
        try:
            manifest = self._read(file, consignment_id, site)
            return self._load(file, consignment_id, site, manifest)
        except PhotoUnavailable:
            return Ending.GONE
        except Unprocessable as refused:
            is_recorded = self.loader.refuse(consignment_id, site, file, refused)
            return Ending.REFUSED if is_recorded else Ending.UNCHANGED

    def _read(self, file: BinImage, consignment_id: str, site: str) -> Manifest:
        try:
            body = self.files.read(file)
        except PhotoRefused as refusal:
            raise _refusal(str(refusal)) from refusal
        return read_manifest(body, consignment_id, site)

    def _load(self, file: BinImage, consignment_id: str, site: str, manifest: Manifest) -> Ending:
        order = Order(Caller(f"s3://{file.bucket}/{file.key}"), file=file)
        try:
            _, is_changed = self.loader.load(consignment_id, site, manifest.expectations, order)
        except Held as held:
            raise _refusal_of(held, manifest) from held
        except Closed as closed:
            raise _refusal(str(closed)) from closed
        except Superseded as superseded:
            raise TemporaryFailure(str(superseded)) from superseded
        return Ending.LOADED if is_changed else Ending.UNCHANGED

    def _stray(self, file: BinImage) -> Ending:
        told = f"the key is not {self.prefix}<site>/<consignment id>.csv"
        self.bins.record_stray(Rejection(None, file, Reason.BAD_KEY, told, self.clock()))
        return Ending.STRAY


def _refusal(message: str) -> Unprocessable:
    """Return the refusal of a file as a whole."""
    return Unprocessable(message, [Mistake(message)])


def _refusal_of(held: Held, manifest: Manifest) -> Unprocessable:
    """Return the refusal that names each bin of another consignment by its line."""
    mistakes = Mistakes()
    for bin_id, holder in held.holders.items():
        mistakes.add(manifest.lines.get(bin_id), "bin_id", f"bin {bin_id} belongs to consignment {holder}")
    return mistakes.refusal()
