"""What the audit trail says of changes, and its way through the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.bins import plain, typed
from chalicelib.items_trail import from_record, to_record
from chalicelib.policy import DEFAULT
from chalicelib.site_policy import Group, Rules, SitePolicy
from chalicelib.trail import Action, AuditRecord, bin_changed, policy_changed
from tests.examples import NOON, moments, names, seconds_later, statuses, texts

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
small = st.dictionaries(texts, plain_values, max_size=4)
records = st.builds(
    AuditRecord,
    moments,
    texts,
    st.sampled_from(Action),
    st.integers(0, 10**9),
    site=names,
    bin_id=st.none() | names,
    consignment_id=st.none() | names,
    policy=st.none() | texts,
    before=small,
    after=small,
    note=texts,
)


@given(records)
def test_a_record_comes_back_as_it_was(record: AuditRecord) -> None:
    assert to_record(plain(typed(from_record(record)))) == record


@given(records)
def test_a_record_is_in_no_list_but_the_trails(record: AuditRecord) -> None:
    item = from_record(record)
    assert {"attention", "shard", "consignment_id", "review", "by_time"}.isdisjoint(item)
    assert item["history"] == f"AUDIT#{record.site}"


@given(statuses, texts)
def test_a_record_of_a_bin_tells_only_what_differs(status: object, by: str) -> None:
    assert isinstance(status, type(status))
    after = replace(status, version=status.version + 1, assignee="bob")  # type: ignore[type-var, attr-defined]
    record = bin_changed(Action.ASSIGNMENT, status, after, by=by, at=NOON)  # type: ignore[arg-type]
    assert set(record.before) == set(record.after) <= {"version", "assignee"}


V1 = SitePolicy("FRA1", 1, Rules(), "ann", NOON, "why")


def test_a_record_of_a_policy_names_it_and_tells_the_settings_that_differ() -> None:
    rules = Rules(replace(DEFAULT, mismatch_rate=0.05), (Group("small-parts", ("S-*",)),))
    record = policy_changed(V1, SitePolicy("FRA1", 2, rules, "bob", seconds_later(1), "more errors"))
    assert (record.action, record.by, record.at, record.note) == (
        "policy_change",
        "bob",
        seconds_later(1),
        "more errors",
    )
    assert (record.site, record.policy, record.version, record.bin_id) == ("FRA1", "FRA1/2", 2, None)
    assert record.before == {
        "version": 1,
        "default.mismatch_rate": DEFAULT.mismatch_rate,
        "groups": [],
        "groups.small-parts.rank": None,
        "groups.small-parts.name": None,
        "groups.small-parts.bins": None,
    }
    assert (record.after["default.mismatch_rate"], record.after["groups.small-parts.bins"]) == (0.05, ["S-*"])


def test_a_policy_that_changes_altogether_is_told_of_in_fifty_settings() -> None:
    groups = tuple(Group(f"g{number}", ("S-*",)) for number in range(100))
    record = policy_changed(V1, SitePolicy("FRA1", 2, Rules(DEFAULT, groups), "bob", NOON, "new"))
    assert len(record.after) == len(record.before) == 52
    assert record.after["more"] == record.before["more"] == 3 * 100 + 1 - 50
    assert len(str(from_record(record))) < 20_000


def test_a_policy_that_nobody_has_made_leaves_no_record() -> None:
    with pytest.raises(ValueError, match="author"):
        policy_changed(V1, SitePolicy("FRA1", 2))
