"""A training run from folders to checkpoint: gather the photos, build the network, let it learn, keep a record.

The record (`run.json`) holds what packaging needs to know later; the photos themselves stay where they are.
Replicas on several machines each gather for themselves, and only the first writes into the run folder.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import torch

import training.drawn
from training.allocator import keep_freed_memory
from training.dataset import Photos, drawn_seed, drawn_splits, labels_of, measures_of, real_splits
from training.drawn import drawn_counts, write_bins
from training.errors import OtherPhotosError, OtherRunError, UnfinishedRunError
from training.feedback.taking import Taken, taken
from training.knobs import Knobs
from training.measures import MEASURES, standardised
from training.network import build, network_of
from training.pixels import decoded
from training.pretraining import PRETRAINING, check_held_out, source_of
from training.progress import Progress
from training.records import CLASSES, Record, class_counts, manifest_sha256
from training.released import networks_of
from training.replicas import Replica
from training.serving.model import FACTS
from training.split import SHARES
from training.stored_weights import Weights, read
from training.teachers import Teachers
from training.train import BEST, HISTORY, AfterEpoch, Learner, Report, train

_RECORD: Final = "run.json"
FEEDBACK: Final = "feedback-train"
"""The part of photos that operators have labelled."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run takes its photos from, where it leaves its results, and its knobs."""

    out: Path
    data: Path
    cache: Path
    knobs: Knobs
    backbone_weights: Path | None
    backbone_source: str
    """Where the starting weights come from and their licence, for the model card; a pretraining's record goes first."""
    git_commit: str | None
    teachers: tuple[Path, ...] = ()
    """Folders of finished runs or released models that know the same photos, from which this one learns."""
    averaged: int = 1
    """Of how many runs' weights its own are the mean."""
    feedback: tuple[Path, ...] = ()
    """Folders of exported feedback, which it learns from beside the training split."""

    @property
    def teachers_names(self) -> list[str]:
        """Name the teachers for people: a release by name and version, a run by its folder."""
        told = _recorded_facts(self.out).get("teachers_names") if (self.out / _RECORD).exists() else None
        return told or [_name_of(folder) for folder in self.teachers]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the photos that the network is released for."""
        return (self.knobs.size, self.knobs.size)

    @classmethod
    def recorded(cls, out: Path) -> Self:
        """Read back the run that `start` left in this folder; raises UnfinishedRunError where there is none."""
        facts = _recorded_facts(out)
        return cls(
            out=out,
            data=Path(facts["data"]),
            cache=Path(facts["cache"]),
            knobs=Knobs.of(facts["knobs"]),
            backbone_weights=None,
            backbone_source=facts["backbone_source"],
            git_commit=facts["git_commit"],
            teachers=tuple(map(Path, facts["teachers"])),
            averaged=facts["averaged"],
            feedback=tuple(map(Path, facts.get("feedback", {}).get("folders", ()))),
        )

    @property
    def learnt_feedback(self) -> dict[str, Any] | None:
        """Give what its record tells of its feedback, but for where that lies; None where it had none."""
        told: dict[str, Any] | None = _recorded_facts(self.out).get("feedback")
        return {name: value for name, value in told.items() if name != "folders"} if told else None

    def best_network(self) -> torch.nn.Module:
        """Give the network with its best weights, ready to be asked; UnfinishedRunError before the last epoch."""
        history = self.out / HISTORY
        done = len(json.loads(history.read_text(encoding="utf-8"))) if history.exists() else 0
        if done < self.knobs.epochs:
            raise UnfinishedRunError(
                f"{self.out}: {done} of {self.knobs.epochs} epochs are done; `train` goes on from there"
            )
        return network_of(self.knobs.architecture, read(self.out / BEST))

    def deliver(self, out: Path, *, weights: Weights | None = None, averaged: int = 1) -> None:
        """Copy what a finished run leaves, but for the checkpoint, into another folder.

        `weights`, the mean of so many runs' ones, may take the place of its own.
        """
        out.mkdir(parents=True, exist_ok=True)
        if weights is None:
            shutil.copyfile(self.out / BEST, out / BEST)
        else:
            torch.save(weights, out / BEST)
        shutil.copyfile(self.out / HISTORY, out / HISTORY)
        _write_record(out, _recorded_facts(self.out) | {"averaged": averaged})  # last: without it there is no run


def start(  # noqa: PLR0913 - how a run shows itself, beside what it is
    run: Run,
    *,
    replica: Replica,
    threads: int = 0,
    report: Report,
    after_epoch: AfterEpoch = lambda _: None,
    progress: Progress,
) -> Learner:
    """Train as `run` says, or go on where it was interrupted.

    Raises OtherRunError where the folder holds a run with other knobs or photos, OtherPhotosError where a teacher or
    the starting weights have learnt from other photos, and BadKnobsError where knobs contradict each other.
    """
    if threads:
        torch.set_num_threads(threads)
    if replica.device.type == "cpu":
        keep_freed_memory()
    with replica.first_here_first():
        splits = gather(run, progress, keep_record=replica.is_first)
        if run.feedback and replica.is_first:
            report(_told(_recorded_facts(run.out)["feedback"]))
        learning, held_out = _roles(splits, run, progress)
    torch.manual_seed(run.knobs.seed)  # the head's first weights
    outputs = len(CLASSES) + (len(MEASURES) if run.knobs.measures else 0)
    return train(
        build(run.knobs.architecture, outputs, run.backbone_weights),
        learning,
        held_out,
        run.knobs,
        run.out,
        replica=replica,
        report=report,
        teachers=teachers_of(run, splits),
        after_epoch=after_epoch,
        progress=progress,
    )


def gather(run: Run, progress: Progress, *, keep_record: bool = True) -> dict[str, list[Record]]:
    """Gather every bin of the run by the part it plays, `real-train` to `drawn-test`; draw what is not drawn yet.

    `feedback-train` is there where the run learns from feedback as well. Raises OtherRunError where the run folder
    remembers other knobs or other photos, and OtherPhotosError where the starting weights know others: a photo that has
    trained the network must not turn up in a test.
    """
    splits = real_splits(run.data, run.knobs.seed)
    check_held_out(run.backbone_weights, splits)
    feedback = taken(run.feedback, run.data, splits) if run.feedback else None
    if feedback:
        splits[FEEDBACK] = feedback.records
    if run.knobs.drawn:
        splits |= drawn_splits({part: _drawn_folder(run, part, progress) for part in SHARES})
    facts = _facts(run, splits, feedback)
    _check_against_record(run, facts)
    if keep_record:
        _record(run, facts)
    return splits


def photos_of(records: Sequence[Record], run: Run, progress: Progress, *, drawn: int = 0) -> Photos:
    """Decode the records' photos (once) in the run's cache, and add their labels; the last `drawn` are drawn."""
    with progress(len(records), "decoding") as done:
        return Photos(
            decoded(records, run.cache / "pixels", run.size, done=done), labels_of(records), measures_of(records), drawn
        )


def _roles(splits: dict[str, list[Record]], run: Run, progress: Progress) -> tuple[Photos, dict[str, Photos]]:
    """Decode what trains the network, and what it is scored on after each epoch."""
    real, held_out = splits["real-train"], {"val": splits["real-validation"]}
    if run.knobs.learn_from_validation:
        real, held_out = real + splits["real-validation"], {}
    if "drawn-validation" in splits:
        held_out["drawn_val"] = splits["drawn-validation"]
    drawn = splits.get("drawn-train", [])
    scored = {name: photos_of(records, run, progress) for name, records in held_out.items()}
    learning = photos_of(real + splits.get(FEEDBACK, []) + drawn, run, progress, drawn=len(drawn))
    return replace(learning, measures=standardised(learning.measures)), scored


def teachers_of(run: Run, splits: dict[str, list[Record]]) -> Teachers | None:
    """Load all networks that teach this run; None where it learns alone.

    Raises OtherPhotosError for one that has seen photos which must stay unseen, UnfinishedRunError where there is none.
    """
    learnt = [network for folder in run.teachers for network in _Learnt.all_of(folder)]
    for teacher in learnt:
        teacher.check(run, splits)
    if not learnt:
        return None
    factors = [teacher.knobs.enlarge / run.knobs.enlarge for teacher in learnt]
    return Teachers([teacher.network for teacher in learnt], factors)


def _name_of(teacher: Path) -> str:
    if not (teacher / FACTS).exists():
        return teacher.name
    facts = json.loads((teacher / FACTS).read_text(encoding="utf-8"))
    return f"{facts['name']}/{facts['version']}"


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A network that can teach, with what is known of the photos that it has learnt from."""

    folder: Path
    network: torch.nn.Module
    knobs: Knobs
    data: dict[str, Any]
    """Hashes: of the whole split data set, and of the photos that it has not seen."""

    @classmethod
    def all_of(cls, folder: Path) -> list[Self]:
        """Load a finished run, or every network of a released model."""
        if (folder / _RECORD).exists():
            run = Run.recorded(folder)
            return [cls(folder, run.best_network(), run.knobs, _recorded_facts(folder))]
        if not (folder / FACTS).exists():
            raise UnfinishedRunError(f"{folder} holds neither a run nor a released model")
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        learnt = []
        for stated in networks_of(facts):
            knobs = Knobs.of(stated["hyperparameters"])
            network = network_of(knobs.architecture, read(folder / stated["weights"]))
            learnt.append(cls(folder, network, knobs, facts["data"]))
        return learnt

    def check(self, run: Run, splits: dict[str, list[Record]]) -> None:
        """Refuse a teacher that has seen photos which must stay unseen: its opinions would carry them over."""
        same_photos = self.data["manifest_sha256"] == manifest_sha256(splits)
        kept_the_same_unseen = same_photos or self.data.get("unseen_sha256") == unseen_sha256(splits)
        knows_validation = self.knobs.learn_from_validation and not run.knobs.learn_from_validation
        if not kept_the_same_unseen or knows_validation:
            raise OtherPhotosError(
                f"{self.folder} has learnt from other photos than this run may see: give both one seed and data"
            )


def unseen_sha256(splits: dict[str, list[Record]]) -> str:
    """Identify the photos that no run on these splits learns from, whatever its knobs."""
    return manifest_sha256({name: splits[name] for name in ("real-calibration", "real-test")})


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


def _facts(run: Run, splits: dict[str, list[Record]], feedback: Taken | None) -> dict[str, Any]:
    return {
        "data": str(run.data.resolve()),
        "cache": str(run.cache.resolve()),
        "knobs": asdict(run.knobs),
        "backbone_source": source_of(run.backbone_weights, run.backbone_source),
        "git_commit": run.git_commit,
        "averaged": run.averaged,
        "teachers": [str(teacher.resolve()) for teacher in run.teachers],
        "teachers_names": run.teachers_names,
        "manifest_sha256": manifest_sha256(splits),
        "unseen_sha256": unseen_sha256(splits),
        "classes": {name: class_counts(records) for name, records in splits.items()},
        **({"feedback": _of_feedback(run, feedback)} if feedback else {}),
    }


def _of_feedback(run: Run, feedback: Taken) -> dict[str, Any]:
    """Tell what the run learns from feedback, and what of it was kept away from it."""
    return {
        "folders": [str(folder.resolve()) for folder in run.feedback],
        "photos": len(feedback.records),
        "left_out": feedback.left_out,
        "goods_unknown": feedback.goods_unknown,
        "asked": feedback.asked,
    }


def _told(feedback: dict[str, Any]) -> str:
    """Say in one line what the run learns from feedback, and why not from more."""
    left_out = "".join(f"; {number} left out: {why}" for why, number in feedback["left_out"].items())
    return f"feedback: {feedback['photos']} photos, {feedback['goods_unknown']} of goods not named{left_out}"


def _recorded_facts(out: Path) -> dict[str, Any]:
    record = out / _RECORD
    if not record.exists():
        raise UnfinishedRunError(f"{out} holds no run")
    facts: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return facts


def _check_against_record(run: Run, facts: dict[str, Any]) -> None:
    if (run.out / PRETRAINING).exists():
        raise OtherRunError(f"{run.out} holds a pretraining: choose another folder")
    if (run.out / _RECORD).exists():
        before = _recorded_facts(run.out)
        differing = [fact for fact in ("knobs", "teachers", "manifest_sha256") if before[fact] != facts[fact]]
        if differing:
            raise OtherRunError(f"{run.out} holds a run with other {' and '.join(differing)}: choose another folder")


def _record(run: Run, facts: dict[str, Any]) -> None:
    if not (run.out / _RECORD).exists():
        run.out.mkdir(parents=True, exist_ok=True)
        _write_record(run.out, facts)


def _write_record(out: Path, facts: dict[str, Any]) -> None:
    (out / _RECORD).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
