"""The bundle that a job's container unpacks, and the script in it that AWS's toolkit starts."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import training
from training.jobs.entry import arguments
from training.jobs.source import bundle

PACKAGE = Path(training.__file__).parent
PINNED = (PACKAGE.parent / "requirements" / "training.txt").read_text(encoding="utf-8")


@pytest.fixture
def small_package(tmp_path: Path) -> Path:
    package = tmp_path / "training"
    (package / "jobs" / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "space.json", "jobs/entry.py", "jobs/requirements.txt", "jobs/__pycache__/x.pyc"):
        (package / name).write_text(name, encoding="utf-8")
    return package


def names_in(body: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return archive.getnames()


def test_the_bundle_holds_the_package_and_on_top_the_entry_and_the_requirements(small_package: Path) -> None:
    assert names_in(bundle(small_package).body) == [
        "entry.py",
        "requirements.txt",
        "training/__init__.py",
        "training/jobs/entry.py",
        "training/jobs/requirements.txt",
        "training/space.json",
    ]


def test_the_same_content_is_the_same_bundle_whenever_it_was_written(small_package: Path) -> None:
    before = bundle(small_package)
    os.utime(small_package / "space.json", (0, 0))

    assert bundle(small_package) == before


def test_other_content_is_another_bundle(small_package: Path) -> None:
    before = bundle(small_package)
    (small_package / "space.json").write_text("{}", encoding="utf-8")

    assert bundle(small_package).name != before.name


def test_the_name_does_not_depend_on_how_well_the_archive_is_compressed(small_package: Path) -> None:
    packed = bundle(small_package)

    assert packed.name.endswith(".tar.gz")
    assert packed.body[4:8] == bytes(4), "gzip's time"
    assert gzip.decompress(packed.body)


def test_what_a_job_installs_is_pinned_as_everywhere_else_and_torch_is_not_among_it() -> None:
    lines = (PACKAGE / "jobs" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    everywhere = PINNED + (PACKAGE.parent / "requirements" / "serving.txt").read_text(encoding="utf-8")

    assert pins
    assert all(f"\n{pin} " in everywhere for pin in pins)
    assert not any(pin.startswith("torch") for pin in pins)


def test_the_unpacked_bundle_trains_by_itself_and_knows_every_option_that_its_entry_gives(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(bundle().body)) as archive:
        archive.extractall(tmp_path, filter="data")
    command = [sys.executable, "entry.py", "--help", "True"]
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "200", "SM_MODEL_DIR": str(tmp_path)}

    outcome = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr
    channels = {"SM_CHANNEL_FEEDBACK_1": "feedback", "SM_CHANNEL_TEACHER_1": "teacher"}
    given = arguments(["--learning-rate", "0.001"], channels, [Path("weights.pth")])
    assert all(name in outcome.stdout for name in given if name.startswith("--"))


def test_the_entry_adds_the_containers_folders() -> None:
    given = arguments(["--epochs", "20"], {"TRAINING_JOB_NAME": "night-train"}, [Path("/opt/backbone/weights.pth")])

    assert given == [
        *("--checkpoints", "/opt/ml/checkpoints/night-train"),
        *("--cache", "/tmp/bincheck"),  # noqa: S108 - in the container
        *("--backbone-weights", "/opt/backbone/weights.pth"),
        *("--epochs", "20"),
    ]


def test_the_entry_hands_over_feedback_and_teachers_in_the_order_of_their_numbers() -> None:
    numbers = range(1, 12)
    environment = {f"SM_CHANNEL_TEACHER_{number}": f"/opt/teacher_{number}" for number in sorted(numbers, key=str)}
    given = arguments(
        [], {"SM_CHANNEL_FEEDBACK_1": "/opt/feedback_1", "SM_CHANNEL_TRAINING": "/opt/t"} | environment, []
    )

    teachers = [word for number in numbers for word in ("--teacher", f"/opt/teacher_{number}")]
    assert given[4:] == ["--feedback", "/opt/feedback_1", *teachers]


def test_the_trainings_of_a_tuning_job_keep_their_checkpoints_apart() -> None:
    first, second = (arguments([], {"TRAINING_JOB_NAME": name}, []) for name in ("tune-001", "tune-002"))

    assert first != second


@pytest.mark.parametrize(
    ("value", "option"),
    [
        ("True", ["--learn-from-validation"]),
        ("False", ["--no-learn-from-validation"]),
        ("0.5", ["--learn-from-validation", "0.5"]),
    ],
)
def test_a_hyperparameter_that_is_true_or_false_becomes_a_switch(value: str, option: list[str]) -> None:
    assert arguments(["--learn-from-validation", value], {}, [])[4:] == option
