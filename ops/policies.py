"""What the `policy` commands do: read a document from a file, change a site's policy, replay what has happened.

Reads and writes through the ports that the API uses; prints nothing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.api.policy_bodies import fields_in, rules_in
from chalicelib.errors import InvalidRequest, NotFound
from chalicelib.replay import replay
from chalicelib.site_policy import differences
from chalicelib.trail import policy_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from chalicelib.ports_api import History, PolicyBook
    from chalicelib.replay import Past, Replayed
    from chalicelib.site_policy import Rules, SitePolicy, Standing


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that nobody has agreed to yet: what bins are judged by now, and what they would be judged by."""

    now: Standing
    then: Standing

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """What differs, as (place, value now, value then)."""
        return differences(self.now.policy.rules, self.then.policy.rules)

    def put(self, book: PolicyBook, author: str, at: datetime, note: str) -> SitePolicy:
        """Make the change.

        Raises:
            Conflict: somebody has changed the policy since the proposal was made.
        """
        policy = replace(self.then.policy, author=author, at=at, note=note)
        book.put(policy, policy_changed(self.now.policy, policy))
        return policy


def propose(book: PolicyBook, site: str, rules: Rules) -> Proposal:
    """Return the change from what is in force at a site to these rules."""
    now = book.standing(site)
    return Proposal(now, now.under(rules))


def rules_in_file(path: Path) -> Rules:
    """Return what a document says, TOML where the file's name ends so, else JSON.

    Raises:
        InvalidRequest: it is neither, or breaks rules; the message names each place.
    """
    content = path.read_bytes()
    return rules_in(_toml_in(content) if path.suffix == ".toml" else fields_in(content))


def version_of(book: PolicyBook, site: str, number: int) -> SitePolicy:
    """Return an earlier version.

    Raises:
        NotFound: the site's policy has no such version.
    """
    policy = book.version(site, number)
    if policy is None:
        raise NotFound(f"the policy of {site} has no version {number}; `policy versions` lists them")
    return policy


def newest_versions(book: PolicyBook, site: str, most: int) -> list[SitePolicy]:
    """Return the newest versions of a site's policy, at most so many, newest first, from as many pages as it takes."""
    page = book.versions(site, most, None)
    found = [*page.entries]
    while page.following is not None and len(found) < most:
        page = book.versions(site, most - len(found), page.following)
        found += page.entries
    return found


def replay_since(
    history: History,
    proposal: Proposal,
    beginning: datetime,
    most_changes: int,
    reached: Callable[[datetime, int], None],
) -> Replayed:
    """Judge all that has happened at the proposal's site from a moment on, now and under the proposal.

    After each page `reached` is told up to which moment things have been replayed, and how many they were.
    """
    pages = history.since(proposal.now.policy.site, beginning)
    past = _telling(pages, reached)
    return replay(past, proposal.now.policy_for, proposal.then.policy_for, most_changes)


def _telling(pages: Iterable[Iterable[Past]], reached: Callable[[datetime, int], None]) -> Iterator[Past]:
    number = 0
    for page in pages:
        happened = None
        for happened in page:
            number += 1
            yield happened
        if happened is not None:
            reached(happened.at, number)


def _toml_in(content: bytes) -> Any:
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        raise InvalidRequest(f"the file is no TOML: {error}") from error
