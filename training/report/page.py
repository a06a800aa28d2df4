"""What a report says, block by block, from findings and the files of its plots."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from training.card import PUBLISHED
from training.report.findings import Findings, Measured
from training.report.render import Block, Heading, Paragraph, Picture, Table
from training.scores import Scores

_PUBLISHED_F1: Final = {"1": 0.54, "2": 0.36, "3": 0.37, "4": 0.39, "5": 0.11}
"""Of the run in PUBLISHED, which trained on 8,300 photos."""

_BEST_PUBLIC_ACCURACY: Final = 0.472
"""The highest published for the same five classes, after training on 33,700 photos."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Which model answered, and for which photos."""

    model: str
    photos: str
    """Such as "the test split (seed 1)"."""
    standing: str
    """What these photos were to the model's training, in one sentence."""


def page(subject: Subject, findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    """Compose the report; `plots` go by the names of `figures`' functions, `worst` only where photos may be shown."""
    return [
        *_headline(subject, findings),
        *_per_class(findings.measured[0]),
        *_confusion(findings, plots),
        *_calibration(findings, plots),
        *_coverage(findings, plots),
        *_errors(findings, plots),
        *_slices(findings),
        *_worst(findings, plots),
        *_terms(),
    ]


def _headline(subject: Subject, findings: Findings) -> list[Block]:
    whole = findings.measured[-1]
    return [
        Heading(f"How well {subject.model} counts", 1),
        Paragraph(
            f"{whole.scores.n} photos of {subject.photos}, in {whole.groups} groups of bins that share goods. "
            f"{subject.standing}{_unrecorded(findings)}"
        ),
        Paragraph(
            "Read every figure with this in mind: the truth is what an inventory system believed (EXPECTED_QUANTITY), "
            "not a count by hand. Some labels are wrong, and some bins nobody could count from their photo, so the "
            "best possible accuracy is below 1 by an unknown amount, and some of the mistakes are not the model's."
        ),
        Table(
            ["protocol", "photos", "accuracy", "loss", "Brier", "RMSE", "ECE"],
            [
                [
                    m.scores.protocol,
                    str(m.scores.n),
                    *(_with_error(m, f) for f in ("accuracy", "loss", "brier")),
                    _with_error(m, "rmse", 3),
                    _with_error(m, "ece", 3),
                ]
                for m in findings.measured
            ],
        ),
        Paragraph(
            "Protocol seed: truth 1 to 5, the distribution restricted to 1 to 5 and renormalised; zero-to-five adds "
            "the empty bin; all is every photo and all seven classes, as the endpoint answers. ± is one standard "
            "error, from a bootstrap over the groups."
        ),
        *_comparison(findings),
    ]


def _unrecorded(findings: Findings) -> str:
    if not findings.without_goods:
        return ""
    return (
        f" {findings.without_goods} of the bins have no goods on record: each counts as a group of its own, and which "
        "others it shares goods with is not known."
    )


def _comparison(findings: Findings) -> list[Block]:
    measured, mix = findings.measured[0].scores, findings.class_mix[0]
    if measured.protocol != "seed":
        return []
    rows = [
        ["this model", _four(measured.accuracy), _four(measured.loss), *_f1s(measured)],
        [
            "published run, 8,300 photos",
            _four(PUBLISHED["accuracy"]),
            _four(PUBLISHED["loss"]),
            *(f"{f1:.2f}" for f1 in _PUBLISHED_F1.values()),
        ],
        ["best public run, 33,700 photos", f"{_BEST_PUBLIC_ACCURACY:.3f}", "", *[""] * len(_PUBLISHED_F1)],
        ["always the training photos' class mix", _four(mix.accuracy), _four(mix.loss), *_f1s(mix)],
    ]
    return [
        Paragraph("By the seed protocol, beside others:"),
        Table(["", "accuracy", "loss", *(f"F1 of {name}" for name in _PUBLISHED_F1)], rows),
        Paragraph(
            "The published runs were measured on test photos of their own: marks to compare with, not paired "
            "comparisons. The last row looks at no photo: it always answers the most frequent class, with the shares "
            "of the training photos."
        ),
    ]


def _per_class(measured: Measured) -> list[Block]:
    scores = measured.scores
    rows = [
        [name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f} ± {measured.f1_errors[name]:.3f}"]
        for name, one in scores.per_class.items()
    ]
    return [
        Heading("Per class"),
        Paragraph(f"Each count against the rest, by the protocol {scores.protocol}."),
        Table(["count", "precision", "recall", "F1"], rows),
    ]


def _confusion(findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    near = np.abs(findings.signed_errors) <= 1
    return [
        Heading("What is taken for what"),
        Paragraph(
            f"Each row is a true count and sums to 100 %; what lies beside the diagonal is a miscount by one. "
            f"{near.mean():.1%} of the photos are counted within one, 6+ being taken as 6."
        ),
        Picture(plots["confusion"], "Confusion matrix"),
        Paragraph("How often each true count is hit, exactly and within one, with one standard error."),
        Picture(plots["by_count"], "Accuracy by true count"),
    ]


def _calibration(findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    calibration = findings.calibration
    return [
        Heading("Do the probabilities mean what they say?"),
        Paragraph(
            "Where the line is on the diagonal, photos answered with 60 % are right in 60 of 100 cases; above it the "
            "model is too modest, below it too sure. Below, how many photos each bin has. The left half is what ECE "
            "measures; the right half gives every bin as many photos, so that no point rests on a handful."
        ),
        Picture(plots["reliability"], "Reliability diagram"),
        Table(
            ["calibration error, all seven classes", ""],
            [
                ["predicted class, bins of equal width (ECE)", f"{calibration.equal_widths.error:.3f}"],
                ["predicted class, bins of as many photos", f"{calibration.equal_counts.error:.3f}"],
                ["every class's probability, averaged over the classes", f"{calibration.class_wise:.3f}"],
            ],
        ),
    ]


def _coverage(findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    everything = findings.coverage[-1]
    n = len(everything.accuracy)
    rows = [
        [f"{share:.0%}", *(_percent(line.accuracy[_upto(share, len(line.accuracy))]) for line in findings.coverage)]
        for share in (0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
    ]
    return [
        Heading("What if only the sure ones are answered?"),
        Paragraph(
            "Photos in the order of the predicted class's probability: the accuracy among the most confident share, "
            f"and AURC, the mean error over all shares (0 is best). Of {n} photos, the surest half is counted right "
            f"in {_percent(everything.accuracy[_upto(0.5, n)])}, all of them in {_percent(everything.accuracy[-1])}."
        ),
        Picture(plots["coverage"], "Accuracy against coverage"),
        Table(["answered", *(line.protocol for line in findings.coverage)], rows),
    ]


def _upto(share: float, n: int) -> int:
    return max(round(share * n), 1) - 1


def _errors(findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    bias = float(findings.signed_errors.mean())
    direction = "too few" if bias < 0 else "too many"
    return [
        Heading("Off by how much, and which way"),
        Paragraph(f"On average the model counts {abs(bias):.2f} {direction}, 6+ being taken as 6."),
        Picture(plots["signed_errors"], "Histogram of signed errors"),
    ]


def _slices(findings: Findings) -> list[Block]:
    rows = [
        [
            f"{s.property}: {s.value}",
            str(s.n),
            f"{s.mean_count:.1f}",
            f"{s.accuracy:.3f} ± {s.accuracy_error:.3f}",
            f"{s.loss:.2f} ± {s.loss_error:.2f}",
        ]
        for s in findings.slices
    ]
    return [
        Heading("Where it fails"),
        Paragraph(
            "All seven classes. The kinds of goods are from the record, which the model never sees. Read along with "
            "the mean count: full bins have more kinds of goods and are harder for that alone; the rows of 2 to 5 "
            "items ask whether items of one kind or of several are easier to tell apart."
        ),
        Table(["photos", "n", "mean count", "accuracy", "loss"], rows),
    ]


def _worst(findings: Findings, plots: Mapping[str, Path]) -> list[Block]:
    rows = [
        [m.record.image_id, str(m.record.count), f"{m.probability_of_truth:.2%}", m.predicted, f"{m.confidence:.0%}"]
        for m in findings.worst
    ]
    pictures = [Picture(plots["worst"], "Photos of the worst mistakes")] if "worst" in plots else []
    return [
        Heading("The worst mistakes"),
        Paragraph(
            "The photos whose true count the model thought least likely: look here first for wrong labels, and for "
            "goods behind goods."
        ),
        *pictures,
        Table(["bin", "true count", "its probability", "predicted", "with"], rows),
    ]


def _terms() -> list[Block]:
    return [
        Heading("Terms"),
        Paragraph(
            "Accuracy: share of photos whose most probable class is the true one. Loss: mean negative log probability "
            "of the truth, in nats. Brier: squared differences between the distribution and the truth's indicator, "
            "summed over the classes, averaged over the photos; 0 is perfect, 2 the worst. RMSE: of the most probable "
            "class against the truth, 6+ as 6. ECE: gap between the predicted class's probability and its accuracy, "
            "averaged over 15 bins of equal width; chance alone makes it larger than 0 for a perfectly calibrated "
            "model, the more so the fewer the photos."
        ),
    ]


def _with_error(measured: Measured, field: str, digits: int = 4) -> str:
    return f"{getattr(measured.scores, field):.{digits}f} ± {measured.errors[field]:.{digits}f}"


def _f1s(scores: Scores) -> list[str]:
    return [f"{scores.per_class[name].f1:.2f}" for name in _PUBLISHED_F1]


def _four(value: float) -> str:
    return f"{value:.4f}"


def _percent(share: float) -> str:
    return f"{share:.1%}"
