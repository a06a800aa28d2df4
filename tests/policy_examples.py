"""Policies of sites that tests start from, and hypothesis strategies for all that operators can set."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from chalicelib.policy import Costs, Policy
from chalicelib.site_policy import Group, Limits, Rules, SitePolicy, to_document
from tests.examples import moments, names

_LEAST = 1e-6


def document(**changed: Any) -> dict[str, Any]:
    """A document that passes, with one group, and with some of its parts changed."""
    return {**to_document(Rules()), "groups": [group_named("small-parts")], **changed}


def group_named(name: str, **changed: Any) -> dict[str, Any]:
    return {"name": name, "bins": ["S-*"], "overrides": {"costs": {"missed_mismatch": 200.0}}, **changed}


def with_rate(rate: float, *groups: Group) -> Rules:
    """Rules that differ from the default by their rate of mismatches."""
    return Rules(Policy(**{**_fields(Rules().default), "mismatch_rate": rate}), groups)


def _fields(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in policy.__slots__}


costs_of_one = st.floats(_LEAST, 1e6)
rates = st.floats(_LEAST, 1.0 - _LEAST)
bounds = st.floats(_LEAST, 1.0)
shares = st.just(0.0) | st.floats(_LEAST, 1.0)
counts = st.integers(1, 1_000_000)
steps = st.integers(-99, 99).filter(bool)
deviations = st.dictionaries(steps, st.floats(0.01, 1.0), min_size=1, max_size=6).map(
    lambda weights: tuple((step, weight / sum(weights.values())) for step, weight in sorted(weights.items()))
)
policies = st.builds(
    Policy,
    version=st.just("default/1"),
    mismatch_rate=rates,
    costs=st.builds(Costs, costs_of_one, costs_of_one, costs_of_one),
    deviations=deviations,
    anything_else=rates,
    false_alert_bound=bounds,
    missed_bound=bounds,
    photo_correlation=shares,
    audit_share=shares,
)
settings_of_a_group = st.fixed_dictionaries(
    {},
    optional={
        "mismatch_rate": rates,
        "costs.false_alert": costs_of_one,
        "costs.missed_mismatch": costs_of_one,
        "costs.review": costs_of_one,
        "deviations": deviations,
        "anything_else": rates,
        "false_alert_bound": bounds,
        "missed_bound": bounds,
        "photo_correlation": shares,
        "audit_share": shares,
    },
)
patterns = st.text("ASab01.-_*?", min_size=1, max_size=8)
groups = st.builds(
    Group,
    names,
    st.lists(patterns, min_size=1, max_size=3).map(tuple),
    settings_of_a_group.map(lambda settings: tuple(sorted(settings.items()))),
)
limits = st.tuples(rates, rates).flatmap(
    lambda pair: st.builds(
        Limits,
        *(counts, counts, counts, counts),
        *(st.just(min(pair)), st.just(max(pair))),
        *(counts, st.integers(1, 1440), bounds, counts.filter(lambda least: least >= 2)),
    )
)
rules = st.builds(Rules, policies, st.lists(groups, max_size=3, unique_by=lambda group: group.name).map(tuple), limits)
site_policies = st.builds(
    SitePolicy, names, st.integers(1, 99_999_999), rules, names, moments, st.text(min_size=1, max_size=40)
)
