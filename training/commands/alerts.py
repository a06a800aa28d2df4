"""`alerts`: what the checker's decision is worth on photos with truth."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from training.commands.options import CACHE, CacheFolder, DataFolder, ReleasedModel
from training.commands.tables import table
from training.progress import on_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.alerts.measure import Figures
    from training.alerts.proof import Proof


class Part(StrEnum):
    """Which photos of the folder take part."""

    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TEST = "test"
    TRAIN = "train"
    ALL = "all"


def alerts(  # noqa: PLR0913 - one parameter per option
    model: ReleasedModel,
    data: DataFolder,
    split: Annotated[Part, typer.Option(help="Only this part of the folder, split as for training.")] = Part.ALL,
    *,
    policy: Annotated[
        Path | None, typer.Option(help="JSON of what differs from the default policy.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for figures.md, with what other policies would do, and its plots.")
    ] = None,
    repetitions: Annotated[int, typer.Option(help="Drawings of wrong bins, with seeds from 0 on.", min=2)] = 200,
    seed: Annotated[int, typer.Option(help="The split's seed.")] = 1,
    cache: CacheFolder = CACHE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure alerts on bins some of which hold something else than expected, beside the naive rule.

    Every bin is judged by the checker's own decision. Answers of the model are kept in the cache. `--out` draws plots
    and needs the training environment; nothing here needs torch.
    """
    from chalicelib.policy import DEFAULT
    from training.alerts.policy_file import read_policy
    from training.alerts.proof import gather, prove

    judging = DEFAULT if policy is None else read_policy(policy)
    part = None if split is Part.ALL else split.value
    subject = gather(model, data, cache=cache, split=part, seed=seed, progress=on_terminal)
    proof = prove(subject, judging, repetitions, on_terminal)
    written = _written(proof, out) if out else None
    if as_json:
        print(json.dumps(proof.report()))
        return
    _show(proof)
    if written:
        print(f"{written} and its plots written")


def _written(proof: "Proof", out: Path) -> Path:
    from training.alerts.page import write
    from training.alerts.study import study

    subject = proof.subject
    made = study(subject.photos, proof.policy, proof.usual, subject.grouped, on_terminal)
    return write(proof, made, out)


def _show(proof: "Proof") -> None:
    from training.alerts.proof import OPTIMISTIC

    print(f"{proof.subject.model}, policy {proof.policy.version}, {len(proof.subject.photos)} photos")
    print(proof.subject.standing.sentence)
    ranked = table(
        "the bins of all repetitions as one large site",
        *("rule", "wrong", "AUROC", "precision at 20 % found", "at 50 % found", "found at 5 % false alerts"),
    )
    acted = table(
        "per 1,000 bins",
        *("rule", "wrong", "alerts", "right", "reviews", "found", "+ reviews", "cost", "ECE"),
    )
    rules = [*((_photos(a_bin), by_rate) for a_bin, by_rate in proof.ours.items()), ("naive", proof.naive)]
    for rule, by_rate in rules:
        for rate, measured in by_rate.items():
            ranked.add_row(rule, f"{rate:.0%}", *_ranked(measured))
            acted.add_row(rule, f"{rate:.0%}", *_acted(measured.pooled), f"{measured.calibration['ece']:.3f}")
    Console().print(ranked, acted)
    found = proof.correlation
    print(OPTIMISTIC)
    print(
        f"photo_correlation: {found.estimate:.2f} ± {found.standard_error:.2f}, from {found.pairs} pairs of neighbours"
    )


def _ranked(measured: "Figures") -> list[str]:
    from training.alerts.measure import BY_RANK

    return [f"{measured.pooled[name]:.3f}" for name in BY_RANK]


def _acted(pooled: "Mapping[str, float]") -> list[str]:
    alerts, reviews, cost = (pooled[name] for name in ("alerts_per_1000", "reviews_per_1000", "cost_per_1000"))
    right, found, reviewed = (
        f"{pooled[name]:.1%}" for name in ("alert_precision", "alerts_found", "alerts_or_reviews_found")
    )
    return [f"{alerts:.1f}", right, f"{reviews:.1f}", found, reviewed, f"{cost:.0f}"]


def _photos(a_bin: int) -> str:
    return "1 photo" if a_bin == 1 else f"{a_bin} photos"
