"""Clients that do not keep to HTTP, or lie in it: the server answers them, or not at all, and serves the next."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.conformance_caller import INSIDES, answered, invoked
from tests.serving_fixtures import drawn, encoded
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conformance_caller import Caller

pytestmark = pytest.mark.integration

PHOTO = encoded(drawn())
POST = b"POST /invocations HTTP/1.1\r\nhost: server\r\ncontent-type: image/jpeg\r\n"
CLOSE = b"connection: close\r\n"

MESSAGES = {
    "fewer bytes than announced": POST + b"content-length: 100000\r\n\r\n" + PHOTO,
    "more bytes than announced": POST + CLOSE + b"content-length: 20\r\n\r\n" + PHOTO,
    "a negative length": POST + b"content-length: -1\r\n\r\n" + PHOTO,
    "a length in words": POST + b"content-length: many\r\n\r\n" + PHOTO,
    "an endless length": POST + b"content-length: " + b"9" * 40 + b"\r\n\r\n" + PHOTO,
    "two lengths": POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\n" + PHOTO,
    "a length and chunks": POST + CLOSE + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks without sizes": POST + b"transfer-encoding: chunked\r\n\r\n" + PHOTO,
    "a chunk of a negative size": POST + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "an unfinished chunk": POST + b"transfer-encoding: chunked\r\n\r\nffff\r\n" + PHOTO,
    "an unknown encoding": POST + b"transfer-encoding: sideways\r\n\r\n" + PHOTO,
    "a body that says it is packed": POST
    + CLOSE
    + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\0",
    "no length and no body": POST + CLOSE + b"\r\n",
    "no host": b"POST /invocations HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "a huge header": POST + b"x-header: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "ten thousand headers": POST + b"a: b\r\n" * 10_000 + b"\r\n",
    "a header with a line break": POST + b"x-header: a\n b\r\ncontent-length: 0\r\n" + CLOSE + b"\r\n",
    "a header that is no text": POST
    + CLOSE
    + b"x-amzn-sagemaker-custom-attributes: \xff\xfe\r\ncontent-length: 0\r\n\r\n",
    "a media type that is no text": b"POST /invocations HTTP/1.1\r\nhost: server\r\n"
    + CLOSE
    + b"content-type: \xff\xfe\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"three books and a bottle\r\n\r\n",
    "zeros": bytes(1000),
    "HTTP/0.9": b"GET /ping\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "an unknown method": b"COUNT /invocations HTTP/1.1\r\nhost: server\r\n" + CLOSE + b"\r\n",
    "a path that is no path": b"POST \xff\xfe HTTP/1.1\r\nhost: server\r\n\r\n",
    "another host's address": b"GET http://elsewhere.example/ping HTTP/1.1\r\nhost: server\r\n" + CLOSE + b"\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_lying_client_gets_no_failure_and_the_next_one_its_answer(call: Caller, address: str, message: bytes) -> None:
    reply = said_to(address, message)

    if reply:
        assert reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200", b"HTTP/1.0 4")), reply[:300]
        head, _, body = reply.partition(b"\r\n\r\n")
        assert head
        assert not [inside for inside in INSIDES if inside.encode() in body], body[:300]
    answered(invoked(call, PHOTO))


def test_clients_that_hang_up_in_the_midst_leave_nothing_behind(call: Caller, address: str) -> None:
    for _ in range(100):  # as many as would fill any queue
        with connected(address) as client:
            client.sendall(POST + b"content-length: 100000\r\n\r\n" + PHOTO)

    eventually(lambda: invoked(call, PHOTO).status == 200)


def test_clients_that_stall_cost_the_others_no_more_than_a_retry(call: Caller, address: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connected(address)).sendall(POST + b"content-length: 100000\r\n\r\n" + PHOTO)
        during = invoked(call, PHOTO)
        ping = call("GET", "/ping")
    eventually(lambda: invoked(call, PHOTO).status == 200)

    assert ping.status == 200
    if during.status == 503:
        assert during.json()["reason"] == "overloaded"
        assert int(during.headers["retry-after"]) >= 1
    else:
        answered(during)


HUNG_UP = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
"""Hanging up on such a client is an answer too, wherever it is just then."""


def said_to(address: str, message: bytes) -> bytes:
    """Send bytes, say that no more will come, and take what comes back until the other side hangs up."""
    with connected(address) as client:
        reply = bytearray()
        try:
            client.sendall(message)
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                reply += piece
        except OSError as end:
            if end.errno not in HUNG_UP:
                raise
        return bytes(reply)


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=30)
