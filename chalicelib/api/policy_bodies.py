"""Policy documents, validated by pydantic: for the API's bodies and the command's files. Slow to import.

A document is checked whole, and each mistake is told with its place. What passes here makes a policy: the bounds are
those of `chalicelib.policy`, and narrower where the table's numbers end.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator, with_config
from typing_extensions import TypedDict  # pydantic's own; the standard one tells it too little before Python 3.12

from chalicelib.api.bodies import Checked, Name, checked
from chalicelib.errors import InvalidRequest, Mistake
from chalicelib.site_policy import Rules, from_document

if TYPE_CHECKING:
    from typing import Self

_LEAST = 1e-6
"""Costs, rates and shares below this one are slips of a key, and take the table's numbers to their end."""
_MOST_GROUPS = 100
_MOST_PATTERNS = 20
"""So that the largest document still fits into one item of the table, 400 kB."""
_MOST_REPLAYED = 1_000
_REPLAYED = 200

Cost = Annotated[float, Field(ge=_LEAST, le=1e6, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=_LEAST, le=1.0 - _LEAST, allow_inf_nan=False)]
Bound = Annotated[float, Field(ge=_LEAST, le=1.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Version = Annotated[int, Field(ge=0, le=99_999_998)]
Note = Annotated[str, Field(pattern=r"\S", max_length=500)]
Step = Annotated[str, Field(pattern=r"^-?[1-9][0-9]?$")]
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*?-]{1,64}$")]


def _sum_to_one(shares: dict[str, float]) -> dict[str, float]:
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=_LEAST):
        raise ValueError(f"shares sum to {sum(shares.values()):g}, not to 1")
    return shares


def _whole_share(share: float) -> float:
    if 0.0 < share < _LEAST:
        raise ValueError(f"is 0, or at least {_LEAST:g}")
    return share


Portion = Annotated[Share, AfterValidator(_whole_share)]
Deviations = Annotated[dict[Step, Bound], Field(min_length=1, max_length=20), AfterValidator(_sum_to_one)]


_STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Body(BaseModel):
    """Takes what is meant and nothing that merely resembles it."""

    model_config = _STRICT


class CostsBody(_Body):
    """What each mistake costs, and a look at the picture."""

    false_alert: Cost
    missed_mismatch: Cost
    review: Cost


class PolicyBody(_Body):
    """How the bins of no group are judged."""

    mismatch_rate: Rate
    costs: CostsBody
    deviations: Deviations
    anything_else: Rate
    false_alert_bound: Bound
    missed_bound: Bound
    photo_correlation: Portion
    audit_share: Portion


@with_config(_STRICT)
class CostsOverrides(TypedDict, total=False):
    """Costs that differ."""

    false_alert: Cost
    missed_mismatch: Cost
    review: Cost


@with_config(_STRICT)
class Overrides(TypedDict, total=False):
    """What differs from the default policy; deviations are replaced as a whole."""

    mismatch_rate: Rate
    costs: CostsOverrides
    deviations: Deviations
    anything_else: Rate
    false_alert_bound: Bound
    missed_bound: Bound
    photo_correlation: Portion
    audit_share: Portion


class GroupBody(_Body):
    """Bins that are judged otherwise."""

    name: Name
    bins: Annotated[list[Pattern], Field(min_length=1, max_length=_MOST_PATTERNS)]
    overrides: Overrides


class LimitsBody(_Body):
    """The site's limits."""

    review_per_hour: Count
    adapt_from: Count
    audits_from: Count
    prior_bins: Count
    lowest_rate: Rate
    highest_rate: Rate
    alerts_per_window: Count
    window_minutes: Annotated[Count, Field(le=24 * 60)]
    consignment_share: Bound
    consignment_least: Annotated[Count, Field(ge=2)]

    @model_validator(mode="after")
    def rates_are_in_order(self) -> Self:
        """Refuse bounds that no rate keeps."""
        if self.lowest_rate > self.highest_rate:
            raise ValueError("lowest_rate is at most highest_rate")
        return self


class Document(_Body):
    """What operators write."""

    default: PolicyBody
    groups: Annotated[list[GroupBody], Field(max_length=_MOST_GROUPS)]
    limits: LimitsBody

    @property
    def rules(self) -> Rules:
        """What the document says."""
        return from_document(self.model_dump())


class ChangeBody(_Body):
    """The body of `PUT /v1/policies/{site}`; `replaces` is the version that it was made from, 0 where there is none."""

    replaces: Version
    note: Note
    policy: Document


class PreviewBody(_Body):
    """The body of `POST /v1/policies/{site}/preview`."""

    policy: Document
    inspections: Annotated[int, Field(ge=1, le=_MOST_REPLAYED)] = _REPLAYED


def change_in(body: bytes) -> ChangeBody:
    """Return the change that a body describes.

    Raises:
        InvalidRequest: the body is no JSON, or names a field twice.
        Unprocessable: it breaks the rules; the message names each place, not only the first.
    """
    return _checked_within(ChangeBody, fields_in(body))


def preview_in(body: bytes) -> PreviewBody:
    """Return what a body asks to have replayed; raises as `change_in` does."""
    return _checked_within(PreviewBody, fields_in(body))


def rules_in(document: Any) -> Rules:
    """Return what a document says.

    Raises:
        Unprocessable: it breaks the rules; the message names each place, not only the first.
    """
    return checked(Document, document, _repeated_in(document)).rules


def fields_in(body: bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        InvalidRequest: it is no JSON, or names a field twice: which of the two is meant, nobody knows.
    """
    try:
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from error


def _checked_within(model: type[Checked], fields: Any) -> Checked:
    """Check a body that holds a document."""
    document = fields.get("policy") if isinstance(fields, dict) else None
    return checked(model, fields, _repeated_in(document, "policy."))


def _repeated_in(document: Any, place: str = "") -> list[Mistake]:
    """Return what there is to say of groups that share a name, in a document that may be anything."""
    groups = document.get("groups") if isinstance(document, dict) else None
    names = [group.get("name") for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    times = Counter(name for name in names if isinstance(name, str))
    return [
        Mistake(f"{name} is the name of {number} groups", f"{place}groups")
        for name, number in times.items()
        if number > 1
    ]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is named more than once")
    return dict(pairs)
