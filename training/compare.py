"""Two models on the same photos: how far they differ, how sure that is, and whether one may take the other's place.

Photo by photo both meet the same difficulty, so a difference is known far better than either figure by itself; its
errors come from drawing whole groups of shared goods again (`training.bootstrap`), for both models the same groups.
Works on answers; knows neither files nor networks (`training.contenders` asks).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.bootstrap import group_numbers, redrawn
from training.contenders import Contender, Kind
from training.dataset import labels_of
from training.errors import NothingToScoreError
from training.progress import Progress
from training.records import CLASSES, Record
from training.scores import (
    Labels,
    Probabilities,
    Protocol,
    Scores,
    expected_calibration_error,
    restricted,
    score,
    squared_differences,
    surprises,
    takes_part,
)
from training.standing import UNKNOWN, Standing, standing

SEED: Final = 1
"""Of the bootstrap: the same answers get the same intervals."""

FIGURES: Final = ("accuracy", "loss", "brier", "ece")

_WARM_UP: Final = 5
"""Photos that are answered before the clock counts."""

_MIDDLE: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from a photo's file to its answer, one photo at a time."""

    p50: float
    p95: float
    p99: float
    photos: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    where: str
    model: str
    """Name and version, as it answers."""
    kind: Kind
    scores: Scores
    latency: Latency
    standing: Standing


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of B less that of A."""

    value: float
    standard_error: float
    low: float
    high: float
    """`low` to `high` is the 95 % interval: the bootstrap's middle, by percentiles."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A photo for which the two answer differently; probabilities are those of what each answers."""

    record: Record
    said: tuple[str, str]
    with_probability: tuple[float, float]
    apart: float
    """Total variation between the two distributions, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is known of two models after the same photos."""

    protocol: Protocol
    photos: int
    groups: int
    a: Side
    b: Side
    differences: dict[str, Difference]
    """By FIGURES."""
    only_a_right: int
    only_b_right: int
    p_value: float
    """McNemar's exact test of equal accuracy; it takes the photos for independent, which groups of goods are not."""
    disagreements: list[Disagreement]
    """The furthest apart first."""

    def report(self) -> dict[str, Any]:
        """Give what `compare --json` prints; photos go by their ids."""
        return {
            "protocol": self.protocol.value,
            "photos": self.photos,
            "groups": self.groups,
            "a": _side_report(self.a),
            "b": _side_report(self.b),
            "differences": {name: _finite(asdict(one)) for name, one in self.differences.items()},
            "only_a_right": self.only_a_right,
            "only_b_right": self.only_b_right,
            "p_value": self.p_value,
            "disagreements": [one.record.image_id for one in self.disagreements],
        }


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that the gate asks for."""

    name: str
    passed: bool
    because: str


@dataclass(frozen=True, slots=True)
class Gate:
    """When B may take A's place: better beyond chance, hardly less often right, hardly slower."""

    gain: float = 1.0
    """B's loss has to be lower by more than so many standard errors of the difference."""
    accuracy_loss: float = 0.5
    """Percentage points by which B's accuracy may be lower."""
    slowdown: float = 1.25
    """How many times A's median latency B's may be."""

    def judge(self, comparison: Comparison) -> list[Criterion]:
        """Hold a comparison against the gate; what cannot be judged does not pass."""
        return [self._loss(comparison), self._accuracy(comparison), self._latency(comparison), _unseen(comparison)]

    def _loss(self, comparison: Comparison) -> Criterion:
        loss = comparison.differences["loss"]
        needed = self.gain * loss.standard_error
        return Criterion(
            "loss",
            -loss.value > needed,  # of one group the error is NaN, and nothing is larger than that
            f"{loss.value:+.4f}, needed is less than {-needed:+.4f} ({self.gain:g} standard errors)",
        )

    def _accuracy(self, comparison: Comparison) -> Criterion:
        points = 100 * comparison.differences["accuracy"].value
        return Criterion(
            "accuracy",
            points >= -self.accuracy_loss,
            f"{points:+.2f} points, at least {-self.accuracy_loss:+.2f} are needed",
        )

    def _latency(self, comparison: Comparison) -> Criterion:
        a, b = comparison.a, comparison.b
        if a.kind is not b.kind:
            return Criterion("latency", passed=False, because=f"of a {a.kind} and of a {b.kind}: not comparable")
        times = b.latency.p50 / a.latency.p50
        return Criterion(
            "latency", times <= self.slowdown, f"{times:.2f} times at the median, up to {self.slowdown:g} is allowed"
        )


def _unseen(comparison: Comparison) -> Criterion:
    standing_of_b = comparison.b.standing
    return Criterion("photos", standing_of_b.learnt is not True, standing_of_b.sentence)


def compare(  # noqa: PLR0913 - what is compared, on what, and how
    a: Contender,
    b: Contender,
    records: Sequence[Record],
    protocol: Protocol,
    *,
    split: str | None,
    timed: int,
    clock: Callable[[], float],
    progress: Progress,
) -> Comparison:
    """Ask both for the records that take part in the protocol, then time both on `timed` of them.

    `split` is the one that the records are. Raises NothingToScoreError where no photo takes part, and what asking
    raises.
    """
    part = takes_part(labels_of(records), protocol)
    asked = [record for record, inside in zip(records, part, strict=True) if inside]
    if not asked:
        first, last = protocol.labels
        raise NothingToScoreError(f"no photo with a truth of {CLASSES[first]} to {CLASSES[last]}")
    both = (a, b)
    probabilities = [one.probabilities(asked, progress).astype(np.float64) for one in both]
    spread = np.linspace(0, len(asked) - 1, timed).astype(int)
    names, latencies = _timed(both, [asked[row].photo.read_bytes() for row in spread], clock, progress)
    labels, grouped = labels_of(asked), group_numbers(records)[part]
    side_a, side_b = (
        Side(
            one.where,
            name,
            one.kind,
            score(answers, labels, protocol),
            latency,
            UNKNOWN if one.facts is None else standing(one.facts, records, split),
        )
        for one, name, answers, latency in zip(both, names, probabilities, latencies, strict=True)
    )
    answers_a, answers_b = (_Answers.of(answers, labels, protocol) for answers in probabilities)
    only_a = int((answers_a.right & ~answers_b.right).sum())
    only_b = int((answers_b.right & ~answers_a.right).sum())
    return Comparison(
        protocol=protocol,
        photos=len(asked),
        groups=len(np.unique(grouped)),
        a=side_a,
        b=side_b,
        differences=differences(answers_a, answers_b, grouped),
        only_a_right=only_a,
        only_b_right=only_b,
        p_value=mcnemar(only_a, only_b),
        disagreements=_disagreements(asked, answers_a.chances, answers_b.chances, protocol),
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one model says, photo by photo, under a protocol."""

    chances: Probabilities
    right: NDArray[np.bool_]
    surprise: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: Probabilities, labels: Labels, protocol: Protocol) -> "_Answers":
        first, last = protocol.labels
        chances, truth = restricted(probabilities, first, last), labels - first
        right = chances.argmax(axis=1) == truth
        return cls(chances, right, surprises(chances, truth), squared_differences(chances, truth))

    def figures(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Work FIGURES out of some rows."""
        error = expected_calibration_error(self.chances[rows].max(axis=1), self.right[rows])
        means = (one[rows].mean() for one in (self.right, self.surprise, self.squares))
        return np.array([*means, error])


def differences(a: _Answers, b: _Answers, grouped: NDArray[np.int64]) -> dict[str, Difference]:
    """Find how much larger each of FIGURES is for B; with one group of goods, errors and intervals are NaN."""

    def less(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return b.figures(rows) - a.figures(rows)

    again = redrawn(less, grouped, SEED)
    columns = (less(np.arange(len(grouped))), again.std(axis=0, ddof=1), *np.quantile(again, _MIDDLE, axis=0))
    return {name: Difference(*map(float, row)) for name, row in zip(FIGURES, np.transpose(columns), strict=True)}


def mcnemar(only_a: int, only_b: int) -> float:
    """Give the two-sided p-value of McNemar's (1947) test in its exact, binomial form; 1 without a discordant pair."""
    discordant, fewer = only_a + only_b, min(only_a, only_b)
    tail, ways = 0, 1  # exact however many pairs there are; `ways` is the binomial coefficient over k
    for k in range(fewer + 1):
        tail += ways
        ways = ways * (discordant - k) // (k + 1)
    return min(1.0, 2 * tail / 2**discordant)


def _timed(
    both: tuple[Contender, Contender], bodies: Sequence[bytes], clock: Callable[[], float], progress: Progress
) -> tuple[list[str], list[Latency]]:
    """Let both answer each photo in turn and change who begins: what the machine does meanwhile befalls both."""
    names = [_warmed(one, bodies[:_WARM_UP]) for one in both]
    seconds: tuple[list[float], list[float]] = ([], [])
    with progress(len(bodies), "timing") as done:
        for turn, body in enumerate(bodies):
            for place in (0, 1) if turn % 2 else (1, 0):
                started = clock()
                both[place].answer(body)
                seconds[place].append(clock() - started)
            done()
    return names, [_latency(one) for one in seconds]


def _warmed(one: Contender, bodies: Sequence[bytes]) -> str:
    """Let a model answer what is not timed; returns what it calls itself."""
    answers = [one.answer(body) for body in bodies]
    return str(answers[0].get("model", "unnamed"))


def _latency(seconds: Sequence[float]) -> Latency:
    p50, p95, p99 = (1000 * np.quantile(seconds, (0.5, 0.95, 0.99))).tolist()
    return Latency(p50, p95, p99, len(seconds))


def _disagreements(
    records: Sequence[Record], a: Probabilities, b: Probabilities, protocol: Protocol
) -> list[Disagreement]:
    names = CLASSES[protocol.labels[0] :]
    said = np.stack([a.argmax(axis=1), b.argmax(axis=1)])
    apart = np.abs(a - b).sum(axis=1) / 2
    differing = np.flatnonzero(said[0] != said[1])
    return [
        Disagreement(
            record=records[row],
            said=(names[said[0, row]], names[said[1, row]]),
            with_probability=(float(a[row].max()), float(b[row].max())),
            apart=float(apart[row]),
        )
        for row in differing[np.argsort(-apart[differing], kind="stable")]
    ]


def _side_report(side: Side) -> dict[str, Any]:
    return {
        "where": side.where,
        "model": side.model,
        "kind": side.kind.value,
        "scores": side.scores.report() | {"brier": side.scores.brier},
        "latency_ms": asdict(side.latency),
        "standing": side.standing.sentence,
        "learnt": side.standing.learnt,
    }


def _finite(fields: dict[str, float]) -> dict[str, float | None]:
    """Say null for NaN, which is no JSON."""
    return {name: value if math.isfinite(value) else None for name, value in fields.items()}
