"""The figures of a rule over all repetitions of the protocol, with their errors. Numpy only.

Two kinds of errors say two things. Over repetitions: how much the draws of wrong bins matter; 200 of them make that
small. Over photos: how much it matters which photos there were to measure on; that stays, and is the larger one.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.policy import Costs
from training.alerts.judging import Judged
from training.alerts.ranking import Ranking, levels
from training.bootstrap import redrawn
from training.report.curves import equal_ratios
from training.scores import expected_calibration_error

BY_RANK: Final[Mapping[str, Callable[[Ranking], float]]] = {
    "auroc": lambda ranking: ranking.auroc,
    "precision_at_recall_0.2": lambda ranking: ranking.precision_at_recall(0.2),
    "precision_at_recall_0.5": lambda ranking: ranking.precision_at_recall(0.5),
    "found_at_5_percent_false_alerts": lambda ranking: ranking.found_at(0.05),
}
"""What depends on the order of the scores alone."""

DRAWS: Final = 100
"""Of groups of photos: enough for an error that is itself within 7 %."""

SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """How a rule does at one rate of mismatches.

    Attributes:
        means: BY_RANK and BY_VERDICT, each the mean over the repetitions in which it means anything.
        errors: standard errors of these means over the repetitions.
        pooled: the same and more, with the bins of all repetitions taken together as one large site. A mean over
            small sites flatters precision at a recall, since the few wrong bins of some happen to be easy.
        calibration: `ece`, over bins of posteriors with equal ratios, and `ece_equal_width`, over the usual ones.

    """

    means: Mapping[str, float]
    errors: Mapping[str, float]
    pooled: Mapping[str, float]
    calibration: Mapping[str, float]

    def report(self) -> dict[str, Any]:
        """Give the JSON object; what could not be measured is null."""
        return {
            **finite(self.means),
            **finite(self.calibration),
            "standard_errors": finite(self.errors),
            "pooled": finite(self.pooled),
        }


def figures(judged: Judged, costs: Costs) -> Figures:
    """Work everything out for a rule under these costs."""
    each = [_of_one(Judged(*rows), costs) for rows in zip(judged.scores, judged.verdicts, judged.wrong, strict=True)]
    table = np.array([list(one.values()) for one in each])
    names, known = list(each[0]), np.isfinite(table)
    many = known.sum(axis=0)
    sums = np.where(known, table, 0.0).sum(axis=0)
    means = np.divide(sums, many, out=np.full(len(names), np.nan), where=many > 0)
    squares = np.where(known, (table - means) ** 2, 0.0).sum(axis=0)
    errors = np.sqrt(np.divide(squares, many * (many - 1.0), out=np.full(len(names), np.nan), where=many > 1))
    scores, wrong = judged.scores.ravel(), judged.wrong.ravel()
    return Figures(
        means=dict(zip(names, means.tolist(), strict=True)),
        errors=dict(zip(names, errors.tolist(), strict=True)),
        pooled=pooled(judged, costs),
        calibration={
            "ece": equal_ratios(scores, wrong).error,
            "ece_equal_width": expected_calibration_error(scores, wrong),
        },
    )


def pooled(judged: Judged, costs: Costs) -> dict[str, float]:
    """Take the bins of all repetitions together as one site."""
    whole = Judged(judged.scores.ravel(), judged.verdicts.ravel(), judged.wrong.ravel())
    alerts, reviews, wrong = whole.alerts, whole.reviews, whole.wrong
    return _of_one(whole, costs) | {
        "alert_precision": _share(alerts & wrong, alerts),
        "review_precision": _share(reviews & wrong, reviews),
        "alerts_found": _share(alerts & wrong, wrong),
        "alerts_or_reviews_found": _share((alerts | reviews) & wrong, wrong),
        "false_alerts": _share(alerts & ~wrong, ~wrong),
    }


def photo_errors(judged: Judged, grouped: NDArray[np.int64]) -> dict[str, float]:
    """Estimate the pooled BY_RANK's standard errors over the photos, whose groups of goods are `grouped` [N]."""
    return dict(zip(BY_RANK, np.std(_redrawn(judged, grouped), axis=0, ddof=1).tolist(), strict=True))


def difference_errors(one: Judged, other: Judged, grouped: NDArray[np.int64]) -> dict[str, float]:
    """Estimate the standard errors of how far two rules' pooled BY_RANK differ on the same bins."""
    apart = _redrawn(one, grouped) - _redrawn(other, grouped)
    return dict(zip(BY_RANK, np.std(apart, axis=0, ddof=1).tolist(), strict=True))


def _redrawn(judged: Judged, grouped: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rank the bins of all repetitions anew, [DRAWS,len(BY_RANK)], with each photo as often as its group is drawn."""
    level, wrong = levels(judged.scores.ravel()), judged.wrong.ravel()
    repetitions, photos = judged.scores.shape

    def ranked(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        weights = np.tile(np.bincount(rows, minlength=photos).astype(np.float64), repetitions)
        ranking = Ranking.at(level, wrong, weights)
        return np.array([figure(ranking) for figure in BY_RANK.values()])

    return redrawn(ranked, grouped, SEED, DRAWS)


def _of_one(judged: Judged, costs: Costs) -> dict[str, float]:
    """Work out what can be said of one site's bins [N]."""
    ranking = Ranking.of(judged.scores, judged.wrong)
    ranked = {name: figure(ranking) for name, figure in BY_RANK.items()}
    false, missed = judged.alerts & ~judged.wrong, judged.wrong & ~judged.alerts & ~judged.reviews
    spent = costs.false_alert * false + costs.missed_mismatch * missed + costs.review * judged.reviews
    return ranked | {
        "alerts_per_1000": 1000 * float(judged.alerts.mean()),
        "reviews_per_1000": 1000 * float(judged.reviews.mean()),
        "cost_per_1000": 1000 * float(spent.mean()),
    }


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else math.nan


def finite(named: Mapping[str, float]) -> dict[str, float | None]:
    """Say null for NaN, which is no JSON."""
    return {name: value if math.isfinite(value) else None for name, value in named.items()}
