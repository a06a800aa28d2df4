from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.domain import Expectation, Verdict
from chalicelib.errors import Conflict, InvalidRequest, NotFound
from chalicelib.site_policy import Rules, SitePolicy, to_document
from ops.policies import newest_versions, propose, replay_since, rules_in_file, version_of
from tests.examples import NOON, image_of, inspection_of, seconds_later, sure_of
from tests.fakes_api import FakeHistory, FakePolicyBook, FakeTable
from tests.policy_examples import document, with_rate

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ports_api import Page, Position

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

TOML = """
groups = []

[default]
mismatch_rate = 0.02
anything_else = 0.05
false_alert_bound = 0.1
missed_bound = 0.2
photo_correlation = 0.25
audit_share = 0.01
costs = {false_alert = 6, missed_mismatch = 100, review = 5}
deviations = {-2 = 0.1, -1 = 0.5, 1 = 0.3, 2 = 0.1}

[limits]
review_per_hour = 60
adapt_from = 200
audits_from = 20
prior_bins = 100
lowest_rate = 0.001
highest_rate = 0.3
alerts_per_window = 20
window_minutes = 60
consignment_share = 0.2
consignment_least = 5
"""


def test_a_document_may_be_json_or_toml(tmp_path: Path) -> None:
    (tmp_path / "fra1.json").write_text(json.dumps(to_document(Rules())))
    (tmp_path / "fra1.toml").write_text(TOML)
    assert rules_in_file(tmp_path / "fra1.json") == rules_in_file(tmp_path / "fra1.toml") == Rules()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "no JSON"),
        ("x.toml", "a = ", "no TOML"),
        ("x.toml", "a = 1\na = 2", "no TOML"),
        ("x.json", "{}", "default: Field required; groups: Field required; limits: Field required"),
        ("x.toml", "", "default: Field required"),
    ],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidRequest, match=re.escape(message)):
        rules_in_file(tmp_path / name)


def test_the_example_in_the_documentation_is_a_document(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", OPERATIONS.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "example.toml").write_text(example)
    rules = rules_in_file(tmp_path / "example.toml")
    assert rules.default == Rules().default, "it shows the default"
    assert rules.limits == Rules().limits
    assert [group.name for group in rules.groups] == ["small-parts"]


def test_every_setting_is_explained_in_the_documentation() -> None:
    explained = set(re.findall(r"^\| `(?:limits\.)?([\w.]+)` \|", OPERATIONS.read_text(), re.MULTILINE))
    told = document()
    default = {*told["default"], *(f"costs.{cost}" for cost in told["default"]["costs"])} - {"costs"}
    assert explained >= default | set(told["limits"])


def test_a_proposal_is_put_as_the_next_version_with_who_when_and_why() -> None:
    book = FakePolicyBook()
    proposal = propose(book, "FRA1", with_rate(0.05))
    assert proposal.differences == [("default.mismatch_rate", 0.02, 0.05)]
    assert proposal.put(book, "someone", NOON, "why") == book.standing("FRA1").policy
    assert book.standing("FRA1").policy == SitePolicy("FRA1", 1, with_rate(0.05), "someone", NOON, "why")


def test_a_proposal_that_somebody_else_has_overtaken_changes_nothing() -> None:
    book = FakePolicyBook()
    proposal = propose(book, "FRA1", with_rate(0.05))
    propose(book, "FRA1", with_rate(0.5)).put(book, "someone else", NOON, "why")
    with pytest.raises(Conflict):
        proposal.put(book, "someone", NOON, "why")
    assert book.standing("FRA1").policy.author == "someone else"


def test_a_proposal_of_what_is_in_force_differs_in_nothing() -> None:
    assert propose(FakePolicyBook(), "FRA1", Rules()).differences == []


def test_an_earlier_version_can_be_proposed_and_one_that_never_was_can_not() -> None:
    book = FakePolicyBook()
    for rate in (0.05, 0.5):
        propose(book, "FRA1", with_rate(rate)).put(book, "someone", NOON, "why")
    assert version_of(book, "FRA1", 1).rules == with_rate(0.05)
    with pytest.raises(NotFound, match="no version 3"):
        version_of(book, "FRA1", 3)


class ShortPages(FakePolicyBook):
    """Pages hold less than was asked for, as the table's do where documents are large."""

    def versions(self, site: str, limit: int, start: Position | None) -> Page[SitePolicy]:
        return super().versions(site, min(limit, 2), start)


@pytest.mark.parametrize(("most", "listed"), [(1, [5]), (3, [5, 4, 3]), (5, [5, 4, 3, 2, 1]), (9, [5, 4, 3, 2, 1])])
def test_versions_are_listed_over_all_pages_and_no_further_than_asked_for(most: int, listed: list[int]) -> None:
    book = ShortPages()
    for rate in (0.1, 0.2, 0.3, 0.4, 0.5):
        propose(book, "FRA1", with_rate(rate)).put(book, "someone", NOON, "why")
    assert [policy.version for policy in newest_versions(book, "FRA1", most)] == listed


def test_a_replay_takes_what_happened_since_its_beginning_and_says_how_far_it_has_come() -> None:
    table = FakeTable()
    for at in range(5):
        image = image_of(f"incoming/A-{at}/1.jpg", uploaded_at=seconds_later(at))
        held = Expectation(f"A-{at}", "C-1", "FRA1", 3)
        one = inspection_of(image, bin_id=held.bin_id, expectation=held, estimate=sure_of(2), at=seconds_later(at))
        table.outcomes.append(one)
    proposal = propose(FakePolicyBook(), "FRA1", with_rate(1e-6))
    told: list[tuple[datetime, int]] = []

    found = replay_since(
        FakeHistory(table), proposal, seconds_later(2), 1, lambda at, number: told.append((at, number))
    )

    assert (found.inspections, found.changed, len(found.changes)) == (3, 3, 1)
    assert (found.before.verdicts[Verdict.MISMATCH], found.after.verdicts[Verdict.MISMATCH]) == (3, 0)
    assert told == [(seconds_later(4), 3)]
