"""What the routes may reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.load import Loader
    from chalicelib.ports import Bins
    from chalicelib.ports_api import Consignments, Directory, People, Pictures, SiteRules
    from chalicelib.resolve import Resolver


@dataclass(frozen=True, slots=True)
class World:
    """The record of bins, lists of it, consignments, people's acts and who carries them out, links, sites' rules."""

    bins: Bins
    directory: Directory
    consignments: Consignments
    loader: Loader
    pictures: Pictures
    people: People
    resolver: Resolver
    rules_of: Callable[[str], SiteRules]
