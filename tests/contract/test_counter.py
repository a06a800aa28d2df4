"""The counter over boto3 and the stand-in for SageMaker: every way to fail maps as `ports.Counter` says."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.counter import SageMakerCounter, estimate_in
from chalicelib.errors import PhotoRefused, TemporaryFailure
from local.processes import free_port
from local.sagemaker import MAX_BODY, ContainerReply, Fault, FaultKind
from tests.endpoint import ENDPOINT, Endpoint, answer_of, serving
from tests.examples import JPEG, sure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
GOOD = json.loads(answer_of(3).body)


@pytest.fixture(scope="module")
def endpoint_of_all() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(endpoint_of_all: Endpoint) -> Endpoint:
    endpoint_of_all.reply = answer_of(3)
    endpoint_of_all.faults.plan(None)
    endpoint_of_all.asked.clear()
    return endpoint_of_all


@pytest.fixture
def counter(endpoint: Endpoint) -> SageMakerCounter:
    return SageMakerCounter(endpoint.client(), ENDPOINT)


def refusing(status: int, body: bytes) -> ContainerReply:
    return ContainerReply(status, body)


def test_the_file_goes_to_the_model_as_it_is_and_its_distribution_comes_back(
    endpoint: Endpoint, counter: SageMakerCounter
) -> None:
    assert counter.count(JPEG + b"\x00\xff", "image/jpeg") == sure_of(3)
    ((body, headers),) = endpoint.asked
    assert body == JPEG + b"\x00\xff"
    assert headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("kind", [FaultKind.THROTTLE, FaultKind.CONTAINER_ERROR, FaultKind.GARBAGE])
def test_an_endpoint_in_trouble_is_a_temporary_failure_and_heals(
    endpoint: Endpoint, counter: SageMakerCounter, kind: FaultKind
) -> None:
    endpoint.faults.plan(Fault(kind, times=1))
    with pytest.raises(TemporaryFailure):
        counter.count(JPEG, "image/jpeg")
    assert counter.count(JPEG, "image/jpeg") == sure_of(3)


def test_an_endpoint_slower_than_our_patience_is_a_temporary_failure(endpoint: Endpoint) -> None:
    endpoint.faults.plan(Fault(FaultKind.SLOW, times=1, seconds=0.5))
    with pytest.raises(TemporaryFailure, match="timeout"):
        SageMakerCounter(endpoint.client(patience=0.1), ENDPOINT).count(JPEG, "image/jpeg")


def test_an_endpoint_that_does_not_exist_is_a_temporary_failure(endpoint: Endpoint) -> None:
    with pytest.raises(TemporaryFailure, match="not found"):
        SageMakerCounter(endpoint.client(), "no-such-endpoint").count(JPEG, "image/jpeg")


def test_a_service_that_can_not_be_reached_is_a_temporary_failure() -> None:
    nobody = Endpoint(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TemporaryFailure, match="connect"):
        SageMakerCounter(nobody.client(), ENDPOINT).count(JPEG, "image/jpeg")


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_file_that_the_model_refuses_is_refused_with_the_models_own_words(
    endpoint: Endpoint, counter: SageMakerCounter, status: int
) -> None:
    endpoint.reply = refusing(status, b'{"error": "the file ends too early", "reason": "truncated"}')
    with pytest.raises(PhotoRefused, match="the file ends too early") as refusal:
        counter.count(JPEG, "image/jpeg")
    assert refusal.value.reason == "truncated"


@pytest.mark.parametrize("body", [b"", b"Bad Request", b"[]", b"{}", b'{"reason": "truncated"}', b"\xff"])
def test_a_refusal_without_the_agreed_words_is_a_refusal_all_the_same(
    endpoint: Endpoint, counter: SageMakerCounter, body: bytes
) -> None:
    endpoint.reply = refusing(400, body)
    with pytest.raises(PhotoRefused) as refusal:
        counter.count(JPEG, "image/jpeg")
    assert refusal.value.reason == "refused_by_model"
    assert str(refusal.value)


@pytest.mark.parametrize("status", [0, 408, 429, 500, 502, 503, 504])
def test_a_model_server_that_is_busy_failing_or_silent_does_not_blame_the_photo(
    endpoint: Endpoint, counter: SageMakerCounter, status: int
) -> None:
    endpoint.reply = refusing(status, b'{"error": "later", "reason": "busy"}')
    with pytest.raises(TemporaryFailure):
        counter.count(JPEG, "image/jpeg")


def test_a_file_larger_than_the_endpoint_takes_is_refused_as_too_large(
    endpoint: Endpoint, counter: SageMakerCounter
) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        counter.count(JPEG + bytes(MAX_BODY), "image/jpeg")
    assert refusal.value.reason == "too_large"
    assert endpoint.asked == []


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": ["0", "1", "2", "3", "4", "5", "6"]},
        {"counts": ["1", "0", "2", "3", "4", "5", "6+"]},
        {"counts": ["0+"], "probabilities": [1.0], "prior": [1.0]},
        {"counts": [], "probabilities": [], "prior": []},
        {"counts": ["0", "1+"]},
        {"probabilities": [0.5, 0.5]},
        {"probabilities": [0.2] * 7},
        {"probabilities": [-0.5, 1.5, 0, 0, 0, 0, 0]},
        {"probabilities": [float("nan")] * 7},
        {"probabilities": [10**400, 0, 0, 0, 0, 0, 0]},
        {"probabilities": None},
        {"prior": [0.0] * 7},
        {"prior": "1"},
    ],
)
def test_an_answer_that_is_no_distribution_over_the_counts_is_a_temporary_failure(changed: dict[str, Any]) -> None:
    with pytest.raises(TemporaryFailure):
        estimate_in(json.dumps(GOOD | changed).encode())


@pytest.mark.parametrize("field", ["model", "counts", "probabilities", "prior"])
def test_an_answer_without_one_of_its_fields_is_a_temporary_failure(field: str) -> None:
    with pytest.raises(TemporaryFailure, match=field):
        estimate_in(json.dumps({name: value for name, value in GOOD.items() if name != field}).encode())


@given(st.binary() | json_values.map(json.dumps).map(str.encode) | st.just(b"[" * 100_000))
def test_garbage_is_a_temporary_failure_and_nothing_else(answer: bytes) -> None:
    with pytest.raises(TemporaryFailure):
        estimate_in(answer)


@pytest.mark.parametrize(("third", "is_taken"), [(0.3333, True), (0.34, False), (0.32, False)])
def test_only_what_rounding_explains_may_be_missing_from_a_distribution(third: float, is_taken: bool) -> None:  # noqa: FBT001
    answer = json.dumps(GOOD | {"counts": ["0", "1", "2+"], "probabilities": [third] * 3, "prior": [0.2, 0.3, 0.5]})
    with nullcontext() if is_taken else pytest.raises(TemporaryFailure):
        estimate_in(answer.encode())
