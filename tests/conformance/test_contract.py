"""The endpoint's contract: what is asked, what is answered, and what a client is told that asks for something else."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.conformance_caller import MAX_BODY, answered, invoked, refused
from tests.malformed import media_type_of, photo_files
from tests.serving_fixtures import bad_files, drawn, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance_caller import Caller

pytestmark = pytest.mark.integration

MEGABYTE = 1024 * 1024
SERVERLESS = 4 * MEGABYTE
"""What a serverless endpoint takes, by AWS's word; a real-time one takes MAX_BODY."""


@pytest.mark.parametrize("kind", photo_files())
def test_every_kind_of_photo_is_answered(call: Caller, kind: str) -> None:
    body = photo_files()[kind]

    answered(invoked(call, body, media_type_of(body)))


@pytest.mark.parametrize("media_type", ["image/jpeg", "IMAGE/JPEG", "image/jpeg; charset=binary", "image/png"])
def test_the_media_type_may_have_parameters_and_the_file_itself_says_what_it_is(call: Caller, media_type: str) -> None:
    answered(invoked(call, encoded(drawn()), media_type))


@pytest.mark.parametrize(
    "media_type", ["", "image/gif", "text/plain", "application/octet-stream", "multipart/form-data"]
)
def test_other_media_types_are_refused(call: Caller, media_type: str) -> None:
    reply = invoked(call, encoded(drawn()), media_type)

    assert (reply.status, refused(reply)) == (415, "media_type")


@pytest.mark.parametrize(("body", "reason"), bad_files().values(), ids=bad_files().keys())
def test_a_file_that_is_no_usable_photo_is_refused_with_its_reason(call: Caller, body: bytes, reason: str) -> None:
    assert refused(invoked(call, body, media_type_of(body))) == reason


def test_the_same_photo_gets_the_same_answer(call: Caller) -> None:
    replies = [answered(invoked(call, encoded(drawn()))) for _ in range(3)]

    assert replies[0] == replies[1] == replies[2]


def test_a_photo_is_counted_upright_however_the_camera_was_held(call: Caller) -> None:
    photo, exif = drawn(), Image.Exif()
    exif[0x0112] = 6
    turned = encoded(photo.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    straight = answered(invoked(call, encoded(photo, "PNG"), "image/png"))

    assert answered(invoked(call, turned, "image/png"))["probabilities"] == pytest.approx(straight["probabilities"])


@pytest.mark.parametrize("size", [SERVERLESS, MAX_BODY])
def test_photos_up_to_the_limits_are_answered(call: Caller, size: int) -> None:
    answered(invoked(call, padded(size)))


@pytest.mark.parametrize("size", [MAX_BODY + 1, 7 * MEGABYTE, 30 * MEGABYTE])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_larger_ones_are_refused_and_not_cut_off(call: Caller, size: int, announced: bool) -> None:  # noqa: FBT001
    body = padded(size)

    reply = invoked(call, body if announced else chunks(body))

    assert (reply.status, refused(reply)) == (413, "too_large")


def test_a_photo_may_come_in_chunks(call: Caller) -> None:
    answered(invoked(call, chunks(encoded(drawn()), 100)))


def padded(size: int) -> bytes:
    """A photo with zeros behind its end, which decoders pass over."""
    photo = encoded(drawn())
    return photo + bytes(size - len(photo))


def chunks(body: bytes, size: int = MEGABYTE) -> Iterator[bytes]:
    file = io.BytesIO(body)
    return iter(lambda: file.read(size), b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/invocations", 405),
        ("PUT", "/invocations", 405),
        ("DELETE", "/invocations", 405),
        ("OPTIONS", "/invocations", 405),
        ("POST", "/ping", 405),
        ("GET", "/", 404),
        ("POST", "/invocations/", 404),
        ("POST", "/Invocations", 404),
        ("GET", "/ping/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%00/%ff", 404),
        ("GET", f"/{'a' * 5000}", 404),
        ("GET", "/docs", 404),
    ],
)
def test_what_does_not_exist_is_refused_in_json(call: Caller, method: str, path: str, status: int) -> None:
    reply = call(method, path)

    assert reply.status == status
    refused(reply)


def test_ping_names_the_model_that_answers(call: Caller) -> None:
    said = answered(invoked(call, encoded(drawn())))

    reply = call("GET", "/ping")

    assert (reply.status, reply.json()["model"]) == (200, said["model"])


def test_sixteen_clients_at_once_get_each_their_own_answer(call: Caller) -> None:
    photos = [encoded(drawn(seed=seed)) for seed in range(8)]
    alone = [answered(invoked(call, photo)) for photo in photos]

    with ThreadPoolExecutor(16) as clients:
        together = list(clients.map(lambda n: answered(invoked(call, photos[n % 8])), range(64)))

    assert all(said == alone[n % 8] for n, said in enumerate(together))
