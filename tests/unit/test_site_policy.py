from __future__ import annotations

from dataclasses import replace

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.items_policy import from_current_policy, from_site_policy, to_site_policy, version_key
from chalicelib.policy import DEFAULT
from chalicelib.site_policy import (
    Group,
    Limits,
    Rules,
    SitePolicy,
    Standing,
    differences,
    from_document,
    settings_of,
    to_document,
    with_settings,
)
from tests.examples import NOON, names
from tests.policy_examples import rates, rules, settings_of_a_group, site_policies, with_rate

SMALL = Group("small-parts", ("S-*", "T-??"), (("costs.missed_mismatch", 80.0), ("mismatch_rate", 0.05)))
SHELF = Group("shelf-1", ("*-1",), (("audit_share", 0.5),))
FRA1 = SitePolicy("FRA1", 3, Rules(DEFAULT, (SMALL, SHELF)), "someone", NOON, "small parts go missing")


@given(rules)
def test_rules_come_back_from_their_document(one: Rules) -> None:
    assert from_document(to_document(one)) == one


@given(site_policies)
def test_every_version_comes_back_from_the_table_as_it_was(policy: SitePolicy) -> None:
    for item in (from_site_policy(policy), from_current_policy(policy)):
        typed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
        assert to_site_policy({name: TypeDeserializer().deserialize(value) for name, value in typed.items()}) == policy


def test_versions_are_kept_in_the_order_of_their_numbers() -> None:
    keys = [version_key("FRA1", number)["SK"] for number in (1, 2, 9, 10, 99, 100, 99_999_999)]
    assert keys == sorted(keys)


def test_a_bin_of_no_group_is_judged_by_the_default_under_the_sites_name_and_version() -> None:
    assert FRA1.policy_for("A-17") == replace(DEFAULT, version="FRA1/3")


def test_a_bin_of_a_group_is_judged_by_what_the_group_changes_and_by_the_default_in_all_else() -> None:
    changed = replace(DEFAULT.costs, missed_mismatch=80.0)
    expected = replace(DEFAULT, version="FRA1/3/small-parts", costs=changed, mismatch_rate=0.05)
    assert FRA1.policy_for("S-17") == expected


@pytest.mark.parametrize(
    ("bin_id", "group"),
    [
        ("S-1", "small-parts"),
        ("S-", "small-parts"),
        ("T-12", "small-parts"),
        ("T-1", "shelf-1"),
        ("T-123", None),
        ("s-17", None),
        ("A-S-17", None),
        ("A-11", None),
    ],
)
def test_a_bin_belongs_to_the_first_group_with_a_pattern_that_fits_all_of_its_name(
    bin_id: str, group: str | None
) -> None:
    found = FRA1.rules.group_of(bin_id)
    assert (found.name if found else None) == group


@given(names)
def test_the_letters_of_a_pattern_mean_themselves(bin_id: str) -> None:
    assert Group("one", (bin_id,)).holds(bin_id)
    assert not Group("one", (f"{bin_id}x",)).holds(bin_id)
    assert Group("prefix", (f"{bin_id}*",)).holds(f"{bin_id}.x")


def test_where_nobody_has_set_anything_the_default_holds_under_its_own_name() -> None:
    assert SitePolicy("FRA1").policy_for("A-17") == DEFAULT
    assert SitePolicy("FRA1").limits == Limits()


@given(settings_of_a_group)
def test_changed_settings_are_changed_and_no_others(changed: dict[str, float]) -> None:
    assert settings_of(with_settings(DEFAULT, changed)) == {**settings_of(DEFAULT), **changed}


def test_two_groups_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        Rules(DEFAULT, (SMALL, replace(SHELF, name="small-parts")))


def test_a_group_that_makes_no_policy_of_the_default_is_refused() -> None:
    with pytest.raises(ValueError, match="mismatch_rate"):
        Rules(DEFAULT, (Group("broken", ("*",), (("mismatch_rate", 2.0),)),))


def test_limits_that_make_no_sense_are_refused_all_at_once() -> None:
    with pytest.raises(ValueError, match=r"review_per_hour .*; window_minutes .*; lowest_rate .*; consignment_share"):
        Limits(review_per_hour=0, window_minutes=-1, lowest_rate=0.5, consignment_share=1.5)


def odds(rate: float) -> float:
    return rate / (1.0 - rate)


def test_the_rate_that_a_site_has_taught_takes_the_place_of_the_set_one() -> None:
    standing = Standing(FRA1, lambda policy, limits: replace(policy, mismatch_rate=limits.highest_rate))
    assert standing.policy_for("A-17") == replace(DEFAULT, version="FRA1/3", mismatch_rate=0.3)
    assert standing.policy_for("A-1").mismatch_rate == 0.3, "its group sets no rate of its own"


@given(rates)
def test_a_group_with_a_rate_of_its_own_keeps_its_distance_to_the_default(learnt: float) -> None:
    standing = Standing(FRA1, lambda policy, _: replace(policy, mismatch_rate=learnt))
    small, default = standing.policy_for("S-17"), standing.policy_for("A-17")
    distance = odds(small.mismatch_rate) / odds(default.mismatch_rate)
    assert distance == pytest.approx(odds(0.05) / odds(0.02), rel=1e-6)


def test_a_site_that_has_taught_nothing_is_judged_exactly_as_set() -> None:
    assert [policy for _, policy in Standing(FRA1).policies()] == [policy for _, policy in FRA1.policies()]


def test_rules_that_are_tried_are_called_by_the_next_version_and_learn_like_those_in_force() -> None:
    standing = Standing(FRA1, lambda policy, _: replace(policy, mismatch_rate=0.125))
    tried = standing.under(Rules())
    assert tried.policy_for("S-17") == replace(DEFAULT, version="FRA1/4", mismatch_rate=0.125)


@given(rules, rules)
def test_rules_differ_exactly_where_a_difference_is_named(one: Rules, other: Rules) -> None:
    assert differences(one, one) == []
    assert bool(differences(one, other)) == (one != other)


def test_a_difference_names_the_place_and_both_values() -> None:
    before = Rules(DEFAULT, (SMALL,))
    after = with_rate(0.05, SHELF)
    assert differences(before, after) == [
        ("default.mismatch_rate", 0.02, 0.05),
        ("groups.small-parts.rank", 1, None),
        ("groups.small-parts.name", "small-parts", None),
        ("groups.small-parts.bins", ["S-*", "T-??"], None),
        ("groups.small-parts.overrides.costs.missed_mismatch", 80.0, None),
        ("groups.small-parts.overrides.mismatch_rate", 0.05, None),
        ("groups.shelf-1.rank", None, 1),
        ("groups.shelf-1.name", None, "shelf-1"),
        ("groups.shelf-1.bins", None, ["*-1"]),
        ("groups.shelf-1.overrides.audit_share", None, 0.5),
    ]


def test_groups_that_change_places_are_a_difference() -> None:
    places = [place for place, *_ in differences(Rules(DEFAULT, (SMALL, SHELF)), Rules(DEFAULT, (SHELF, SMALL)))]
    assert places == ["groups.small-parts.rank", "groups.shelf-1.rank"]


@given(st.permutations([SMALL, SHELF]))
def test_a_bin_that_two_groups_hold_belongs_to_the_first(order: list[Group]) -> None:
    assert Rules(DEFAULT, tuple(order)).group_of("S-1") == order[0]
