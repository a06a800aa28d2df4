"""The plots of the proof: each function draws one from what was judged, and gives its file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from chalicelib.policy import Costs, Policy
from training.alerts.judging import Judged
from training.alerts.protocol import USUAL_RATE
from training.alerts.ranking import Ranking
from training.plots import COLOURS, GREY, save, styled_figure, styled_panels
from training.report.curves import equal_ratios

_PERCENT: Final = PercentFormatter(1, decimals=0)

_POINTS: Final = 400
"""Of a line: what more there are cannot be seen."""

_THRESHOLDS: Final = np.geomspace(0.005, 0.99, 60)

_MARKERS: Final = ("o", "s", "^")


def precision_recall(ours: Mapping[int, Judged], naive: Judged, folder: Path) -> Path:
    """Draw the share of alerts that are right against the share of mismatches found, over all thresholds."""
    with styled_figure(6, 3.8) as (figure, axes):
        for (a_bin, judged), colour in zip(ours.items(), COLOURS, strict=False):
            ranking = Ranking.of(judged.scores.ravel(), judged.wrong.ravel())
            seen = ranking.wrong + ranking.right >= 0.0005 * judged.wrong.size  # of fewer bins a share says nothing
            shown = _few(np.flatnonzero(seen))
            axes.plot(ranking.recall[shown], ranking.precision[shown], color=colour, label=_photos(a_bin))
        naively = Ranking.of(naive.scores.ravel(), naive.wrong.ravel())
        axes.plot(naively.recall[0], naively.precision[0], "x", color=GREY, label="prediction is not the expectation")
        axes.axhline(naive.wrong.mean(), color=GREY, linestyle="--", linewidth=1, label="alerts at random")
        axes.set(xlim=(0, 1), ylim=(0.01, 1.05), yscale="log", xlabel="share of mismatches found")
        axes.set_ylabel("share of alerts that are right")
        axes.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1])
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.minorticks_off()
        axes.legend(loc="upper right")
        return save(figure, folder / "precision-recall.png")


def risk_coverage(ours: Mapping[int, Judged], folder: Path) -> Path:
    """Draw the share of mismatches among the bins that are left alone, the least suspicious first."""
    with styled_figure(6, 3.4) as (figure, axes):
        for (a_bin, judged), colour in zip(ours.items(), COLOURS, strict=False):
            ranking = Ranking.of(-judged.scores.ravel(), judged.wrong.ravel())
            coverage = (ranking.right + ranking.wrong) / judged.wrong.size
            shown = _few(np.flatnonzero(coverage >= 0.02))
            axes.plot(coverage[shown], ranking.precision[shown], color=colour, label=_photos(a_bin))
        axes.axhline(USUAL_RATE, color=GREY, linestyle="--", linewidth=1, label="left alone at random")
        axes.set(xlim=(0, 1), ylim=(0, None), xlabel="share of bins left alone, least suspicious first")
        axes.set_ylabel("mismatches among them")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        axes.legend(loc="lower right")
        return save(figure, folder / "risk-coverage.png")


def cost(ours: Mapping[int, Judged], spent: Mapping[int, float], policy: Policy, folder: Path) -> Path:
    """Draw what 1,000 bins cost by the threshold of an alert without reviews, and what the policy has `spent`."""
    with styled_figure(6, 3.6) as (figure, axes):
        for (a_bin, judged), colour in zip(ours.items(), COLOURS, strict=False):
            axes.plot(_THRESHOLDS, _costs(judged, policy.costs), color=colour, label=_photos(a_bin))
            axes.plot(policy.alert_from, spent[a_bin], _MARKERS[a_bin - 1], color=colour)
        axes.plot([], [], "o", color=GREY, label="as the policy judges, reviews included")
        nothing = 1000 * USUAL_RATE * policy.costs.missed_mismatch
        axes.axhline(nothing, color=GREY, linestyle="--", linewidth=1, label="no system: every mismatch missed")
        axes.set(xscale="log", ylim=(0, 2.2 * nothing), xlabel="probability of a mismatch from which a bin is alerted")
        axes.set_ylabel("cost of 1,000 bins")
        axes.legend(loc="upper right")
        return save(figure, folder / "cost.png")


def calibration(ours: Mapping[int, Judged], folder: Path) -> Path:
    """Draw how often bins really are wrong against what the posterior says, by equal ratios, over the bins' shares."""
    grid = {"nrows": 2, "ncols": 1, "sharex": True, "height_ratios": [3, 1]}
    with styled_panels(6, 4.8, **grid) as (figure, (above, below)):
        above.plot([1e-4, 1], [1e-4, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
        lines = zip(ours.items(), COLOURS, _MARKERS, strict=False)
        for (a_bin, judged), colour, marker in lines:
            bins = equal_ratios(judged.scores.ravel(), judged.wrong.ravel())
            seen = bins.accuracy > 0
            look: dict[str, Any] = {
                "color": colour,
                "marker": marker,
                "label": f"{_photos(a_bin)}: error {bins.error:.4f}",
            }
            above.plot(bins.confidence[seen], bins.accuracy[seen], **look)
            below.plot(bins.confidence, bins.photos / bins.photos.sum(), **look)
        above.set(xscale="log", yscale="log", xlim=(1e-4, 1), ylim=(3e-4, 1.1), ylabel="share of bins that are wrong")
        below.set(yscale="log", ylabel="share of bins", xlabel="posterior probability of a mismatch")
        above.legend(loc="upper left")
        return save(figure, folder / "calibration.png")


def _costs(judged: Judged, costs: Costs) -> list[float]:
    """Give what 1,000 bins cost if those from each of _THRESHOLDS on are alerted and the rest is left alone."""
    scores, wrong = judged.scores, judged.wrong
    false = [costs.false_alert * ((scores >= one) & ~wrong).mean() for one in _THRESHOLDS]
    missed = [costs.missed_mismatch * ((scores < one) & wrong).mean() for one in _THRESHOLDS]
    return [1000 * float(one + other) for one, other in zip(false, missed, strict=True)]


def _few(places: NDArray[np.int64]) -> NDArray[np.int64]:
    return places[np.unique(np.linspace(0, len(places) - 1, _POINTS).astype(int))]


def _photos(a_bin: int) -> str:
    return "1 photo a bin" if a_bin == 1 else f"{a_bin} photos a bin"
