"""What AWS's training toolkit starts in a job's container: `train`, with the container's folders.

The toolkit hands over hyperparameters as `--name value` and folders as SM_* variables. This file lies at the top of
the bundle, beside the package `training`, and is the only one that knows the container's layout.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

CHECKPOINTS = Path("/opt/ml/checkpoints")
"""SageMaker copies this folder to S3 while the job runs, and back before an interrupted job goes on."""

SEVERAL = {"--feedback": "feedback", "--teacher": "teacher"}
"""Options that may be repeated, and what their channels are called."""

CACHE = Path("/tmp/bincheck")  # noqa: S108 - the container is ours alone, and this is its largest disk
"""Decoded photos; lost when the job ends, which is all right."""


def arguments(hyperparameters: Sequence[str], environment: Mapping[str, str], backbone: Iterable[Path]) -> list[str]:
    """Give `train`'s arguments.

    Args:
        hyperparameters: pairs of --name and value.
        environment: the container's.
        backbone: the files of the channel of that name.

    """
    # Trainings of one tuning job may share a place in S3: each keeps to a folder of its own name.
    checkpoints = CHECKPOINTS / environment.get("TRAINING_JOB_NAME", "job")
    folders = [("--backbone-weights", str(file)) for file in backbone]
    folders += [(option, folder) for option in SEVERAL for folder in _channels(environment, SEVERAL[option])]
    given = [word for pair in folders for word in pair]
    return ["--checkpoints", str(checkpoints), "--cache", str(CACHE), *given, *_options(hyperparameters)]


def _channels(environment: Mapping[str, str], name: str) -> list[str]:
    """Give the folders of the channels called `name_1`, `name_2` and so on, in the order of their numbers."""
    start = f"SM_CHANNEL_{name.upper()}_"
    numbers = (int(variable.removeprefix(start)) for variable in environment if variable.startswith(start))
    return [environment[f"{start}{number}"] for number in sorted(numbers)]


def _options(pairs: Sequence[str]) -> Iterator[str]:
    """Turn `--switch True` into `--switch`: hyperparameters always have a value, switches never."""
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if value == "True":
            yield name
        elif value == "False":
            yield f"--no-{name.removeprefix('--')}"
        else:
            yield from (name, value)


def _files(folder: str | None) -> list[Path]:
    return sorted(file for file in Path(folder).iterdir() if file.is_file()) if folder else []


if __name__ == "__main__":
    from training.__main__ import main

    found = _files(os.environ.get("SM_CHANNEL_BACKBONE"))
    sys.argv[1:] = ["train", *arguments(sys.argv[1:], os.environ, found)]
    main()
