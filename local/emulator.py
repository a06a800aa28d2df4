"""AWS on this machine: ministack, with signatures, roles and queue policies enforced."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.processes import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REGION = "eu-central-1"
_ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator; everything it keeps is gone when it stops."""

    url: str
    log: Path

    def client(self, service: str, **credentials: str) -> Any:
        """Return a boto3 client for a service, as the account's root unless credentials are given."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=Config(signature_version="s3v4") if service == "s3" else None,
            **{**_ROOT, **credentials},
        )


@contextmanager
def emulator(folder: Path, *, port: int | None = None, extra: Mapping[str, str] | None = None) -> Iterator[Emulator]:
    """Run the emulator until the block ends; `folder` takes its log, `extra` is added to its environment.

    Lambda workers inherit the environment, so addresses that functions need go into `extra`.

    Raises:
        NotReady: it did not start.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="bincheck-emulator-") as state:
        environment = {
            **_own_environment(),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "STATE_DIR": state,
            "TMPDIR": state,
            "LOG_LEVEL": "INFO",
            **(extra or {}),
        }
        command = [sys.executable, "-m", "ministack"]
        log = folder / "emulator.log"
        with running(command, ready_url=f"{url}/_ministack/health", log=log, environment=environment):
            yield Emulator(url, log)


def _own_environment() -> dict[str, str]:
    """Return this process's environment without AWS settings: a real account's keys may not leak in."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
