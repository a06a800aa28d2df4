"""What the routes may reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.load import Loader
    from chalicelib.ports import Bins
    from chalicelib.ports_api import (
        ConsignmentLists,
        Consignments,
        DeadLetters,
        Directory,
        History,
        People,
        Pictures,
        PolicyBook,
        SiteRules,
        Statistics,
        Trail,
    )
    from chalicelib.resolve import Resolver


@dataclass(frozen=True, slots=True)
class World:
    """Bins and lists of them, consignments, people, the trail, policies, what happened, figures, links, and a clock."""

    bins: Bins
    directory: Directory
    consignments: Consignments
    consignment_lists: ConsignmentLists
    loader: Loader
    pictures: Pictures
    policies: PolicyBook
    history: History
    clock: Callable[[], datetime]
    people: People
    trail: Trail
    resolver: Resolver
    rules_of: Callable[[str], SiteRules]
    statistics: Statistics
    dead_letters: DeadLetters
