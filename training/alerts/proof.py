"""The proof as a whole: photos, answers, judgements, figures. Gathers and measures; draws and writes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chalicelib.evidence import CountEstimate
from chalicelib.policy import Policy
from training.alerts.correlation import Correlation, correlation
from training.alerts.judging import Bins, Judged, Photos, judged, naive
from training.alerts.measure import Figures, figures, finite, photo_errors
from training.alerts.protocol import PHOTOS, RATES, STEPS, USUAL_RATE
from training.bootstrap import group_numbers
from training.errors import NothingToScoreError
from training.evaluate import kept_probabilities, load
from training.progress import Progress, silent
from training.records import Record, read_folder
from training.serving.model import ModelFacts, read_package
from training.split import split as split_of
from training.standing import Standing, standing, standing_of_folder

OPTIMISTIC: Final = (
    "The further photos of a bin are photos of other bins of the same true count, which repeat each other's mistakes "
    "less than photos of one bin do: figures for 2 and 3 photos are optimistic."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Which model answered for which photos, and what they were to it."""

    model: str
    photos: Photos
    grouped: NDArray[np.int64]
    """Each photo's group of shared goods [N]."""
    records: Sequence[Record]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Proof:
    """All that was measured."""

    subject: Subject
    policy: Policy
    repetitions: int
    ours: Mapping[int, Mapping[float, Figures]]
    """By photos a bin and rate of mismatches."""
    naive: Mapping[float, Figures]
    usual: Mapping[int, Judged]
    """By photos a bin: what was judged at the usual rate."""
    usual_naive: Judged
    photo_errors: Mapping[int, Mapping[str, float]]
    """By photos a bin: standard errors of the pooled figures at the usual rate, over the photos."""
    correlation: Correlation

    def report(self) -> dict[str, Any]:
        """Give what `alerts --json` prints."""
        return {
            "model": self.subject.model,
            "n": len(self.subject.photos),
            "standing": self.subject.standing.sentence,
            "learnt": self.subject.standing.learnt,
            "policy": asdict(self.policy),
            "protocol": {"steps": {str(step): share for step, share in STEPS.items()}, "repetitions": self.repetitions},
            "note": OPTIMISTIC,
            "pi": self._by_rate(1, with_naive=True),
            "photos": {
                str(a_bin): by_rate[USUAL_RATE].report()
                | {"photo_errors": finite(self.photo_errors[a_bin]), "pi": self._by_rate(a_bin)}
                for a_bin, by_rate in self.ours.items()
            },
            "photo_correlation": finite(asdict(self.correlation)),
        }

    def _by_rate(self, a_bin: int, *, with_naive: bool = False) -> dict[str, Any]:
        return {
            f"{rate:.2f}": measured.report() | ({"naive": self.naive[rate].report()} if with_naive else {})
            for rate, measured in self.ours[a_bin].items()
        }


def gather(  # noqa: PLR0913 - the command's options
    model: Path, data: Path, *, cache: Path, split: str | None = None, seed: int = 1, progress: Progress = silent
) -> Subject:
    """Let the packaged model answer for the photos of a data folder, or of one split of it; answers are kept.

    Raises UnusableModelError, BrokenRecordError, and NothingToScoreError where there is no photo.
    """
    everything = read_folder(data)
    records = everything if split is None else split_of(everything, seed)[split]
    if not records:
        raise NothingToScoreError(f"no photo in {data}" + (f" is in its {split} split" if split else ""))
    facts, stated = load(model).facts, json.loads(read_package(model)[1])
    answers = kept_probabilities(model, records, cache, progress)
    return Subject(
        model=f"{facts.name}/{facts.version}",
        photos=Photos(_estimates(facts, answers), np.array([record.count for record in records], dtype=np.int64)),
        grouped=group_numbers(records),
        records=records,
        standing=standing(stated, records, split) if split else standing_of_folder(stated, records, seed),
    )


def prove(subject: Subject, policy: Policy, repetitions: int, progress: Progress = silent) -> Proof:
    """Judge and measure, by the policy with each rate of the protocol as its mismatch rate."""
    photos = subject.photos
    ours = {a_bin: judged(Bins(photos, a_bin, repetitions), policy, RATES, progress) for a_bin in PHOTOS}
    naively = naive(photos, RATES, repetitions)
    usual = {a_bin: by_rate[USUAL_RATE] for a_bin, by_rate in ours.items()}
    return Proof(
        subject=subject,
        policy=policy,
        repetitions=repetitions,
        ours={
            a_bin: {rate: figures(one, policy.costs) for rate, one in by_rate.items()}
            for a_bin, by_rate in ours.items()
        },
        naive={rate: figures(one, policy.costs) for rate, one in naively.items()},
        usual=usual,
        usual_naive=naively[USUAL_RATE],
        photo_errors={a_bin: photo_errors(one, subject.grouped) for a_bin, one in usual.items()},
        correlation=correlation(photos, subject.records, policy),
    )


def _estimates(facts: ModelFacts, answers: NDArray[np.float32]) -> list[CountEstimate]:
    name = f"{facts.name}/{facts.version}"
    return [CountEstimate(name, facts.classes, tuple(row), facts.prior) for row in answers.astype(float).tolist()]
