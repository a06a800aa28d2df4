"""What the routes may reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.load import Loader
    from chalicelib.ports import Bins
    from chalicelib.ports_api import Consignments, Directory, Pictures


@dataclass(frozen=True, slots=True)
class World:
    """The record of bins, lists of it, consignments and who loads them, and links to photos."""

    bins: Bins
    directory: Directory
    consignments: Consignments
    loader: Loader
    pictures: Pictures
