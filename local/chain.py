"""The whole way from a bucket of photos to a released model, on this machine, as command lines that a user would type.

Each stage is a process of its own in the training environment. It finds the local S3 as it would find Amazon's, by
its environment, and a bucket there that is open to everybody like the real one. Nothing is skipped here: run again
in the same folder, a stage that is complete sees that by itself. The networks are small and the runs short: this shows
that the stages fit together, not how well one can count.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from local.emulator import REGION, emulator
from local.plan import NoPhotos
from training.drawn import drawn_counts, write_bins
from training.fetch.choice import place
from training.fetch.sources import METADATA, metadata_name, photo_name
from training.released import networks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.emulator import Emulator

PUBLIC_BUCKET: Final = "aft-vbi-pds"
_PRIVATE: Final = "s3://bincheck-chain/split-1"
_RELEASED: Final = Path("models/bin-counter")
_SEED: Final = 2026
_FEW_STEPS: Final = ("--ema-decay", "0.8")
"""A dozen steps would hardly move an average that is made for a thousand."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One command line of `python -m training`."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """The weights that training starts from, their architecture, and their origin for the model card."""

    architecture: str
    weights: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Bins:
    """What the bucket is to hold: these bins of a data folder, and what `split` calls their source."""

    folder: Path
    ids: tuple[str, ...]
    source: str

    @classmethod
    def of(cls, folder: Path, number: int) -> Self:
        """Take so many bins of a folder of photos of the public data set; raises NoPhotos where it has none."""
        metadata = (folder / METADATA).glob("*.json")
        pairs = [file.stem for file in metadata if (folder / photo_name(file.stem)).is_file()]
        if not pairs:
            raise NoPhotos(f"{folder} holds no pair of bin-images/<id>.jpg and metadata/<id>.json")
        return cls(folder, tuple(sorted(pairs, key=lambda image_id: place(image_id, _SEED))[:number]), "abid")

    @classmethod
    def drawn(cls, folder: Path, number: int) -> Self:
        """Draw so many bins into a folder."""
        return cls(folder, tuple(write_bins(folder, drawn_counts(number, _SEED), _SEED)), "drawn")


def start_from(weights: Path | None) -> Start:
    """Start from a file of mobilenet_v2's weights; without one, from the released model's smallest network."""
    if weights is not None:
        return Start("mobilenet_v2", weights, weights.name)
    facts = json.loads((_RELEASED / "model.json").read_text(encoding="utf-8"))
    origin = f"{facts['name']}/{facts['version']}, which may have learnt from these very photos"
    smallest = min(networks_of(facts), key=lambda network: (_RELEASED / network["weights"]).stat().st_size)
    return Start(smallest["hyperparameters"]["architecture"], _RELEASED / smallest["weights"], origin)


def stages(out: Path, bins: Bins, start: Start) -> list[Stage]:
    """List every stage from the bucket with these bins to the report, leaving all that they make in `out`."""

    def at(name: str) -> str:
        return str(out / name)

    data, cache = ("--data", at("bins")), ("--cache", at("cache"))
    backbone = ("--backbone-weights", str(start.weights), "--backbone-source", start.origin)
    small = ("--architecture", start.architecture, "--size", "96", "--small-size", "64", "--drawn", "0", *_FEW_STEPS)
    learning = (*data, "--best", at("study/best.json"), "--epochs", "3", "--small-epochs", "2", *backbone, *cache)
    private = ("--data", at("split"), "--to", _PRIVATE)
    return [
        Stage("fetch", ("--out", at("bins"), "--count", str(len(bins.ids)))),
        Stage("split", (*data, "--out", at("split"), "--source", bins.source)),
        Stage("upload", (*private, "--create")),
        Stage("upload", (*private, "--verify")),
        Stage("tune", (*data, "--out", at("study"), "--trials", "3", "--epochs", "1", *small, *backbone, *cache)),
        Stage("train", ("--out", at("run"), *learning)),
        Stage("train", ("--out", at("run-ordinal"), "--loss", "ordinal", *learning)),
        Stage("ensemble", ("--run", at("run"), "--run", at("run-ordinal"), "--soup", at("soup"))),
        Stage("package", ("--run", at("soup"), "--out", at("model"), "--archive", at("model.tar.gz"))),
        Stage("evaluate", ("--model", at("model"), *data, "--protocol", "seed", "--json")),
        Stage("report", ("--model", at("model"), *data, "--split", "test", "--out", at("report"), *cache)),
    ]


@contextmanager
def public_bucket(logs: Path, bins: Bins) -> Iterator[dict[str, str]]:
    """Run a local S3 whose public bucket holds these bins; yields what AWS's tools have to find in the environment."""
    with emulator(logs) as here:
        _fill(here, bins)
        settings = {
            "AWS_ENDPOINT_URL_S3": here.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }
        for name, value in settings.items():
            print(f"$ export {name}={value}")
        yield settings


def carry_out(wanted: Sequence[Stage], python: Path, settings: Mapping[str, str]) -> int:
    """Run stages until one fails, each below its command line; returns 0, or the exit code of the one that failed.

    `settings` are added to their environment. Ends with a line of their seconds.
    """
    seconds: list[tuple[str, float]] = []
    code = 0
    for stage in wanted:
        command = [str(python), "-m", "training", stage.name, *stage.options]
        print(f"\n$ {shlex.join(command)}", flush=True)
        began = time.monotonic()
        code = subprocess.run(command, env=os.environ | settings, check=False).returncode
        seconds.append((stage.name, round(time.monotonic() - began, 1)))
        if code:
            break
    print(f"\nCHAIN {json.dumps({'exit_code': code, 'seconds': seconds})}")
    return code


def _fill(here: Emulator, bins: Bins) -> None:
    """Make a bucket with the public one's name, layout and openness, and put these bins into it."""
    s3 = here.client("s3")
    s3.create_bucket(Bucket=PUBLIC_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket=PUBLIC_BUCKET)
    s3.put_bucket_policy(Bucket=PUBLIC_BUCKET, Policy=json.dumps(_OPEN))

    def put(image_id: str) -> None:
        for name in (photo_name(image_id), metadata_name(image_id)):
            s3.put_object(Bucket=PUBLIC_BUCKET, Key=name, Body=(bins.folder / name).read_bytes())

    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(put, bins.ids):
            pass
    print(f"s3://{PUBLIC_BUCKET} on this machine holds {len(bins.ids)} bins")


_OPEN: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:ListBucket", "s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{PUBLIC_BUCKET}", f"arn:aws:s3:::{PUBLIC_BUCKET}/*"],
        }
    ],
}
