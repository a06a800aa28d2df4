"""What every test may ask for: an AWS account on this machine, and tables and buckets in it. No test reaches further.

Fixtures: `emulator` (one for the whole run, permissions enforced), `table` and `bucket` (new ones for each test),
`fresh_wiring` (the functions' clients are made anew, with a region and keys that open nothing).
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

# Read when chalicelib.telemetry is imported; the template sets it in the functions.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Bincheck")
# A console that is made while these are set keeps that width, whatever a test asks for; xdist's workers have them.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.emulator import Emulator

LOOPBACK = ["127.0.0.1", "::1", "localhost"]

_numbers = itertools.count()

# The same examples on every run and however slow the machine: a red test is never bad luck.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    # The training environment collects this file too, and has no boto3.
    from local.emulator import emulator as started  # noqa: PLC0415

    with started(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def table(emulator: Emulator) -> str:
    """A new table with the keys that the checker knows; the template's has indexes and a stream as well."""
    name = f"bins-{next(_numbers)}"
    keys = {"PK": "HASH", "SK": "RANGE"}
    emulator.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def bucket(emulator: Emulator) -> str:
    """A new bucket that keeps versions."""
    name = f"photos-{next(_numbers)}"
    s3: Any = emulator.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def fresh_wiring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that `chalicelib.wiring` made for another test is left, nor is anything of this one afterwards."""
    from chalicelib import wiring  # noqa: PLC0415 - likewise

    for name in os.environ:
        if name.startswith(("AWS_", "BINCHECK_")):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    cached = [maker for maker in vars(wiring).values() if hasattr(maker, "cache_clear")]
    for maker in cached:
        maker.cache_clear()
    yield
    for maker in cached:
        maker.cache_clear()
