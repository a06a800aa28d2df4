"""From a finished run to the released model: calibrate, export, test, and say what it is.

    model.onnx      the graph that is served
    weights.pt      the same network's state dict, matrices as float16, to train on from
    model.json      the facts: preprocessing, temperature, prior, metrics, hyperparameters, data, commit
    MODEL_CARD.md   the same for people

All is made in a folder beside, and put in place at the end, `model.json` last: without it nothing is served, so a
release that was interrupted is none.

The test splits are looked at here and nowhere else in training.
"""

import json
import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from training.bootstrap import group_numbers
from training.calibrate import Calibration, compare, earned, fit, fit_temperature, negative_log_likelihood
from training.card import model_card
from training.data_card_text import Source
from training.dataset import labels_of
from training.evaluate import load, probabilities_of
from training.export import export
from training.network import IMAGENET_MEAN, IMAGENET_STD, load_weights
from training.progress import Progress
from training.records import CLASSES, Record, class_counts, class_mix, manifest_sha256
from training.run import Run, gather, photos_of, unseen_sha256
from training.scores import Protocol, Scores, score
from training.serving.images import RESAMPLING
from training.serving.model import FACTS, NETWORK
from training.train import logits_of

NAME: Final = "bin-counter"

_BESIDE_THE_FACTS: Final = (NETWORK, "weights.pt", "MODEL_CARD.md")

Metrics = dict[str, list[Scores]]
"""By kind of photo (`real-test`, `drawn-test`), one entry per protocol."""


def package(  # noqa: PLR0913 - what is released, under which name, and how it shows itself
    run: Run, out: Path, version: str, created: datetime, *, source: Source = Source.ABID, progress: Progress
) -> Metrics:
    """Write the released model of a finished run into `out`; returns how it did, by kind of photo.

    `source` tells whose photos it has learnt from, for the card's paragraph on their licence.

    Raises UnfinishedRunError where the run has not come to its end, OtherRunError where its photos have changed,
    and ExportMismatchError where the graph and torch disagree.
    """
    splits = gather(run, progress)
    network = run.best_network()
    weights = _rounded(network.state_dict())
    network = load_weights(network, weights)
    calibration, calibrated = _calibrated(network, run, splits, progress)

    unfinished = _fresh_folder_beside(out)
    difference = export(network, calibration, run.size, unfinished / NETWORK)
    torch.save(weights, unfinished / "weights.pt")
    facts = {
        "name": NAME,
        "version": version,
        "classes": list(CLASSES),
        "preprocessing": _preprocessing(run.size),
        "temperature": calibration.temperature,
        "prior": class_mix(splits["real-train"]),
        "calibration": calibrated,
        "largest_difference_from_torch": difference,
        "hyperparameters": asdict(run.knobs)
        | {"backbone_source": run.backbone_source, "teachers": run.teachers_names, "averaged": run.averaged},
        "data": {
            "source": source.value,
            "manifest_sha256": manifest_sha256(splits),
            "unseen_sha256": unseen_sha256(splits),
            "classes_per_split": {name: class_counts(records) for name, records in splits.items()},
        },
        "git_commit": run.git_commit,
        "created": created.isoformat(timespec="seconds"),
    }
    _write_json(facts, unfinished)  # the tests go through the released package, which needs its facts
    metrics = _metrics(unfinished, splits, progress)
    facts["metrics"] = {part: {s.protocol: asdict(s) for s in scores} for part, scores in metrics.items()}
    _write_json(facts, unfinished)
    (unfinished / "MODEL_CARD.md").write_text(model_card(facts), encoding="utf-8")
    _put_in_place(unfinished, out)
    return metrics


def _fresh_folder_beside(out: Path) -> Path:
    """Make an empty folder for what is not finished, on the same file system; drop what an interruption left there."""
    unfinished = out.resolve().with_name(f"{out.resolve().name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _put_in_place(finished: Path, out: Path) -> None:
    """Move the release to where it belongs; between an earlier one's end and its own beginning there is none."""
    out.mkdir(parents=True, exist_ok=True)
    (out / FACTS).unlink(missing_ok=True)
    for name in (*_BESIDE_THE_FACTS, FACTS):
        (finished / name).replace(out / name)
    finished.rmdir()


def _preprocessing(size: tuple[int, int]) -> dict[str, Any]:
    return {
        "size": list(size),
        "resample": RESAMPLING.name.lower(),
        "colour": "RGB",
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "in_graph": ["scale to 0..1", "mean and std", "mirrored second view", "calibration", "softmax"],
    }


def _rounded(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Round the weights to what is stored: matrices and kernels as float16, which halves them.

    Vectors stay float32: batch norm's variances leave float16's range. Rounding comes before calibration and
    export, so that the stored weights and the graph are the same network.
    """
    return {name: tensor.half() if tensor.ndim > 1 else tensor for name, tensor in weights.items()}


def _calibrated(
    network: torch.nn.Module, run: Run, splits: dict[str, list[Record]], progress: Progress
) -> tuple[Calibration, dict[str, Any]]:
    """Fit the calibration that earns its parameters to the real photos, and tell how that was found.

    Drawn photos are only asked for the temperature that they would want: the model is for real ones.
    """
    logits, labels = _calibration_photos(network, "real", run, splits, progress)
    compared = compare(logits, labels, group_numbers(splits["real-calibration"]), run.knobs.seed)
    method = earned(compared)
    calibration = fit(method, logits, labels)
    facts = {
        "method": method.value,
        **asdict(calibration),
        "n": len(labels),
        "compared": [asdict(one) for one in compared],
        "loss_before": negative_log_likelihood(logits, labels, 1.0),
    }
    if "drawn-calibration" in splits:
        facts["drawn_temperature"] = fit_temperature(*_calibration_photos(network, "drawn", run, splits, progress))
    return calibration, facts


def _calibration_photos(
    network: torch.nn.Module, kind: str, run: Run, splits: dict[str, list[Record]], progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    photos = photos_of(splits[f"{kind}-calibration"], run, progress)
    return logits_of(network, photos, torch.device("cpu")).numpy(), photos.labels


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
