"""A pretraining from a folder of photos to backbone weights, and what those weights say of themselves afterwards.

    backbone.pth       what `train --backbone-weights` takes; there is none before the last epoch is done
    pretraining.json   the record: photos, knobs, what the weights come from
    checkpoint.pt, history.json    see `training.pretrain`

**It looks at the photos of the training split only.** Those of validation, calibration and test must not be seen, not
even without their truth: a network that has met them is not asked about unseen bins any more, and its figures would
be too good. The record names what was held out, and `train` refuses weights whose pretraining has held out other
photos than it does itself.

The truth serves to split and for nothing else: the loop gets photos without it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from training.allocator import keep_freed_memory
from training.contrast import numbered
from training.dataset import Photos, real_splits
from training.errors import BadKnobsError, OtherPhotosError, OtherRunError
from training.knobs import PretrainingKnobs, as_options
from training.measures import MEASURES
from training.pixels import Pixels, decoded
from training.pretrain import Projected, pretrain
from training.progress import Progress
from training.records import Record, manifest_sha256
from training.train import Report, write_state

PRETRAINING: Final = "pretraining.json"
BACKBONE: Final = "backbone.pth"

_HELD_OUT: Final = ("real-validation", "real-calibration", "real-test")


@dataclass(frozen=True, slots=True)
class Pretraining:
    """Where a pretraining takes its photos from, where it leaves its results, and its knobs."""

    out: Path
    data: Path
    cache: Path
    knobs: PretrainingKnobs
    backbone_weights: Path | None
    """A state dict to start from; None for torchvision's published one."""
    backbone_source: str
    """Where those come from and their licence, for the model card."""
    git_commit: str | None


def start(
    run: Pretraining, *, device: torch.device, threads: int = 0, report: Report, progress: Progress
) -> dict[str, torch.Tensor]:
    """Pretrain as `run` says, or go on where it was interrupted; returns the weights that it has written.

    Raises OtherRunError where the folder holds another pretraining or a training run, OtherPhotosError where the
    weights that it starts from know photos which it holds out, BadKnobsError where there are too few photos to tell
    apart, and CollapsedError where all come to look alike.
    """
    if threads:
        torch.set_num_threads(threads)
    if device.type == "cpu":
        keep_freed_memory()
    splits = real_splits(run.data, run.knobs.seed)
    check_held_out(run.backbone_weights, splits)
    records = splits["real-train"]
    if len(records) < 2:
        raise BadKnobsError(f"{run.data}: the training split has {len(records)} photos, and two are the least")
    _keep_record(run, splits)
    with progress(len(records), "decoding") as done:
        pixels = decoded(records, run.cache / "pixels", (run.knobs.size, run.knobs.size), done=done)
    torch.manual_seed(run.knobs.seed)  # the projection's first weights
    learner = pretrain(
        Projected(run.knobs.architecture, run.backbone_weights),
        _without_truth(pixels),
        numbered([record.image_id for record in records]),
        run.knobs,
        run.out,
        device=device,
        report=report,
        progress=progress,
    )
    averaged: Projected = learner.averaged.module
    weights = averaged.backbone()
    write_state(weights, run.out / BACKBONE)
    return weights


def _without_truth(pixels: Pixels) -> Photos:
    n = len(pixels)
    return Photos(pixels, np.full(n, -1, dtype=np.int64), np.full((n, len(MEASURES)), np.nan, dtype=np.float32))


def _keep_record(run: Pretraining, splits: dict[str, list[Record]]) -> None:
    """Write down what this pretraining is; refuses a folder that holds something else."""
    facts = {
        "data": str(run.data.resolve()),
        "cache": str(run.cache.resolve()),
        "knobs": asdict(run.knobs),
        "backbone_source": source_of(run.backbone_weights, run.backbone_source),
        "git_commit": run.git_commit,
        "photos": len(splits["real-train"]),
        "manifest_sha256": manifest_sha256(splits),
        "held_out_sha256": _held_out_sha256(splits),
    }
    if (run.out / "run.json").exists():
        raise OtherRunError(f"{run.out} holds a training run: choose another folder")
    record = run.out / PRETRAINING
    if not record.exists():
        run.out.mkdir(parents=True, exist_ok=True)
        unfinished = record.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(record)
        return
    before = json.loads(record.read_text(encoding="utf-8"))
    differing = [name for name in ("knobs", "backbone_source", "manifest_sha256") if before[name] != facts[name]]
    if differing:
        raise OtherRunError(
            f"{run.out} holds a pretraining with other {' and '.join(differing)}: choose another folder"
        )


def _held_out_sha256(splits: dict[str, list[Record]]) -> str:
    return manifest_sha256({name: splits[name] for name in _HELD_OUT})


def source_of(weights: Path | None, said: str) -> str:
    """Tell for the model card where starting weights come from: by their pretraining's record, or as it is said.

    The record lies beside the weights; without one they come from elsewhere, and `said` stands.
    """
    facts = _record_beside(weights)
    if facts is None:
        return said
    options = as_options(facts["knobs"], PretrainingKnobs())
    return (
        f"weights that had learnt to tell the {facts['photos']:,} photos of the training split apart, without their "
        f"truth and without a photo of any other split (`python -m training pretrain{options}`), and had begun as "
        f"{facts['backbone_source']}"
    )


def check_held_out(weights: Path | None, splits: dict[str, list[Record]]) -> None:
    """Refuse weights whose pretraining may have seen what these splits hold out; raises OtherPhotosError."""
    facts = _record_beside(weights)
    if facts is not None and facts["held_out_sha256"] != _held_out_sha256(splits):
        raise OtherPhotosError(
            f"{weights} has learnt from other photos than this run may see: give pretrain and train one seed and data"
        )


def _record_beside(weights: Path | None) -> dict[str, Any] | None:
    if weights is None or weights.name != BACKBONE or not weights.with_name(PRETRAINING).exists():
        return None
    facts: dict[str, Any] = json.loads(weights.with_name(PRETRAINING).read_text(encoding="utf-8"))
    return facts
