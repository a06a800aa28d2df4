"""Everything that a report states, worked out from records, probabilities and light; no files, no plots, no prose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.bootstrap import group_numbers, standard_errors
from training.dataset import labels_of
from training.records import CLASSES, Record
from training.report import curves
from training.scores import Labels, Probabilities, Protocol, Scores, restricted, score, surprises, takes_part

SEED: Final = 1
"""Of the bootstrap: the same photos get the same standard errors."""

WORST: Final = 12
"""How many of the worst mistakes are shown."""

_OPEN: Final = len(CLASSES) - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores under one protocol, with the standard errors that respect groups of shared goods."""

    scores: Scores
    groups: int
    errors: dict[str, float]
    """By field of Scores: accuracy, loss, brier, rmse, ece."""
    f1_errors: dict[str, float]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What answering only the most confident photos does, under one protocol."""

    protocol: str
    accuracy: NDArray[np.float64]
    """Among the k most confident photos, k = 1..n."""
    area: float
    """AURC."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the predicted class's probability, and each class's, can be taken at its word."""

    equal_widths: curves.Reliability
    equal_counts: curves.Reliability
    class_wise: float


@dataclass(frozen=True, slots=True)
class Slice:
    """Photos that share a property, all seven classes being possible answers."""

    property: str
    value: str
    n: int
    mean_count: float
    accuracy: float
    accuracy_error: float
    loss: float
    loss_error: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo whose truth the model thought improbable."""

    record: Record
    predicted: str
    confidence: float
    probability_of_truth: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report states; curves, slices and mistakes are those of all seven classes."""

    measured: list[Measured]
    """One per protocol that has a photo, as the protocols come."""
    class_mix: list[Scores]
    """The same of a counter that always answers the training photos' class mix."""
    confusion: NDArray[np.int64]
    calibration: Calibration
    coverage: list[Coverage]
    signed_errors: NDArray[np.int64]
    """Predicted less true label of each photo, `6+` taken as 6."""
    slices: list[Slice]
    worst: list[Mistake]
    without_goods: int
    """Bins that hold something, of which the record does not say what."""


def examine(
    records: Sequence[Record], probabilities: Probabilities, prior: Sequence[float], light: NDArray[np.float64]
) -> Findings:
    """Work out what there is to say of probabilities [N,7] for the records.

    `prior` is the training photos' class mix, `light` [N] each photo's mean brightness, 0 to 255. Raises
    NothingToScoreError where there is no record.
    """
    labels, grouped = labels_of(records), group_numbers(records)
    protocols = [p for p in Protocol if p is Protocol.ALL or takes_part(labels, p).any()]
    mix = np.tile(np.asarray(prior, dtype=np.float64), (len(labels), 1))
    measured = [_measured(probabilities, labels, grouped, protocol) for protocol in protocols]
    chances = restricted(probabilities, 0, _OPEN)
    predicted = chances.argmax(axis=1)
    return Findings(
        measured=measured,
        class_mix=[score(mix, labels, protocol) for protocol in protocols],
        confusion=curves.confusion(predicted, labels, len(CLASSES)),
        calibration=_calibration(chances, labels),
        coverage=[_coverage(probabilities, labels, protocol) for protocol in protocols],
        signed_errors=predicted - labels,
        slices=_slices(records, chances, grouped, light),
        worst=_worst(records, chances),
        without_goods=sum(not record.asins and record.count > 0 for record in records),
    )


def _measured(probabilities: Probabilities, labels: Labels, grouped: NDArray[np.int64], protocol: Protocol) -> Measured:
    part = takes_part(labels, protocol)
    if part.any():
        probabilities, labels, grouped = probabilities[part], labels[part], grouped[part]
    scores = score(probabilities, labels, protocol)
    fields = ("accuracy", "loss", "brier", "rmse", "ece")

    def figures(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        again = score(probabilities[rows], labels[rows], protocol)
        return np.array([*(getattr(again, name) for name in fields), *(one.f1 for one in again.per_class.values())])

    errors = standard_errors(figures, grouped, SEED).tolist()
    return Measured(
        scores=scores,
        groups=len(np.unique(grouped)),
        errors=dict(zip(fields, errors, strict=False)),
        f1_errors=dict(zip(scores.per_class, errors[len(fields) :], strict=True)),
    )


def _calibration(chances: Probabilities, truth: Labels) -> Calibration:
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == truth
    return Calibration(
        equal_widths=curves.equal_widths(confidence, right),
        equal_counts=curves.equal_counts(confidence, right),
        class_wise=curves.class_wise_error(chances, truth),
    )


def _coverage(probabilities: Probabilities, labels: Labels, protocol: Protocol) -> Coverage:
    part, (first, last) = takes_part(labels, protocol), protocol.labels
    chances = restricted(probabilities[part], first, last)
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels[part] - first
    return Coverage(
        protocol=protocol.value,
        accuracy=curves.selective_accuracy(confidence, right),
        area=curves.area_under_risk_coverage(confidence, right),
    )


def _slices(
    records: Sequence[Record], chances: Probabilities, grouped: NDArray[np.int64], light: NDArray[np.float64]
) -> list[Slice]:
    labels = labels_of(records)
    per_photo = np.stack([chances.argmax(axis=1) == labels, surprises(chances, labels)], axis=1)
    counts = np.array([record.count for record in records])
    found = []
    for name, values in _properties(records, light).items():
        for value in sorted(set(values) - {""}):
            rows = np.flatnonzero(np.array(values) == value)
            accuracy, loss = per_photo[rows].mean(axis=0).tolist()
            errors = _errors_of_means(per_photo[rows], grouped[rows])
            found.append(
                Slice(name, value, len(rows), float(counts[rows].mean()), accuracy, errors[0], loss, errors[1])
            )
    return found


def _errors_of_means(values: NDArray[np.float64], grouped: NDArray[np.int64]) -> list[float]:
    errors: list[float] = standard_errors(lambda rows: values[rows].mean(axis=0), grouped, SEED).tolist()
    return errors


def _properties(records: Sequence[Record], light: NDArray[np.float64]) -> dict[str, list[str]]:
    """Give each property's value for each record; an empty value is left out."""
    return {
        "light": _quarters(light),
        "kinds of goods": [_kinds(record) for record in records],
        "2 to 5 items": [_likeness(record) for record in records],
    }


def _quarters(light: NDArray[np.float64]) -> list[str]:
    edges = np.quantile(light, [0.25, 0.5, 0.75])
    names = ("1st quarter, darkest", "2nd quarter", "3rd quarter", "4th quarter, brightest")
    return [names[quarter] for quarter in np.searchsorted(edges, light)]


def _kinds(record: Record) -> str:
    if not record.asins:
        return "none, empty bin" if record.count == 0 else "not recorded"
    return str(len(record.asins)) if len(record.asins) < 5 else "5 or more"


def _likeness(record: Record) -> str:
    if not (2 <= record.count <= 5 and record.asins):
        return ""
    if len(record.asins) == 1:
        return "all alike"
    return "all different" if len(record.asins) >= record.count else "some alike"


def _worst(records: Sequence[Record], chances: Probabilities) -> list[Mistake]:
    of_truth = chances[np.arange(len(records)), labels_of(records)]
    wrong = np.flatnonzero(chances.argmax(axis=1) != labels_of(records))
    least_expected = wrong[np.argsort(of_truth[wrong], kind="stable")][:WORST]
    return [
        Mistake(
            record=records[row],
            predicted=CLASSES[int(chances[row].argmax())],
            confidence=float(chances[row].max()),
            probability_of_truth=float(of_truth[row]),
        )
        for row in least_expected
    ]
