"""What one site's operators have set: a policy for its bins, groups of bins that differ, and the site's own limits.

Each change makes a new version; earlier ones stay on file. A document is the part that operators write, in plain
values that JSON and TOML can hold. Pure: the API and the command check what people send, the table keeps it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from chalicelib.policy import DEFAULT, Policy, posterior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

Setting = float | tuple[tuple[int, float], ...]
"""The value of one setting: a number, or the deviations."""

Settings = dict[str, Setting]
"""A policy, or what a group changes of one, by the settings' names: `mismatch_rate`, `costs.review`, ..."""

_SHARES = {"lowest_rate", "highest_rate", "consignment_share"}
"""The limits that are no counts."""

_DAY_MINUTES = 24 * 60

_COSTS = "costs"
_DEVIATIONS = "deviations"


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for a site as a whole and is no part of a single decision.

    Attributes:
        review_per_hour: how many bins the site's people can look at in an hour.
        adapt_from: so many resolved bins it takes until the site's own rate of mismatches replaces the set one,
        audits_from: and so many audits among them.
        prior_bins: the set rate counts as if it had been seen in so many bins.
        lowest_rate: the site's own rate goes no lower, unless it is set lower,
        highest_rate: and no higher, unless it is set higher.
        alerts_per_window: more alerts than this in one window are sent as one digest.
        window_minutes: how long a window is.
        consignment_share: from this share of a consignment's bins on, its alerts are one about the consignment.
        consignment_least: and from this number of its bins on, both at once.

    """

    review_per_hour: int = 60
    adapt_from: int = 200
    audits_from: int = 20
    prior_bins: int = 100
    lowest_rate: float = 0.001
    highest_rate: float = 0.3
    alerts_per_window: int = 20
    window_minutes: int = 60
    consignment_share: float = 0.2
    consignment_least: int = 5

    def __post_init__(self) -> None:
        rules = {f"{name} is at least 1": value >= 1 for name, value in asdict(self).items() if name not in _SHARES}
        rules["lowest_rate is above 0, highest_rate below 1, and they are in order"] = (
            0.0 < self.lowest_rate <= self.highest_rate < 1.0
        )
        rules["window_minutes is at most a day"] = self.window_minutes <= _DAY_MINUTES
        rules["consignment_least is at least 2"] = self.consignment_least >= 2
        rules["consignment_share is above 0 and at most 1"] = 0.0 < self.consignment_share <= 1.0
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))


@dataclass(frozen=True, slots=True)
class Group:
    """Bins of a site that are judged otherwise.

    `bins` are patterns over bin ids, in which `*` stands for any text and `?` for one character: `S-*` is a prefix.
    `overrides` are the settings that differ from the site's default, in the order of their names.
    """

    name: str
    bins: tuple[str, ...]
    overrides: tuple[tuple[str, Setting], ...] = ()

    def holds(self, bin_id: str) -> bool:
        """Whether a bin belongs to the group."""
        return any(fnmatchcase(bin_id, pattern) for pattern in self.bins)


@dataclass(frozen=True, slots=True)
class Rules:
    """What operators write. A bin belongs to the first group that holds it, else to none.

    Raises:
        ValueError: two groups share a name, or a group's overrides and the default make no policy.

    """

    default: Policy = DEFAULT
    groups: tuple[Group, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError("each group has a name of its own")
        for group in self.groups:
            self.policy_of(group)

    def group_of(self, bin_id: str) -> Group | None:
        """Return the group that a bin belongs to."""
        return next((group for group in self.groups if group.holds(bin_id)), None)

    def policy_of(self, group: Group | None) -> Policy:
        """Return the policy of a group, or that of the bins in none, named as the default is."""
        return with_settings(self.default, dict(group.overrides)) if group else self.default


@dataclass(frozen=True, slots=True)
class SitePolicy:
    """One version of a site's policy: who set it, when and why. Version 0 is what holds where nobody has set any."""

    site: str
    version: int = 0
    rules: Rules = field(default_factory=Rules)
    author: str | None = None
    at: datetime | None = None
    note: str | None = None

    @property
    def limits(self) -> Limits:
        """The site's limits."""
        return self.rules.limits

    def policy_for(self, bin_id: str) -> Policy:
        """Return the policy for a bin, under the name that inspections remember: `FRA1/3`, `FRA1/3/small-parts`."""
        return self._named(self.rules.group_of(bin_id))

    def policies(self) -> Iterator[tuple[Group | None, Policy]]:
        """Yield the default policy, with None for its group, then those of the groups."""
        for group in (None, *self.rules.groups):
            yield group, self._named(group)

    def _named(self, group: Group | None) -> Policy:
        name = DEFAULT.version if self.version == 0 else f"{self.site}/{self.version}"
        return replace(self.rules.policy_of(group), version=f"{name}/{group.name}" if group else name)


def as_set(policy: Policy, limits: Limits) -> Policy:  # noqa: ARG001 - one of the ways to adapt
    """Leave a policy as operators have set it."""
    return policy


@dataclass(frozen=True, slots=True)
class Standing:
    """What a site's bins are judged by: its policy, with the rate of mismatches that has been learnt there.

    `adapt` returns the default policy with that rate; nothing else of its answer counts.
    """

    policy: SitePolicy
    adapt: Callable[[Policy, Limits], Policy] = as_set

    @property
    def limits(self) -> Limits:
        """The site's limits."""
        return self.policy.limits

    def policy_for(self, bin_id: str) -> Policy:
        """Return the policy in force for a bin."""
        return self._learnt(self.policy.policy_for(bin_id))

    def under(self, rules: Rules) -> Standing:
        """Return what the bins would be judged by if these rules were the next version."""
        return replace(self, policy=SitePolicy(self.policy.site, self.policy.version + 1, rules))

    def policies(self) -> Iterator[tuple[Group | None, Policy]]:
        """Yield the policies in force, that of the bins in no group first, with None for its group."""
        for group, policy in self.policy.policies():
            yield group, self._learnt(policy)

    def _learnt(self, policy: Policy) -> Policy:
        """Put the site's own rate in place of the set one; where a group's is another, the odds of both move alike."""
        was = self.policy.rules.default.mismatch_rate
        learnt = self.adapt(self.policy.rules.default, self.limits).mismatch_rate
        if learnt == was:
            return policy
        factor = learnt / (1.0 - learnt) * (1.0 - was) / was
        rate = learnt if policy.mismatch_rate == was else posterior(policy.mismatch_rate, factor)
        return replace(policy, mismatch_rate=rate)


# Settings: a policy as one flat table, so that a group can change any of them and a difference can be shown.


def settings_of(policy: Policy) -> Settings:
    """Return all settings of a policy."""
    flat: Settings = {}
    for name in _names_of(policy):
        value = getattr(policy, name)
        flat |= (
            {f"{_COSTS}.{cost}": amount for cost, amount in asdict(value).items()} if name == _COSTS else {name: value}
        )
    return flat


def with_settings(policy: Policy, changed: Mapping[str, Setting]) -> Policy:
    """Return a policy with some settings changed.

    Raises:
        ValueError: they make no policy.

    """
    costs = {name.partition(".")[2]: value for name, value in changed.items() if name.startswith(f"{_COSTS}.")}
    others = {name: value for name, value in changed.items() if not name.startswith(f"{_COSTS}.")}
    return replace(policy, **others, costs=replace(policy.costs, **costs))  # type: ignore[arg-type]


def differences(before: Rules, after: Rules) -> list[tuple[str, Any, Any]]:
    """Return what differs, as (place, value before, value after); a value is None where there is none."""
    one, other = _flat(to_document(before)), _flat(to_document(after))
    places = [*one, *(place for place in other if place not in one)]
    return [(place, one.get(place), other.get(place)) for place in places if one.get(place) != other.get(place)]


# Documents


def to_document(rules: Rules) -> dict[str, Any]:
    """Return what operators write, as plain values."""
    return {
        "default": _nested(settings_of(rules.default)),
        "groups": [
            {"name": group.name, "bins": list(group.bins), "overrides": _nested(dict(group.overrides))}
            for group in rules.groups
        ],
        "limits": asdict(rules.limits),
    }


def from_document(document: Mapping[str, Any]) -> Rules:
    """Return the rules that a document holds; it has been checked already, or comes from the table.

    Raises:
        ValueError: it breaks a rule of the policy.

    """
    return Rules(
        default=with_settings(DEFAULT, _settings_in(document["default"])),
        groups=tuple(
            Group(group["name"], tuple(group["bins"]), tuple(sorted(_settings_in(group["overrides"]).items())))
            for group in document["groups"]
        ),
        limits=_limits_in(document["limits"]),
    )


def _names_of(policy: Policy) -> list[str]:
    return [one.name for one in fields(policy) if one.name != "version"]


def _nested(settings: Settings) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in settings.items():
        outer, _, inner = name.partition(".")
        if inner:
            document.setdefault(outer, {})[inner] = value
        else:
            document[name] = {str(step): share for step, share in value} if isinstance(value, tuple) else value
    return document


def _settings_in(document: Mapping[str, Any]) -> Settings:
    settings: Settings = {}
    for name, value in document.items():
        if name == _COSTS:
            settings |= {f"{_COSTS}.{cost}": float(amount) for cost, amount in value.items()}
        elif name == _DEVIATIONS:
            settings[name] = tuple(sorted((int(step), float(share)) for step, share in value.items()))
        else:
            settings[name] = float(value)
    return settings


def _limits_in(document: Mapping[str, Any]) -> Limits:
    limits: dict[str, Any] = {name: float(value) if name in _SHARES else int(value) for name, value in document.items()}
    return Limits(**limits)


def _flat(document: Any, place: str = "") -> dict[str, Any]:
    """Return the leaves of a document by their places; groups stand under their names, with their rank."""
    if isinstance(document, dict):
        parts = [(f"{place}.{name}".lstrip("."), value) for name, value in document.items()]
    elif isinstance(document, list) and document and isinstance(document[0], dict):
        parts = [(f"{place}.{entry['name']}", {"rank": rank, **entry}) for rank, entry in enumerate(document, 1)]
    else:
        return {place: document}
    return {leaf: value for inner, part in parts for leaf, value in _flat(part, inner).items()}
