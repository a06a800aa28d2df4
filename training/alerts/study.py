"""What another policy would have done with the same bins: each cost, the model of deviations, how photos count.

One thing changes at a time, everything else is the policy's. Numpy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.policy import Policy
from training.alerts.judging import Bins, Judged, Photos, judged, with_thresholds_of
from training.alerts.measure import difference_errors, pooled
from training.alerts.protocol import USUAL_RATE
from training.progress import Progress, silent

FACTORS: Final = (0.5, 0.8, 1.0, 1.25, 2.0)
"""What each cost is multiplied by."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One other policy and what it does, the bins of all repetitions taken as one site."""

    name: str
    policy: Policy
    pooled: dict[str, float]
    auroc_error: float | None
    """Standard error, over the photos, of how far its AUROC is from the policy's own; None where it ranks alike."""


@dataclass(frozen=True, slots=True)
class Study:
    """Variants by what they change, the policy itself among them."""

    what: str
    a_bin: int
    """Photos a bin."""
    variants: Sequence[Variant]


def study(
    photos: Photos,
    policy: Policy,
    baseline: Mapping[int, Judged],
    grouped: NDArray[np.int64],
    progress: Progress = silent,
) -> list[Study]:
    """Judge the bins under every variant, at the usual rate of mismatches.

    `baseline` has what the policy itself makes of bins with so many photos; `grouped` [N] the photos' groups of goods.
    """
    plans = _plans(replace(policy, mismatch_rate=USUAL_RATE))
    studies = []
    with progress(sum(len(others) for _, _, others in plans), "other policies") as done:
        for what, a_bin, others in plans:
            variants = []
            for name, other in others:
                variants.append(
                    _variant(
                        name, other, _judge(photos, policy, other, baseline[a_bin], a_bin), baseline[a_bin], grouped
                    )
                )
                done()
            studies.append(Study(what, a_bin, variants))
    return studies


def _judge(photos: Photos, policy: Policy, other: Policy, made: Judged, a_bin: int) -> Judged:
    """Judge anew, unless nothing but the thresholds is another."""
    costs_and_bounds = {name: getattr(policy, name) for name in ("costs", "false_alert_bound", "mismatch_rate")}
    if replace(other, **costs_and_bounds) == policy:
        return with_thresholds_of(other, made)
    return judged(Bins(photos, a_bin, len(made.scores)), other, [USUAL_RATE])[USUAL_RATE]


def _variant(name: str, policy: Policy, made: Judged, baseline: Judged, grouped: NDArray[np.int64]) -> Variant:
    apart = None if made.scores is baseline.scores else difference_errors(made, baseline, grouped)["auroc"]
    return Variant(name, policy, pooled(made, policy.costs), apart)


def _plans(policy: Policy) -> list[tuple[str, int, list[tuple[str, Policy]]]]:
    costs = [(f"costs: {field}", a_bin, _costs(policy, field)) for a_bin in (1, 3) for field in _COSTS]
    return [
        *costs,
        *(("deviations", a_bin, _deviations(policy)) for a_bin in (1, 3)),
        ("anything_else", 1, _fields(policy, "anything_else", (0.01, 0.05, 0.2))),
        ("false_alert_bound", 1, _fields(policy, "false_alert_bound", (0.02, 0.05, 0.1, 0.2, 1.0))),
        ("photo_correlation", 3, _fields(policy, "photo_correlation", (0.0, 0.15, 0.25, 0.4, 1.0))),
    ]


_COSTS: Final = ("false_alert", "missed_mismatch", "review")


def _costs(policy: Policy, field: str) -> list[tuple[str, Policy]]:
    now = getattr(policy.costs, field)
    amounts = [now * factor for factor in FACTORS]
    return [(f"{one:g}", replace(policy, costs=replace(policy.costs, **{field: one}))) for one in amounts]


def _deviations(policy: Policy) -> list[tuple[str, Policy]]:
    """Give the policy's own deviations, the same mirrored, and the mean of both."""
    own = dict(policy.deviations)
    mirrored = {-step: share for step, share in own.items()}
    mean = {step: (own.get(step, 0.0) + mirrored.get(step, 0.0)) / 2 for step in sorted({*own, *mirrored})}
    named = {"as in the policy": own, "mirrored": mirrored, "the mean of both": mean}
    return [(name, replace(policy, deviations=tuple(shares.items()))) for name, shares in named.items()]


def _fields(policy: Policy, field: str, values: Sequence[float]) -> list[tuple[str, Policy]]:
    now: float = getattr(policy, field)
    return [(f"{value:g}", _with(policy, field, value)) for value in sorted({now, *values})]


def _with(policy: Policy, field: str, value: float) -> Policy:
    changed: dict[str, Any] = {field: value}
    return replace(policy, **changed)
