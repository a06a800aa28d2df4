"""A window beside a baseline: what was found of each measure, the verdict, and what follows from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from training.records import CLASSES
from training.watch.baseline import Baseline
from training.watch.drift import Counts, Finding, Rule, State, Verdict, judge, mix_of, verdict
from training.watch.measures import BY_NAME, NAMES, Kind, names_of
from training.watch.review import Share
from training.watch.window import Window

OF_PHOTOS: Final = frozenset(names_of(Kind.PIXELS, Kind.FILE))

ADVICE: Final = {
    Verdict.STEADY: "Nothing to do.",
    Verdict.TOO_FEW: "Nothing is known: chance alone reaches what would matter. Watch for longer, or capture more.",
    Verdict.MIX: (
        "The photos look as they did; the bins hold other counts than before, and that explains what differs. Check "
        "that the site's policy still fits; nothing is broken."
    ),
    Verdict.ANSWERS: (
        "The photos look as they did and no other mix of counts explains the answers. Look at some photos: goods, "
        "packaging or shelves that the model does not know. Was the model changed without its baseline?"
    ),
    Verdict.PHOTOS: (
        "What comes in is not what the model knows. Look at lamps, lens and camera settings, and at who sends photos; "
        "until that is put right, trust the verdicts less. If the new look is there to stay, train on it."
    ),
}


@dataclass(frozen=True, slots=True)
class Mix:
    """The mix of counts, baseline and window: each by CLASSES."""

    estimated: tuple[tuple[float, ...], tuple[float, ...]]
    """What the bins hold: the baseline's as it was known, the window's by expectation maximisation."""
    mean_answer: tuple[tuple[float, ...], tuple[float, ...]]
    """Mean probability of each count."""
    predicted: tuple[tuple[float, ...], tuple[float, ...]]
    """Share of photos for which it is the most probable."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a window."""

    model: str
    baseline: str
    """Of which photos."""
    window: Window
    rule: Rule
    findings: Mapping[str, Finding]
    mix: Mix | None
    """None where no photo counts."""
    unwatched: tuple[str, ...]
    """Measures that the baseline does not have."""
    verdict: Verdict
    review: Share | None
    histograms: Mapping[str, tuple[Counts, Counts, Counts]]
    """By measure: edges, and counts of baseline and window."""

    @property
    def drifted(self) -> tuple[str, ...]:
        """Name what has drifted, and the mix where it has changed: what ends with exit code 1."""
        return tuple(name for name, one in self.findings.items() if one.state in {State.DRIFTED, State.MIX})

    def as_json(self) -> dict[str, Any]:
        """Give the one JSON object."""
        tally = self.window.tally
        return {
            "verdict": self.verdict.name.lower(),
            "advice": ADVICE[self.verdict],
            "drifted": list(self.drifted),
            "model": self.model,
            "baseline": self.baseline,
            "photos": len(self.window),
            "first": _text(self.window.first),
            "last": _text(self.window.last),
            "sources": sorted("/".join(one) for one in self.window.sources),
            "passed_over": asdict(tally) | {"refused": dict(tally.refused), "other_models": dict(tally.other_models)},
            "rule": asdict(self.rule),
            "measures": {name: _finding(one) for name, one in self.findings.items()},
            "not_watched": list(self.unwatched),
            "mix": None if self.mix is None else {"counts": list(CLASSES)} | _pairs(self.mix),
            "review": None if self.review is None else asdict(self.review),
        }


def compare(baseline: Baseline, window: Window, rule: Rule, review: Share | None = None) -> Report:
    """Hold a window against a baseline."""
    references = {name: baseline.references[name] for name in NAMES if name in baseline.references}
    counts = {name: window.counts(name, one.edges) for name, one in references.items()}
    estimated = mix_of(window.probabilities, baseline.prior) if len(window) else None
    findings = {
        name: judge(one, counts[name], estimated, rule, len(references), ordered=BY_NAME[name].kind is not Kind.MIX)
        for name, one in references.items()
    }
    return Report(
        model=baseline.model,
        baseline=baseline.made,
        window=window,
        rule=rule,
        findings=findings,
        mix=None if estimated is None else _mix(baseline, window, estimated),
        unwatched=tuple(name for name in NAMES if name not in references),
        verdict=verdict(findings, OF_PHOTOS),
        review=review,
        histograms={name: (one.edges, one.counts, counts[name]) for name, one in references.items()},
    )


def _mix(baseline: Baseline, window: Window, estimated: Counts) -> Mix:
    asked = baseline.references["prediction"].by_count
    said = np.bincount(window.values("prediction").astype(int), minlength=len(CLASSES)).astype(np.float64)
    return Mix(
        estimated=(_shares(asked.sum(axis=1)), _shares(estimated)),
        mean_answer=(baseline.mean_answer, _shares(window.probabilities.mean(axis=0))),
        predicted=(_shares(asked.sum(axis=0)), _shares(said)),
    )


def _shares(counts: Counts) -> tuple[float, ...]:
    return tuple((np.asarray(counts, np.float64) / counts.sum()).round(4).tolist())


def _finding(one: Finding) -> dict[str, Any]:
    median = [None if np.isnan(value) else round(value, 4) for value in one.median]
    figures = {name: round(getattr(one, name), 4) for name in ("psi", "chance", "psi_of_mix", "ks")}
    return {"state": one.state.value, "photos": one.photos, **figures, "median": median}


def _pairs(mix: Mix) -> dict[str, Any]:
    return {name: {"baseline": pair[0], "window": pair[1]} for name, pair in asdict(mix).items()}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
