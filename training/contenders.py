"""Whoever can be compared with another: a released package, a model server at an address, a SageMaker endpoint.

    models/bin-counter           folder or model.tar.gz, which answers in this process
    http://127.0.0.1:8080        a server with /invocations
    endpoint:bin-counter         a deployed endpoint, through the AWS account that the caller's client opens

Asks for answers and hands them on; judges nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import urllib3
from numpy.typing import NDArray

from training.errors import BrokenRecordError, NoAnswerError, UnusableModelError
from training.evaluate import kept_probabilities, load
from training.progress import Progress
from training.records import CLASSES, Record
from training.serving.images import BadImage, recognise
from training.serving.model import CountModel, read_package

ENDPOINT: Final = "endpoint:"

_PATIENCE_SECONDS: Final = 60.0
"""How long SageMaker itself waits for a container."""


class Kind(StrEnum):
    """What stands between a photo and its answer; latencies of different kinds are different things."""

    PACKAGE = "package"
    """Decoding and the network, in this process."""
    SERVER = "server"
    """The same and a whole HTTP request."""
    ENDPOINT = "endpoint"
    """The same and all that lies between here and the account's region."""


class Contender(Protocol):
    """Answers photos."""

    @property
    def where(self) -> str:
        """As its user named it."""

    @property
    def kind(self) -> Kind:
        """What its latency is the latency of."""

    @property
    def facts(self) -> Mapping[str, Any] | None:
        """Its model.json, where that can be read."""

    def answer(self, body: bytes) -> dict[str, Any]:
        """Reply to one photo's file, as the endpoint's contract says; raises NoAnswerError."""

    def probabilities(self, records: Sequence[Record], progress: Progress) -> NDArray[np.float32]:
        """Reply to many: [N,7]; raises NoAnswerError, UnusableModelError and BrokenRecordError."""


@dataclass(frozen=True, slots=True)
class Package:
    """A released model, which answers in this process; what it says of many photos is kept under `cache`."""

    path: Path
    cache: Path
    model: CountModel
    facts: Mapping[str, Any] | None
    kind: Kind = Kind.PACKAGE

    @property
    def where(self) -> str:
        """Its path."""
        return str(self.path)

    def answer(self, body: bytes) -> dict[str, Any]:
        """Decode the photo and count."""
        try:
            return self.model.answer(body)
        except BadImage as bad:
            raise NoAnswerError(f"{self.where} refuses a photo: {bad}") from bad

    def probabilities(self, records: Sequence[Record], progress: Progress) -> NDArray[np.float32]:
        """Count in batches; no photo is counted twice."""
        return kept_probabilities(self.path, records, self.cache, progress)


@dataclass(frozen=True, slots=True)
class Remote:
    """A model that is asked from afar; nothing it says is kept, since it may be another one tomorrow."""

    where: str
    kind: Kind
    ask: Callable[[bytes, str], bytes]
    """Sends a photo's file with its media type and gives the reply's body."""
    facts: Mapping[str, Any] | None = None

    def answer(self, body: bytes) -> dict[str, Any]:
        """Send one photo."""
        try:
            reply = json.loads(self.ask(body, f"image/{recognise(body).lower()}"))
        except BadImage as bad:
            raise NoAnswerError(f"a photo cannot be sent to {self.where}: {bad}") from bad
        except ValueError as cause:
            raise NoAnswerError(f"{self.where} does not answer in JSON") from cause
        if not isinstance(reply, dict) or tuple(reply.get("counts", ())) != CLASSES:
            raise UnusableModelError(f"{self.where} does not count in the classes {', '.join(CLASSES)}")
        return reply

    def probabilities(self, records: Sequence[Record], progress: Progress) -> NDArray[np.float32]:
        """Send photo after photo."""
        rows = np.empty((len(records), len(CLASSES)), np.float32)
        with progress(len(records), f"asking {self.where}") as done:
            for row, record in enumerate(records):
                try:
                    rows[row] = self.answer(record.photo.read_bytes())["probabilities"]
                except NoAnswerError as cause:
                    raise BrokenRecordError(f"{record.photo}: {cause}") from cause
                done()
        return rows


def contender(named: str, cache: Path, threads: int, runtime: Callable[[], Any]) -> Contender:
    """Find who is meant; `runtime` makes a client of sagemaker-runtime, should one be needed.

    Raises UnusableModelError where a path is no released model.
    """
    if named.startswith(("http://", "https://")):
        return at_address(named.rstrip("/"))
    if named.startswith(ENDPOINT):
        return deployed(named.removeprefix(ENDPOINT), runtime())
    path = Path(named)
    return Package(path, cache, load(path, threads=threads), json.loads(read_package(path)[1]))


def at_address(address: str) -> Remote:
    """Ask whoever listens at an address, over one connection."""
    pool = urllib3.PoolManager(retries=False, timeout=_PATIENCE_SECONDS)

    def ask(body: bytes, media_type: str) -> bytes:
        try:
            reply = pool.request("POST", f"{address}/invocations", body=body, headers={"content-type": media_type})
        except urllib3.exceptions.HTTPError as cause:
            raise NoAnswerError(f"{address} does not answer: {cause}") from cause
        if reply.status != 200:
            raise NoAnswerError(f"{address} answers with {reply.status}: {reply.data[:200].decode(errors='replace')}")
        return reply.data

    return Remote(address, Kind.SERVER, ask)


def deployed(endpoint: str, client: Any) -> Remote:
    """Ask a SageMaker endpoint through a client of sagemaker-runtime."""
    from botocore.exceptions import BotoCoreError, ClientError

    def ask(body: bytes, media_type: str) -> bytes:
        try:
            reply = client.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=media_type)
            said: bytes = reply["Body"].read()
        except (BotoCoreError, ClientError) as cause:
            raise NoAnswerError(f"endpoint {endpoint} does not answer: {cause}") from cause
        return said

    return Remote(f"{ENDPOINT}{endpoint}", Kind.ENDPOINT, ask)
