"""The proof as a page: Markdown beside its plots. Says what was measured; what to make of it is for people."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.alerts import plots
from training.alerts.measure import Figures
from training.alerts.proof import OPTIMISTIC, Proof
from training.alerts.protocol import STEPS, USUAL_RATE
from training.alerts.study import Study, Variant
from training.report.render import Block, Heading, Paragraph, Picture, Table, as_markdown

_RATE = f"{USUAL_RATE:.0%}"

_AIMS = {
    ("auroc", 1): ("AUROC", 0.75),
    ("auroc", 3): ("AUROC", 0.86),
    ("precision_at_recall_0.2", 1): ("precision at 20 % found", 0.2),
    ("precision_at_recall_0.2", 3): ("precision at 20 % found", 0.6),
    ("ece", 1): ("ECE of the posterior", 0.02),
    ("ece", 3): ("ECE of the posterior", 0.02),
}
"""What is wanted of figure and photos a bin."""


def write(proof: Proof, studies: Sequence[Study], out: Path) -> Path:
    """Write figures.md and the plots into a folder; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    at_rate = replace(proof.policy, mismatch_rate=USUAL_RATE)
    spent = {a_bin: by_rate[USUAL_RATE].pooled["cost_per_1000"] for a_bin, by_rate in proof.ours.items()}
    pictures = {
        "Precision and recall": plots.precision_recall(proof.usual, proof.usual_naive, out),
        "Risk and coverage": plots.risk_coverage(proof.usual, out),
        "Cost by threshold": plots.cost(proof.usual, spent, at_rate, out),
        "Calibration of the posterior": plots.calibration(proof.usual, out),
    }
    written = out / "figures.md"
    written.write_text(as_markdown(page(proof, studies, pictures)), encoding="utf-8")
    return written


def page(proof: Proof, studies: Sequence[Study], pictures: Mapping[str, Path]) -> list[Block]:
    """Compose the page; pictures go by their titles."""
    return [
        *_headline(proof),
        *_aims(proof),
        *_ranked(proof),
        *_acted(proof),
        *_pictures(pictures),
        *_correlation(proof),
        *_studies(studies),
    ]


def _headline(proof: Proof) -> list[Block]:
    subject = proof.subject
    steps = ", ".join(f"{step:+d} in {share:.0%}" for step, share in STEPS.items())
    return [
        Heading(f"What alerts by {subject.model} are worth", 1),
        Paragraph(
            f"{len(subject.photos)} photos in {len(set(subject.grouped.tolist()))} groups of bins that share goods. "
            f"{subject.standing.sentence} Policy {proof.policy.version}, with each rate of mismatches as its own."
        ),
        Paragraph(
            "For each photo the expected quantity is the truth, or for the bins that are wrong the truth plus a step: "
            f"{steps} of them, no less than 0. {proof.repetitions} repetitions with seeds of their own. "
            f"{OPTIMISTIC}"
        ),
        Paragraph(
            "The truth is what an inventory system believed, and some of it is wrong; a wrong bin whose true and "
            "expected quantity are both 6 or more can't be told from a right one, as the model's last class is open."
        ),
    ]


def _aims(proof: Proof) -> list[Block]:
    rows = [
        [
            f"{title}, {_photos(a_bin)}",
            f"{'at most' if name == 'ece' else 'at least'} {aim:g}",
            _three(measured.calibration[name] if name == "ece" else measured.means[name]),
            "" if name == "ece" else _three(measured.pooled[name]),
        ]
        for (name, a_bin), (title, aim) in _AIMS.items()
        for measured in [proof.ours[a_bin][USUAL_RATE]]
    ]
    return [
        Heading(f"Beside the aims, at {_RATE} mismatches"),
        Table(["", "aim, on unseen photos", "mean over the repetitions", "as one large site"], rows),
    ]


def _ranked(proof: Proof) -> list[Block]:
    names = ("auroc", "precision_at_recall_0.2", "precision_at_recall_0.5", "found_at_5_percent_false_alerts")
    head = ["rule, mismatches", "AUROC", "precision at 20 % found", "at 50 % found", "found at 5 % false alerts"]
    rows = [
        [f"{rule}, {rate:.0%}", *(_both(measured, name) for name in names)]
        for rule, by_rate in _rules(proof)
        for rate, measured in by_rate.items()
    ]
    errors = [
        [f"{_photos(a_bin)}, {_RATE}", *(_three(errors[name]) for name in names)]
        for a_bin, errors in proof.photo_errors.items()
    ]
    return [
        Heading("How well the posterior ranks"),
        Paragraph(
            "Mean over the repetitions ± its standard error; in brackets the same with the bins of all repetitions "
            "taken together as one large site, which is what a threshold meets in the long run. For precision believe "
            "the latter: in a repetition with a dozen wrong bins, a few easy ones make it look good."
        ),
        Table(head, rows),
        Paragraph(
            "Standard errors over the photos, by a bootstrap over groups of shared goods: with other photos of the "
            "same kind, the figure in brackets would differ by about so much."
        ),
        Table(head, errors),
    ]


def _acted(proof: Proof) -> list[Block]:
    head = ["rule, mismatches", "alerts", "of them right", "reviews", "of them wrong bins"]
    rows = [
        [
            f"{rule}, {rate:.0%}",
            f"{measured.pooled['alerts_per_1000']:.1f}",
            _percent(measured.pooled["alert_precision"]),
            f"{measured.pooled['reviews_per_1000']:.1f}",
            _percent(measured.pooled["review_precision"]),
            _percent(measured.pooled["alerts_found"]),
            _percent(measured.pooled["alerts_or_reviews_found"]),
            f"{measured.pooled['cost_per_1000']:.0f}",
            f"{1000 * rate * proof.policy.costs.missed_mismatch:.0f}",
            f"{measured.calibration['ece']:.4f}",
        ]
        for rule, by_rate in _rules(proof)
        for rate, measured in by_rate.items()
    ]
    costs = proof.policy.costs
    return [
        Heading("What the policy does, in 1,000 bins"),
        Paragraph(
            f"A false alert costs {costs.false_alert:g}, a missed mismatch {costs.missed_mismatch:g}, a review "
            f"{costs.review:g}. Found: share of the mismatches that are alerted, and that are alerted or reviewed. ECE "
            "is over bins of posteriors with equal ratios, four to a decade."
        ),
        Table([*head, "found", "found or reviewed", "cost", "cost of no system", "ECE"], rows),
    ]


def _pictures(pictures: Mapping[str, Path]) -> list[Block]:
    shown = [(Heading(title, 3), Picture(file, title)) for title, file in pictures.items()]
    return [Heading(f"Plots, at {_RATE} mismatches"), *(block for pair in shown for block in pair)]


def _correlation(proof: Proof) -> list[Block]:
    found = proof.correlation
    return [
        Heading("How much photos of one bin repeat each other"),
        Paragraph(
            f"{_three(found.estimate)} ± {_three(found.standard_error)}, from {found.pairs} pairs of photos with "
            f"neighbouring numbers that share goods; the policy has {proof.policy.photo_correlation:g}. It is the "
            "correlation of the log likelihood ratios of a mismatch under the true quantity, less the mean of the same "
            "count; the error is from a bootstrap over groups of bins that share goods."
        ),
    ]


def _studies(studies: Sequence[Study]) -> list[Block]:
    if not studies:
        return []
    blocks: list[Block] = [
        Heading(f"Had the policy been another one, at {_RATE} mismatches"),
        Paragraph(
            "One thing changes at a time. Per 1,000 bins, the bins of all repetitions taken together; AUROC's ± is the "
            "standard error, over the photos, of its difference from the policy's own. Costs and bounds don't change "
            "the ranking."
        ),
    ]
    head = ["", "alert from", "review from", "alerts", "of them right", "reviews", "found", "found or reviewed"]
    for study in studies:
        blocks += [
            Heading(f"{study.what.replace('_', ' ')}, {_photos(study.a_bin)}", 3),
            Table([*head, "AUROC", "precision at 20 % found"], [_variant(one) for one in study.variants]),
        ]
    return blocks


def _variant(one: Variant) -> list[str]:
    pooled = one.pooled
    return [
        one.name,
        f"{one.policy.alert_from:.3f}",
        f"{one.policy.review_from:.3f}",
        f"{pooled['alerts_per_1000']:.1f}",
        _percent(pooled["alert_precision"]),
        f"{pooled['reviews_per_1000']:.1f}",
        _percent(pooled["alerts_found"]),
        _percent(pooled["alerts_or_reviews_found"]),
        _three(pooled["auroc"]) + ("" if one.auroc_error is None else f" ± {_three(one.auroc_error)}"),
        _percent(pooled["precision_at_recall_0.2"]),
    ]


def _rules(proof: Proof) -> list[tuple[str, Mapping[float, Figures]]]:
    return [*((_photos(a_bin), by_rate) for a_bin, by_rate in proof.ours.items()), ("naive", proof.naive)]


def _both(measured: Figures, name: str) -> str:
    return f"{_three(measured.means[name])} ± {_three(measured.errors[name])} ({_three(measured.pooled[name])})"


def _three(figure: float) -> str:
    return f"{figure:.3f}" if math.isfinite(figure) else "-"


def _percent(share: float) -> str:
    return f"{share:.1%}" if math.isfinite(share) else "-"


def _photos(a_bin: int) -> str:
    return "1 photo" if a_bin == 1 else f"{a_bin} photos"
