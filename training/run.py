"""A training run from folders to checkpoint: gather the photos, build the network, let it learn, keep a record.

The record (`run.json`) holds what packaging needs to know later; the photos themselves stay where they are.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import torch

import training.drawn
from training.dataset import Photos, drawn_seed, drawn_splits, labels_of, real_splits
from training.drawn import drawn_counts, write_bins
from training.errors import OtherRunError, UnfinishedRunError
from training.knobs import Knobs
from training.network import build
from training.pixels import decoded
from training.progress import Progress
from training.records import CLASSES, Record, class_counts, manifest_sha256
from training.split import SHARES
from training.train import Learner, Report, train

SIZE: Final = (224, 224)
"""(width, height) of the photos that the network is released for."""

_RECORD: Final = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run takes its photos from, where it leaves its results, and its knobs."""

    out: Path
    data: Path
    cache: Path
    knobs: Knobs
    backbone_weights: Path | None
    backbone_source: str
    """Where the starting weights come from and their licence, for the model card."""
    git_commit: str | None

    @classmethod
    def recorded(cls, out: Path) -> Self:
        """Read back the run that `start` left in this folder; raises UnfinishedRunError where there is none."""
        record = out / _RECORD
        if not record.exists():
            raise UnfinishedRunError(f"{out} holds no run")
        facts = json.loads(record.read_text(encoding="utf-8"))
        return cls(
            out=out,
            data=Path(facts["data"]),
            cache=Path(facts["cache"]),
            knobs=Knobs(**facts["knobs"]),
            backbone_weights=None,
            backbone_source=facts["backbone_source"],
            git_commit=facts["git_commit"],
        )


def start(run: Run, *, gpus: int, threads: int, report: Report, progress: Progress) -> Learner:
    """Train as `run` says, or go on where it was interrupted.

    Raises OtherRunError where the folder holds a run with other knobs or photos.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(run.knobs.seed)  # the head's first weights
    splits = gather(run, progress)
    learning = splits["real-train"] + splits.get("drawn-train", [])
    held_out = {"val": "real-validation", "drawn_val": "drawn-validation"}
    return train(
        build(run.knobs.architecture, len(CLASSES), run.backbone_weights),
        photos_of(learning, run.cache, progress),
        {name: photos_of(splits[part], run.cache, progress) for name, part in held_out.items() if part in splits},
        run.knobs,
        run.out,
        device=torch.device("cuda" if gpus else "cpu"),
        report=report,
        progress=progress,
    )


def gather(run: Run, progress: Progress) -> dict[str, list[Record]]:
    """Gather every bin of the run by the part it plays, `real-train` to `drawn-test`; draw what is not drawn yet.

    Raises OtherRunError where the run folder remembers other knobs or other photos: a photo that has trained the
    network must not turn up in a test.
    """
    splits = real_splits(run.data, run.knobs.seed)
    if run.knobs.drawn:
        splits |= drawn_splits({part: _drawn_folder(run, part, progress) for part in SHARES})
    _remember(run, splits)
    return splits


def photos_of(records: Sequence[Record], cache: Path, progress: Progress) -> Photos:
    """Decode the records' photos (once) under `cache`, and add their labels."""
    with progress(len(records), "decoding") as done:
        return Photos(decoded(records, cache / "pixels", SIZE, done=done), labels_of(records))


def _drawn_folder(run: Run, part: str, progress: Progress) -> Path:
    count = run.knobs.drawn if part == "train" else run.knobs.drawn_held_out
    seed = drawn_seed(run.knobs.seed, part)
    folder = run.cache / "drawn" / f"{_renderer_version()}-{count}-{seed}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        with progress(count, f"drawing {part}") as done:
            write_bins(unfinished, drawn_counts(count, seed), seed, progress=lambda _: done())
        unfinished.rename(folder)
    return folder


def _renderer_version() -> str:
    """Tell the renderer's versions apart by their code: bins drawn by another one are drawn anew."""
    modules = sorted(Path(training.drawn.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()[:12]


def _remember(run: Run, splits: dict[str, list[Record]]) -> None:
    facts = {
        "data": str(run.data.resolve()),
        "cache": str(run.cache.resolve()),
        "knobs": asdict(run.knobs),
        "backbone_source": run.backbone_source,
        "git_commit": run.git_commit,
        "manifest_sha256": manifest_sha256(splits),
        "classes": {name: class_counts(records) for name, records in splits.items()},
    }
    record = run.out / _RECORD
    if record.exists():
        before = json.loads(record.read_text(encoding="utf-8"))
        differing = [fact for fact in ("knobs", "manifest_sha256") if before[fact] != facts[fact]]
        if differing:
            raise OtherRunError(f"{run.out} holds a run with other {' and '.join(differing)}: choose another folder")
    else:
        run.out.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
