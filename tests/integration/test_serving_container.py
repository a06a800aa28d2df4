"""The endpoint's image without Docker: every step that needs none, in a folder, and then the server as it would start.

Packages are this interpreter's own; with BINCHECK_DOWNLOAD set, they are downloaded and checked as the build does it.
What only Docker can show is not shown: the base image, the user, the read-only file system.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from local.processes import free_port
from tests.conformance_caller import answered, invoked, over_http
from tests.dockerfile import DOCKERFILE, Image, stages
from tests.serving_fixtures import drawn, encoded
from tests.serving_processes import answers
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

STAGES = stages(DOCKERFILE.read_text(encoding="utf-8"))
DOWNLOAD = "BINCHECK_DOWNLOAD" in os.environ


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image that carries the released model."""
    built = Image(tmp_path_factory.mktemp("image"), {})
    built.build(STAGES["dependencies"], download=DOWNLOAD)
    built.build(STAGES["with-model"], download=DOWNLOAD)
    return built


@contextmanager
def started(image: Image, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the image's entry point as SageMaker does, but for the address: a test binds loopback only."""
    (entry,) = (step.listed() for step in STAGES["with-model"] if step.name == "ENTRYPOINT")
    command = [image.inside("/opt/server/bin/") + entry[0], *entry[1:], "serve", "--host", "127.0.0.1"]
    with subprocess.Popen(command, cwd=image.inside("/opt/bincheck/"), env=environment(image, port)) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def environment(image: Image, port: int) -> dict[str, str]:
    nowhere = str(image.root / "nowhere")
    given = {"SAGEMAKER_BIND_TO_PORT": str(port), "SM_MODEL_DIR": image.inside("/opt/ml/model")}
    return image.environment | given | {"HOME": nowhere, "TMPDIR": nowhere}


def healthy(image: Image, port: int) -> bool:
    (check,) = (step.text for step in STAGES["with-model"] if step.name == "HEALTHCHECK")
    python, *rest = check[check.index("[") + 1 : -1].replace('"', "").split(", ")
    command = [image.inside("/opt/server/bin/") + python, *rest]
    asked = subprocess.run(
        command, cwd=image.inside("/opt/bincheck/"), env=environment(image, port), check=False, timeout=30
    )
    return asked.returncode == 0


def test_the_image_counts_is_healthy_writes_nothing_and_ends_when_told(image: Image) -> None:
    port = free_port()
    before = image.tree()
    assert not healthy(image, port), "nobody listens yet"

    with started(image, port) as server:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        said = answered(invoked(over_http(f"http://127.0.0.1:{port}"), encoded(drawn())))
        assert healthy(image, port)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in {0, -signal.SIGTERM}

    assert said["model"].startswith("bin-counter/")
    assert image.tree() == before, "its file system may be read-only"


def test_the_image_holds_the_server_and_nothing_else_of_the_project(image: Image) -> None:
    code = image.root / "opt" / "bincheck"
    files = {path.relative_to(code).parent.as_posix() for path in code.rglob("*.py")}

    assert files == {"training", "training/serving"}
    assert [path.name for path in code.glob("training/*.py")] == ["__init__.py"]
    assert {path.name for path in model_folder(image).iterdir()} == {"model.onnx", "model.json", "MODEL_CARD.md"}


def model_folder(image: Image) -> Path:
    return image.root / "opt" / "ml" / "model"
