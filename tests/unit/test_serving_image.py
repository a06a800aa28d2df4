"""The endpoint's image as its Dockerfile states it: small, unprivileged, repeatable, as SageMaker starts it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dockerfile import DOCKERFILE, PROJECT, copied, let_through, stages
from training.serving.__main__ import arguments

STAGES = stages(DOCKERFILE.read_text(encoding="utf-8"))
IGNORED = (PROJECT / ".dockerignore").read_text(encoding="utf-8")
LOCK = (PROJECT / "requirements" / "serving.lock").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)


def last(stage: str, name: str) -> str:
    return [step.text for step in STAGES[stage] if step.name == name][-1]


@pytest.mark.parametrize("stage", ["server", "with-model"])
def test_it_runs_without_rights(stage: str) -> None:
    user, group = map(int, last(stage, "USER").split(":"))

    assert min(user, group) > 1000


def test_what_runs_is_what_sagemaker_starts() -> None:
    entry = [step.listed() for step in STAGES["server"] if step.name == "ENTRYPOINT"][-1]

    assert entry == ["python", "-m", "training.serving"]
    assert arguments(["serve"], {}).model == Path("/opt/ml/model")
    assert "accept-bind-to-port" in last("server", "LABEL")
    assert last("server", "EXPOSE") == str(arguments(["serve"], {}).port)


def test_the_base_is_a_slim_python_of_a_version_that_the_project_knows() -> None:
    assert re.fullmatch(r"BASE=python:3\.1[123]-slim-[a-z]+", STAGES[""][0].text)


def test_only_what_is_copied_is_sent_to_the_builder() -> None:
    steps = [step for stage in STAGES.values() for step in stage if step.name == "COPY" and "--from" not in step.text]
    patterns = {source.replace("${MODEL}", "models/*") for step in steps for source in copied(step)[0]}

    assert {line for line in IGNORED.splitlines() if line.startswith("!")} == {f"!{one}" for one in patterns}


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("training/serving/server.py", True),
        ("models/bin-counter/model.onnx", True),
        ("models/bin-counter/weights-1.pt", False),
        ("training/train.py", False),
        (".git/config", False),
        ("requirements.txt", False),
    ],
)
def test_the_builder_sees_the_server_and_a_model_and_nothing_else(path: str, sent: bool) -> None:  # noqa: FBT001
    assert let_through(path, IGNORED) is sent


def test_the_lock_has_the_versions_that_everything_else_runs_on() -> None:
    locked = dict(REQUIREMENT.findall(LOCK))
    known = dict(REQUIREMENT.findall((PROJECT / "requirements" / "constraints.txt").read_text(encoding="utf-8")))
    asked = dict(REQUIREMENT.findall((PROJECT / "requirements" / "serving.txt").read_text(encoding="utf-8")))

    assert asked.items() <= locked.items() <= known.items(), "make requirements/serving.lock again, as its head says"


def test_every_package_is_known_by_its_hash() -> None:
    entries = re.split(r"\n(?=[a-z])", LOCK)[1:]

    assert len(entries) == len(REQUIREMENT.findall(LOCK))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
