"""From finished runs to the released model: calibrate, export, test, and say what it is.

    model.onnx      the graph that is served
    weights-1.pt    the weights of the network in it, to train on from (see `training.stored_weights`); a release of
                    several networks has one file for each
    baseline.json   how photos and answers were, for `watch` (see `training.watch.make`)
    model.json      the facts: preprocessing, networks, temperature, prior, metrics, data
    MODEL_CARD.md   the same for people

All is made in a folder beside, and put in place at the end, `model.json` last: without it nothing is served, so a
release that was interrupted is none.

The test splits are looked at here and nowhere else in training.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from training.bootstrap import group_numbers
from training.calibrate import Calibration, best, compare, fit, fit_temperature, negative_log_likelihood
from training.card import model_card
from training.data_card_text import Source
from training.dataset import labels_of
from training.errors import OtherPhotosError, UnusableModelError
from training.evaluate import load, probabilities_of
from training.graph import Graph, answers
from training.network import IMAGENET_MEAN, IMAGENET_STD, Viewing, Views, network_of
from training.pixels import Pixels
from training.progress import Progress
from training.quantise import ENOUGH
from training.records import CLASSES, Record, class_counts, class_mix, manifest_sha256
from training.released import WEIGHTS, weights_name
from training.run import Run, gather, photos_of, unseen_sha256
from training.scores import Protocol, Scores, score
from training.serving.images import RESAMPLING
from training.serving.model import FACTS, NETWORK
from training.stored_weights import restored, rounded, save
from training.watch.baseline import BASELINE
from training.watch.make import ORIGINALS, of_training

NAME: Final = "bin-counter"

Metrics = dict[str, list[Scores]]
"""By kind of photo (`real-test`, `drawn-test`), one entry per protocol."""


def package(  # noqa: PLR0913 - what is released, under which name, how, and how it shows itself
    runs: Sequence[Run],
    out: Path,
    version: str,
    created: datetime,
    *,
    source: Source = Source.ABID,
    eight_bits: bool = False,
    mirrored: bool = True,
    progress: Progress,
) -> Metrics:
    """Write the released model of finished runs into `out`; returns how it did, by kind of photo.

    Several runs make one model: the mean of their networks' logits. `source` tells whose photos they have learnt from,
    for the card's paragraph on their licence; `eight_bits` that the graph shall calculate in 8-bit integers, with
    ranges from photos that they have learnt from; `mirrored` that they shall look at each photo in the mirror as well.

    Raises UnfinishedRunError where a run has not come to its end, OtherRunError where its photos have changed,
    OtherPhotosError and UnusableModelError where runs differ in photos or in their size, and ExportMismatchError where
    the graph and torch disagree.
    """
    run, splits = runs[0], _splits_in_common(runs, progress)
    unfinished = _fresh_folder_beside(out)
    files = [unfinished / weights_name(number) for number, _ in enumerate(runs)]
    viewings = [Viewing(one.knobs.enlarge, mirrored) for one in runs]
    networks = [_stored(one, file, eight_bits=eight_bits) for one, file in zip(runs, files, strict=True)]
    ranges = _ranges(splits["real-train"], run, progress) if eight_bits else None
    graph = Graph(list(map(Views, networks, viewings)), run.size, ranges)
    calibration, calibrated = _calibrated(graph, run, splits, progress)
    difference = graph.write(calibration, unfinished / NETWORK)
    facts = {
        "name": NAME,
        "version": version,
        "classes": list(CLASSES),
        "preprocessing": _preprocessing(run.size),
        "networks": [
            {"weights": file.name, "viewing": asdict(viewing), **_origin(one)}
            for one, file, viewing in zip(runs, files, viewings, strict=True)
        ],
        "temperature": calibration.temperature,
        "prior": class_mix(splits["real-train"]),
        "calibration": calibrated,
        "largest_difference_from_torch": difference,
        "precision": graph.precision,
        "data": {
            "source": source.value,
            "manifest_sha256": manifest_sha256(splits),
            "unseen_sha256": unseen_sha256(splits),
            "classes_per_split": {name: class_counts(records) for name, records in splits.items()},
            **({"feedback": run.learnt_feedback} if run.learnt_feedback else {}),
        },
        "created": created.isoformat(timespec="seconds"),
    }
    _write_json(facts, unfinished)  # the tests go through the released package, which needs its facts
    if eight_bits:
        facts["quantisation"] = _quantisation(graph, calibration, unfinished / NETWORK, run, splits, progress)
    metrics = _metrics(unfinished, splits, progress)
    facts["metrics"] = {part: {s.protocol: asdict(s) for s in scores} for part, scores in metrics.items()}
    _write_json(facts, unfinished)
    real = {name.removeprefix("real-"): records for name, records in splits.items() if name.startswith("real-")}
    baseline = of_training(unfinished, real, run.data / ORIGINALS, progress)
    (unfinished / BASELINE).write_text(baseline.written() + "\n", encoding="utf-8")
    (unfinished / "MODEL_CARD.md").write_text(model_card(facts), encoding="utf-8")
    _put_in_place(unfinished, out)
    return metrics


def _splits_in_common(runs: Sequence[Run], progress: Progress) -> dict[str, list[Record]]:
    if len({run.size for run in runs}) > 1:
        raise UnusableModelError("runs for photos of several sizes make no model together: give `train` one --size")
    splits = [gather(run, progress) for run in runs]
    if any(one != splits[0] for one in splits):
        raise OtherPhotosError(
            "runs that were given different photos make no model together: give `train` the same --data, --feedback, "
            "--seed and --drawn"
        )
    return splits[0]


def _stored(run: Run, file: Path, *, eight_bits: bool) -> torch.nn.Module:
    """Store a run's weights and give the network that has them: rounding comes before calibration and export."""
    stored = rounded(run.best_network().state_dict(), eight_bits=eight_bits)
    save(stored, file)
    return network_of(run.knobs.architecture, restored(stored))


def _origin(run: Run) -> dict[str, Any]:
    """Say of a network where it comes from, as `training.released` describes it."""
    return {
        "hyperparameters": asdict(run.knobs),
        "backbone_source": run.backbone_source,
        "teachers": run.teachers_names,
        "averaged": run.averaged,
        "git_commit": run.git_commit,
    }


def _fresh_folder_beside(out: Path) -> Path:
    """Make an empty folder for what is not finished, on the same file system; drop what an interruption left there."""
    unfinished = out.resolve().with_name(f"{out.resolve().name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _put_in_place(finished: Path, out: Path) -> None:
    """Move the release to where it belongs; between an earlier one's end and its own beginning there is none."""
    out.mkdir(parents=True, exist_ok=True)
    for former in (out / FACTS, *out.glob(WEIGHTS)):
        former.unlink(missing_ok=True)
    for file in sorted(finished.iterdir(), key=lambda file: file.name == FACTS):
        file.replace(out / file.name)
    finished.rmdir()


def _preprocessing(size: tuple[int, int]) -> dict[str, Any]:
    return {
        "size": list(size),
        "resample": RESAMPLING.name.lower(),
        "colour": "RGB",
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "in_graph": ["scale to 0..1", "mean and std", "views", "mean of the logits", "calibration", "softmax"],
    }


def _ranges(records: list[Record], run: Run, progress: Progress) -> Pixels:
    """Choose the photos from which an 8-bit network takes the ranges of its values: evenly spread over all."""
    every = max(len(records) // ENOUGH, 1)
    return photos_of(records[::every][:ENOUGH], run, progress).pixels


def _quantisation(  # noqa: PLR0913, PLR0917 - what is compared, and on what
    graph: Graph, calibration: Calibration, file: Path, run: Run, splits: dict[str, list[Record]], progress: Progress
) -> dict[str, Any]:
    """Tell what 8 bits have changed, on the validation photos, under one and the same calibration."""
    photos = photos_of(splits["real-validation"], run, progress)
    precise = file.with_name("precise.onnx")
    replace(graph, ranges=None).write(calibration, precise)
    before, after = answers(precise, photos.pixels), answers(file, photos.pixels)
    precise.unlink()
    change = np.abs(after - before)
    seed = [score(one, photos.labels, Protocol.SEED) for one in (before, after)]
    return {
        "photos": len(graph.ranges) if graph.ranges is not None else 0,
        "largest_change": float(change.max()),
        "mean_change": float(change.mean()),
        "seed_accuracy": [one.accuracy for one in seed],
        "seed_loss": [one.loss for one in seed],
    }


def _calibrated(
    graph: Graph, run: Run, splits: dict[str, list[Record]], progress: Progress
) -> tuple[Calibration, dict[str, Any]]:
    """Fit the calibration that does best to the real photos, and tell how that was found.

    Drawn photos are only asked for the temperature that they would want: the model is for real ones.
    """
    photos = photos_of(splits["real-calibration"], run, progress)
    logits, labels = graph.logits(photos.pixels), photos.labels
    compared = compare(logits, labels, group_numbers(splits["real-calibration"]), run.knobs.seed)
    method = best(compared)
    calibration = fit(method, logits, labels)
    facts = {
        "method": method.value,
        **asdict(calibration),
        "n": len(labels),
        "compared": [asdict(one) for one in compared],
        "loss_before": negative_log_likelihood(logits, labels, 1.0),
    }
    if "drawn-calibration" in splits:
        drawn = photos_of(splits["drawn-calibration"], run, progress)
        facts["drawn_temperature"] = fit_temperature(graph.logits(drawn.pixels), drawn.labels)
    return calibration, facts


def _metrics(out: Path, splits: dict[str, list[Record]], progress: Progress) -> Metrics:
    counter = load(out)
    metrics: Metrics = {}
    for part in ("real-validation", "real-test", "drawn-test"):
        if part not in splits:
            continue
        probabilities = probabilities_of(counter, splits[part], progress)
        labels = labels_of(splits[part])
        metrics[part] = [score(probabilities, labels, protocol) for protocol in Protocol]
    return metrics


def _write_json(facts: dict[str, Any], out: Path) -> None:
    (out / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
