from __future__ import annotations

import pytest

from chalicelib.caller import Caller
from chalicelib.errors import PreconditionFailed


@pytest.mark.parametrize("tags", [None, {"7"}, {"6", "7"}])
def test_a_caller_who_has_seen_what_stands_or_does_not_care_may_change_it(tags: set[str] | None) -> None:
    Caller("ann", tags=None if tags is None else frozenset(tags)).refuse_outdated("bin A-1", 7)


@pytest.mark.parametrize("tags", [set(), {"6"}, {"6", "8"}, {"07"}, {"7.0"}])
def test_a_caller_who_has_seen_something_else_may_not(tags: set[str]) -> None:
    with pytest.raises(PreconditionFailed, match="bin A-1 stands at version 7"):
        Caller("ann", tags=frozenset(tags)).refuse_outdated("bin A-1", 7)
