"""The local endpoint captures as SageMaker does: its layout, its records, its sampling, and never without bound."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.capture import Capture, Exchange, record
from training.watch.captured import File, exchange_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAGEMAKERS = Path(__file__).parents[1] / "captured" / "exchanges.jsonl"
AT = datetime(2026, 11, 27, 3, 47, 25, 113_000, tzinfo=UTC)
EXCHANGE = Exchange(b"\xff\xd8\xff photo", "image/jpeg", b'{"model": "tiny/1"}', "application/json")


def capturing(folder: Path, now: Callable[[], datetime] = lambda: AT, **more: Any) -> Capture:
    numbers = count()
    options: dict[str, Any] = {"chance": lambda: 0.0, "new_id": lambda: uuid.UUID(int=next(numbers))} | more
    return Capture(folder, "bin-counter", now=now, **options)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def lines(folder: Path) -> list[bytes]:
    return [line for file in files(folder) for line in file.read_bytes().splitlines()]


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


def test_a_record_has_the_shape_that_sagemaker_documents() -> None:
    documented = json.loads(SAGEMAKERS.read_bytes().splitlines()[0])
    ours = record(EXCHANGE, "1", AT)

    assert shape(ours) == shape(documented)
    assert ours["eventMetadata"]["inferenceTime"] == documented["eventMetadata"]["inferenceTime"]
    for side in ("endpointInput", "endpointOutput"):
        same = {name: documented["captureData"][side][name] for name in ("mode", "encoding", "observedContentType")}
        assert same.items() <= ours["captureData"][side].items()


def test_what_was_captured_reads_back(tmp_path: Path) -> None:
    capturing(tmp_path)(EXCHANGE)
    (line,) = lines(tmp_path)
    exchange = exchange_in(line)

    assert (exchange.photo, exchange.reply) == (EXCHANGE.photo, EXCHANGE.reply)
    assert exchange.at == AT.replace(microsecond=0)


def test_a_reply_that_is_no_json_is_kept_to_the_byte(tmp_path: Path) -> None:
    capturing(tmp_path)(Exchange(b"photo", "image/jpeg", b"<html>\xff", "text/html"))

    assert exchange_in(lines(tmp_path)[0]).reply == b"<html>\xff"


def test_files_lie_by_endpoint_variant_and_hour_and_are_named_after_their_moment(tmp_path: Path) -> None:
    capturing(tmp_path)(EXCHANGE)
    (file,) = files(tmp_path)

    pattern = r"bin-counter/AllTraffic/2026/11/27/03/47-25-113-[0-9a-f-]{36}\.jsonl"
    assert re.fullmatch(pattern, file.relative_to(tmp_path).as_posix())
    assert File.at(file.as_posix()).hour == AT.replace(minute=0, second=0, microsecond=0)


def test_the_next_hour_has_a_file_of_its_own(tmp_path: Path) -> None:
    moments: Iterator[datetime] = iter([AT, AT + timedelta(minutes=5), AT + timedelta(hours=1)])
    keep = capturing(tmp_path, lambda: next(moments))
    for _ in range(3):
        keep(EXCHANGE)

    assert [len(file.read_bytes().splitlines()) for file in files(tmp_path)] == [2, 1]


def test_a_share_of_the_exchanges_is_kept(tmp_path: Path) -> None:
    rolled = cycle([0.0, 0.29, 0.3, 0.99])
    keep = capturing(tmp_path, percentage=30, chance=lambda: next(rolled))
    for _ in range(40):
        keep(EXCHANGE)

    assert len(lines(tmp_path)) == 20


def test_past_its_bound_nothing_more_is_kept_not_even_what_would_fit(tmp_path: Path) -> None:
    large = Exchange(bytes(600_000), "image/jpeg", b"{}", "application/json")
    keep = capturing(tmp_path, megabytes=2)
    for exchange in (large, large, large, EXCHANGE):
        keep(exchange)

    assert len(lines(tmp_path)) == 2
    assert sum(file.stat().st_size for file in files(tmp_path)) < 2_000_000


def test_what_an_earlier_run_left_counts(tmp_path: Path) -> None:
    large = Exchange(bytes(600_000), "image/jpeg", b"{}", "application/json")
    for _ in range(3):
        capturing(tmp_path, megabytes=1)(large)

    assert len(lines(tmp_path)) == 1


def test_a_file_that_has_grown_large_is_followed_by_another(tmp_path: Path) -> None:
    large = Exchange(bytes(4_000_000), "image/jpeg", b"{}", "application/json")
    keep = capturing(tmp_path)
    for _ in range(3):
        keep(large)

    assert [len(file.read_bytes().splitlines()) for file in files(tmp_path)] == [2, 1]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_stays_readable(kind: str) -> None:
    written = record(Exchange(b"", "image/png", b'{"a": 1}', kind), "1", AT)

    assert written["captureData"]["endpointOutput"]["data"] == '{"a": 1}'
