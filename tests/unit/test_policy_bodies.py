from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from chalicelib.api.policy_bodies import change_in, fields_in, preview_in, rules_in
from chalicelib.errors import InvalidRequest, Unprocessable
from chalicelib.items_policy import from_current_policy
from chalicelib.site_policy import Rules, SitePolicy, from_document, to_document
from tests.examples import NOON
from tests.policy_examples import document, group_named, rules


def as_json(fields: Any) -> bytes:
    return json.dumps(fields).encode()


@given(rules)
def test_every_document_that_can_be_written_is_accepted_and_means_what_it_says(one: Rules) -> None:
    assert rules_in(json.loads(json.dumps(to_document(one)))) == one


def changed_at(place: str, value: Any) -> dict[str, Any]:
    """A document that passes but for one value; `...` takes the value away."""
    changed: Any = copy.deepcopy(document())
    *outer, last = [int(part) if part.isdecimal() else part for part in place.split("/")]
    within = changed
    for part in outer:
        within = within[part]
    if value is ...:
        del within[last]
    else:
        within[last] = value
    return changed


NUMBERS = [
    *(f"default/{name}" for name in ("mismatch_rate", "anything_else", "false_alert_bound", "missed_bound")),
    *(f"default/{name}" for name in ("photo_correlation", "audit_share")),
    *(f"default/costs/{name}" for name in ("false_alert", "missed_mismatch", "review")),
    *(f"limits/{name}" for name in document()["limits"]),
]
NO_NUMBERS: list[Any] = ["0.5", True, None, [0.5], {"value": 0.5}, float("nan"), float("inf"), -1, 10**400, ...]


def name_of(place: str) -> str:
    return "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in place.split("/")).lstrip(".")


def complaint_about(fields: Any) -> str:
    with pytest.raises(Unprocessable) as refused:
        rules_in(fields)
    return str(refused.value)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=str)
@pytest.mark.parametrize("place", NUMBERS)
def test_what_merely_resembles_a_number_is_refused_by_its_place(place: str, value: Any) -> None:
    assert complaint_about(changed_at(place, value)).startswith(f"{name_of(place)}: ")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("default/mismatch_rate", 0.0),
        ("default/mismatch_rate", 1.0),
        ("default/mismatch_rate", 1e-9),
        ("default/anything_else", 0.0),
        ("default/anything_else", 1.0),
        ("default/false_alert_bound", 0.0),
        ("default/false_alert_bound", 1.1),
        ("default/missed_bound", 0.0),
        ("default/missed_bound", 1.1),
        ("default/photo_correlation", 1.1),
        ("default/photo_correlation", 1e-9),
        ("default/audit_share", 1.1),
        ("default/costs/review", 0.0),
        ("default/costs/review", 1e7),
        ("default/deviations", {}),
        ("default/deviations", {"-1": 0.5, "1": 0.4}),
        ("default/deviations", {"-1": 1.5, "1": -0.5}),
        ("default/deviations", {"0": 1.0}),
        ("default/deviations", {"+1": 1.0}),
        ("default/deviations", {"1.0": 1.0}),
        ("default/deviations", {"01": 1.0}),
        ("default/deviations", {"100": 1.0}),
        ("default/deviations", {str(step): 0.04 for step in range(1, 26)}),
        ("default/deviations", [[-1, 1.0]]),
        ("default/version", "FRA1/9"),
        ("limits/review_per_hour", 0),
        ("limits/review_per_hour", 2.5),
        ("limits/review_per_hour", 2.0),
        ("limits/consignment_share", 0.0),
        ("limits/consignment_share", 1.5),
        ("limits/reviews_per_hour", 5),
        ("limits/lowest_rate", 0.0),
        ("limits/highest_rate", 1.0),
        ("groups/0/name", "small parts"),
        ("groups/0/name", "small/parts"),
        ("groups/0/name", ""),
        ("groups/0/bins", []),
        ("groups/0/bins", "S-*"),
        ("groups/0/bins/0", ""),
        ("groups/0/bins/0", "[ST]-*"),
        ("groups/0/bins/0", "S 1"),
        ("groups/0/bins/0", "S-1\n"),
        ("groups/0/overrides/mismatch_rate", None),
        ("groups/0/overrides/mismatch_rate", 2.0),
        ("groups/0/overrides/costs/review", -1.0),
        ("groups/0/overrides/costs/reviews", 1.0),
        ("groups/0/overrides/version", "x"),
        ("groups/0/overrides", None),
        ("groups/0/policy", {}),
        ("groups", None),
        ("default/costs", None),
        ("limits", []),
        ("note", "why"),
    ],
)
def test_every_rule_that_is_broken_is_named_by_its_place(place: str, value: Any) -> None:
    assert complaint_about(changed_at(place, value)).startswith(name_of(place))


@pytest.mark.parametrize(
    "place", ["default", "groups", "limits", "groups/0/name", "groups/0/bins", "groups/0/overrides"]
)
def test_nothing_may_be_left_out(place: str) -> None:
    assert complaint_about(changed_at(place, ...)) == f"{name_of(place)}: Field required"


@pytest.mark.parametrize(("place", "value"), [("limits/lowest_rate", 0.5), ("limits/highest_rate", 0.0005)])
def test_bounds_of_the_rate_that_no_rate_keeps_are_refused(place: str, value: float) -> None:
    told = complaint_about(changed_at(place, value))
    assert told == "limits: Value error, lowest_rate is at most highest_rate"


def test_all_mistakes_are_told_at_once() -> None:
    broken = changed_at("default/mismatch_rate", 5)
    broken["default"]["costs"]["review"] = "3"
    broken["limits"]["extra"] = 1
    broken["groups"].append(group_named("small-parts", bins=[]))
    told = complaint_about(broken)
    places = ["default.mismatch_rate", "default.costs.review", "limits.extra", "groups[1].bins", "groups: small-parts"]
    assert [place for place in places if place not in told] == []


@pytest.mark.parametrize("fields", [None, [], "policy", 3])
def test_what_is_no_document_at_all_is_refused(fields: Any) -> None:
    assert complaint_about(fields).startswith("body: ")


def test_the_largest_document_fits_into_one_item_of_the_table() -> None:
    overrides = to_document(Rules())["default"] | {"deviations": {str(-step): 0.05 for step in range(80, 100)}}
    group = {"bins": ["x" * 64] * 20, "overrides": {**overrides, "anything_else": 0.1234567890123456}}
    largest = rules_in(document(groups=[{"name": f"{number:064d}", **group} for number in range(100)]))
    item = from_current_policy(SitePolicy("S" * 64, 99_999_999, largest, "a" * 200, NOON, "n" * 500))
    assert len(json.dumps(item, default=str)) < 400_000


def test_a_group_may_change_nothing_and_keep_its_bins_from_later_groups() -> None:
    first = group_named("as-usual", bins=["S-1"], overrides={})
    assert rules_in(document(groups=[first, group_named("small-parts")])).policy_of(None).mismatch_rate == 0.02


def test_a_change_names_the_version_that_it_replaces_and_why() -> None:
    change = change_in(as_json({"replaces": 3, "note": "small parts go missing", "policy": document()}))
    assert (change.replaces, change.note) == (3, "small parts go missing")
    assert change.policy.rules == from_document(document())


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"replaces": None}, "replaces"),
        ({"replaces": -1}, "replaces"),
        ({"replaces": "3"}, "replaces"),
        ({"note": ""}, "note"),
        ({"note": "  "}, "note"),
        ({"note": "x" * 501}, "note"),
        ({"policy": None}, "policy"),
        ({"author": "somebody else"}, "author"),
        ({"policy": document(groups=[group_named("a"), group_named("a")])}, "policy.groups: a is the name of 2"),
    ],
)
def test_a_change_that_breaks_the_rules_is_refused_by_its_place(changed: dict[str, Any], place: str) -> None:
    fields = {"replaces": 3, "note": "why", "policy": document(), **changed}
    with pytest.raises(Unprocessable, match=f"^{place}"):
        change_in(as_json(fields))


@pytest.mark.parametrize("inspections", [0, 1001, "5", 5.0, True, None])
def test_a_preview_takes_some_inspections_and_not_too_many(inspections: Any) -> None:
    with pytest.raises(Unprocessable, match=r"^inspections: "):
        preview_in(as_json({"policy": document(), "inspections": inspections}))


def test_a_preview_takes_a_few_inspections_unless_it_is_told_otherwise() -> None:
    assert preview_in(as_json({"policy": document()})).inspections == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"replaces": 1, "replaces": 2}', b"[" * 100_000, b"\xff", b"1" * 5000])
def test_a_body_that_is_no_json_or_names_a_field_twice_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no JSON") as refused:
        fields_in(body)
    assert type(refused.value) is InvalidRequest
