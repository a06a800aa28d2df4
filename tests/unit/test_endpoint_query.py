"""Photos to the endpoint, and what becomes of its answers."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from PIL import Image

import training.endpoint
from training.endpoint.account import Watch
from training.endpoint.config import EndpointConfig, parsed
from training.endpoint.query import ask, probability
from training.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = tomllib.loads((Path(training.endpoint.__file__).parent / "endpoint.example.toml").read_text(encoding="utf-8"))
ANSWER = {
    "model": "bin-counter/1",
    "counts": ["0", "1", "2", "3", "4", "5", "6+"],
    "probabilities": [0.0, 0.1, 0.2, 0.4, 0.1, 0.1, 0.1],
    "prior": [1 / 7] * 7,
    "prediction": "3",
}
OUT, FAILED = "s3://example-bincheck-models/out/1.out", "s3://example-bincheck-models/failed/1.out"
WATCH = Watch(print, lambda _: None, 1.0)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "bin.jpg"
    Image.new("RGB", (32, 32), "grey").save(file)
    return file


def config(mode: str) -> EndpointConfig:
    plain = {name: table for name, table in EXAMPLE.items() if name not in {"scaling", "capture"}}
    return parsed(plain | {"endpoint": EXAMPLE["endpoint"] | {"mode": mode}})


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def body(answer: Any) -> StreamingBody:
    text = json.dumps(answer).encode()
    return StreamingBody(io.BytesIO(text), len(text))


def nobody(_: str) -> Any:
    raise AssertionError


def asked_asynchronously(photo: Path, expect: Callable[[Stubber], None], patience: float = 60.0) -> dict[str, Any]:
    s3, objects = stubbed("s3")
    runtime, calls = stubbed("sagemaker-runtime")
    objects.add_response("put_object", {})
    accepted = {"InferenceId": "1", "OutputLocation": OUT, "FailureLocation": FAILED}
    calls.add_response(
        "invoke_endpoint_async",
        accepted,
        {"EndpointName": "bin-counter", "InputLocation": ANY, "ContentType": "image/jpeg"},
    )
    expect(objects)
    clients = {"s3": s3, "sagemaker-runtime": runtime}
    return ask(clients.__getitem__, config("asynchronous"), photo, WATCH, patience)


def test_the_answer_comes_with_how_sure_it_is(photo: Path) -> None:
    runtime, calls = stubbed("sagemaker-runtime")
    expected = {"EndpointName": "bin-counter", "Body": photo.read_bytes(), "ContentType": "image/jpeg"}
    calls.add_response("invoke_endpoint", {"Body": body(ANSWER)}, expected)

    answer = ask(lambda _: runtime, config("real-time"), photo, WATCH, 60.0)

    assert (answer["prediction"], probability(answer)) == ("3", 0.4)


def test_the_models_refusal_is_told_with_the_photo(photo: Path) -> None:
    runtime, calls = stubbed("sagemaker-runtime")
    calls.add_client_error("invoke_endpoint", "ModelError", "Received client error (422): truncated")

    with pytest.raises(NoAnswerError, match=r"bin\.jpg: .*\(422\): truncated"):
        ask(lambda _: runtime, config("real-time"), photo, WATCH, 60.0)


@pytest.mark.parametrize(("mode", "most"), [("real-time", 6), ("serverless", 4)])
def test_what_sagemaker_would_not_take_is_not_sent(tmp_path: Path, mode: str, most: int) -> None:
    file = tmp_path / "large.jpg"
    file.write_bytes(bytes(most * 1024**2 + 1))

    with pytest.raises(NoAnswerError, match=f"a {mode} endpoint takes {most} MB"):
        ask(nobody, config(mode), file, WATCH, 60.0)


def test_what_is_no_photo_is_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no photo", encoding="utf-8")
    runtime, _ = stubbed("sagemaker-runtime")

    with pytest.raises(NoAnswerError, match=r"notes\.txt"):
        ask(lambda _: runtime, config("real-time"), file, WATCH, 60.0)


def test_an_asynchronous_answer_is_waited_for(photo: Path) -> None:
    def sleeps_first(objects: Stubber) -> None:
        for _ in (OUT, FAILED):
            objects.add_client_error("get_object", "NoSuchKey")
        objects.add_response("get_object", {"Body": body(ANSWER)})

    assert asked_asynchronously(photo, sleeps_first)["prediction"] == "3"


def test_an_asynchronous_failure_is_told(photo: Path) -> None:
    def fails(objects: Stubber) -> None:
        objects.add_client_error("get_object", "NoSuchKey")
        objects.add_response("get_object", {"Body": body("the model failed")})

    with pytest.raises(NoAnswerError, match="the model failed"):
        asked_asynchronously(photo, fails)


def test_patience_ends_and_says_where_the_answer_will_be(photo: Path) -> None:
    def sleeps(objects: Stubber) -> None:
        for _ in range(4):
            objects.add_client_error("get_object", "NoSuchKey")

    with pytest.raises(NoAnswerError, match=f"no answer within 1 s; it will come to {OUT}"):
        asked_asynchronously(photo, sleeps, patience=1.0)
