from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from local.capture import Exchange
from local.processes import free_port
from local.sagemaker import MAX_BODY, ContainerReply, Fault, FaultKind, Faults, Runtime, container_at
from tests.serving_fixtures import drawn, encoded, package
from tests.serving_processes import answers, process, running
from tests.waiting import eventually
from training.serving.model import CountModel
from training.serving.server import BoundedPool, ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.integration

ENDPOINT = "bin-counter"
EMPTY = ContainerReply(200, b"{}")
REFUSAL = b'{"error": "the JPEG file ends too early", "reason": "truncated"}'


class FakeContainer:
    """Answers what it was given to answer, and remembers the headers that reached it."""

    def __init__(self, reply: ContainerReply) -> None:
        self.reply = reply
        self.headers: list[dict[str, str]] = []

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> ContainerReply:
        del body
        self.headers.append({name.lower(): value for name, value in headers.items()})
        return self.reply


def client(address: str, *, attempts: int = 1, seconds: float = 10) -> Any:
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=seconds),
    )


@contextmanager
def endpoint(reply: ContainerReply = EMPTY, fault: Fault | None = None) -> Iterator[tuple[str, FakeContainer]]:
    container = FakeContainer(reply)
    with running(Runtime(ENDPOINT, container, Faults(fault)).app()) as address:
        yield address, container


def invoke(runtime: Any, body: bytes = b"photo", **options: Any) -> dict[str, Any]:
    return runtime.invoke_endpoint(**{"EndpointName": ENDPOINT, "ContentType": "image/jpeg", "Body": body, **options})


def failure(runtime: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, **options)
    return raised.value.response


def test_a_photo_reaches_the_model_and_its_answer_comes_back(tmp_path: Path) -> None:
    model = package(tmp_path / "tiny")
    server = ModelServer(lambda: CountModel.load(model), BoundedPool(threads=1, queue=4), give_up=lambda: None).app()
    with running(server) as container, running(Runtime(ENDPOINT, container_at(container), Faults()).app()) as address:
        eventually(lambda: answers(f"{container}/ping"))
        reply = invoke(client(address), encoded(drawn()))
        assert reply["ContentType"] == "application/json"
        assert reply["InvokedProductionVariant"] == "AllTraffic"
        assert json.loads(reply["Body"].read())["model"] == "tiny/1"

        refused = failure(client(address), body=b"no photo")
        assert (refused["Error"]["Code"], refused["OriginalStatusCode"]) == ("ModelError", 415)
        assert json.loads(refused["OriginalMessage"])["reason"] == "not_an_image"


def test_the_container_gets_the_headers_that_sagemaker_passes_on_and_no_signature() -> None:
    with endpoint() as (address, container):
        invoke(client(address), CustomAttributes="incoming/A-17/1.jpg", InferenceId="42")
    assert container.headers == [
        {
            "content-type": "image/jpeg",
            "x-amzn-sagemaker-custom-attributes": "incoming/A-17/1.jpg",
            "x-amzn-sagemaker-inference-id": "42",
        }
    ]


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (422, "client"), (500, "server"), (503, "server")])
def test_an_error_of_the_container_becomes_boto3s_model_error(status: int, side: str) -> None:
    with endpoint(ContainerReply(status, REFUSAL)) as (address, _):
        runtime = client(address)
        with pytest.raises(runtime.exceptions.ModelError) as raised:
            invoke(runtime)
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == REFUSAL.decode()
    assert response["LogStreamArn"].startswith("arn:aws:logs:")
    assert f"Received {side} error ({status}) from primary" in str(raised.value)


def test_a_container_that_is_gone_is_a_model_error_without_a_status() -> None:
    runtime = Runtime(ENDPOINT, container_at(f"http://127.0.0.1:{free_port()}"), Faults())
    with running(runtime.app()) as address:
        response = failure(client(address))
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)


def test_a_container_that_takes_too_long_is_a_model_error_without_a_status() -> None:
    slow = Runtime(ENDPOINT, FakeContainer(EMPTY), Faults(Fault(FaultKind.SLOW, seconds=1)))
    with running(slow.app()) as held_up:
        impatient = container_at(f"{held_up}/endpoints/{ENDPOINT}", seconds=0.1)
        with running(Runtime(ENDPOINT, impatient, Faults()).app()) as address:
            response = failure(client(address))
    assert response["OriginalStatusCode"] == 0
    assert "timed out" in response["OriginalMessage"]


def test_an_endpoint_that_does_not_exist_is_a_validation_error() -> None:
    with endpoint() as (address, _):
        runtime = client(address)
        with pytest.raises(runtime.exceptions.ValidationError) as raised:
            invoke(runtime, EndpointName="other")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Endpoint other of account 000000000000 not found." in str(raised.value)


@pytest.mark.parametrize(("size", "accepted"), [(MAX_BODY, True), (MAX_BODY + 1, False)])
def test_a_body_over_six_megabytes_is_refused_as_413(size: int, accepted: bool) -> None:  # noqa: FBT001
    with endpoint() as (address, _):
        if accepted:
            assert invoke(client(address), bytes(size))["Body"].read() == b"{}"
        else:
            assert failure(client(address), body=bytes(size))["Error"]["Code"] == "413"


def test_throttling_ends_after_the_planned_times_and_boto3_gets_through() -> None:
    with endpoint(fault=Fault(FaultKind.THROTTLE, times=2)) as (address, container):
        response = failure(client(address))
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
            "ThrottlingException",
            400,
        )
        assert invoke(client(address, attempts=3))["ResponseMetadata"]["RetryAttempts"] == 1
    assert len(container.headers) == 1


def test_a_planned_container_error_is_a_model_error() -> None:
    with endpoint(fault=Fault(FaultKind.CONTAINER_ERROR)) as (address, container):
        assert failure(client(address))["OriginalStatusCode"] == 500
    assert not container.headers


def test_planned_garbage_is_a_success_that_is_no_json() -> None:
    with endpoint(fault=Fault(FaultKind.GARBAGE)) as (address, _):
        body = invoke(client(address))["Body"].read()
    with pytest.raises(ValueError, match=r"."):
        json.loads(body)


def test_a_slow_endpoint_runs_into_the_clients_timeout() -> None:
    with endpoint(fault=Fault(FaultKind.SLOW, seconds=1)) as (address, _), pytest.raises(ReadTimeoutError):
        invoke(client(address, seconds=0.1))


def test_a_stopped_endpoint_refuses_connections() -> None:
    with pytest.raises(EndpointConnectionError):
        invoke(client(f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("status", [200, 415])
def test_what_the_container_was_asked_and_said_is_kept_also_where_it_refused(status: int) -> None:
    kept: list[Exchange] = []
    container = FakeContainer(ContainerReply(status, REFUSAL))
    with running(Runtime(ENDPOINT, container, Faults(), keep=kept.append).app()) as address, suppress(ClientError):
        invoke(client(address), b"photo")

    assert kept == [Exchange(b"photo", "image/jpeg", REFUSAL, "application/json")]


def test_what_never_reached_a_container_is_not_kept() -> None:
    kept: list[Exchange] = []
    gone = container_at(f"http://127.0.0.1:{free_port()}")
    with running(Runtime(ENDPOINT, gone, Faults(), keep=kept.append).app()) as address:
        failure(client(address))
        failure(client(address), body=bytes(MAX_BODY + 1))

    assert kept == []


def test_faults_are_planned_and_cleared_over_http() -> None:
    with endpoint() as (address, _):
        route = f"{address}/faults"
        assert urllib3.request("PUT", route, json={"kind": "throttle"}).status == 204
        assert failure(client(address))["Error"]["Code"] == "ThrottlingException"
        assert urllib3.request("DELETE", route).status == 204
        assert invoke(client(address))["Body"].read() == b"{}"


@pytest.mark.parametrize("plan", [{"kind": "unheard of"}, {}, {"kind": "slow", "minutes": 1}, [], "slow"])
def test_a_fault_that_does_not_exist_is_refused(plan: Any) -> None:
    with endpoint() as (address, _):
        assert urllib3.request("PUT", f"{address}/faults", json=plan).status == 400


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    port, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    captured = ("--capture", str(tmp_path / "captured"), "--capture-percentage", "50")
    arguments = ("--port", str(port), "--endpoint", ENDPOINT, "--model-server", nobody, *captured)
    with process("local.sagemaker", *arguments, log=tmp_path / "log"):
        eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
        assert failure(client(f"http://127.0.0.1:{port}"))["OriginalStatusCode"] == 0
