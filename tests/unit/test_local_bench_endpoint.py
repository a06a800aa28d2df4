"""What the endpoint's benchmark makes of what it saw; nothing is timed here."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from local.bench_endpoint import FLOOR, SERVER, TOOLKIT, Contender, aims, photos_for, report
from local.bench_load import WARM_UP, Seen, load
from local.hostile import hostile_photos
from training.serving.images import MAX_MEMORY, BadImage, decode
from training.serving.server import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def contender(name: str, p50: float, photos_per_second: float, ready: float = 1.0, mb: float | None = 200) -> Contender:
    cells = [Seen(1, 1, p50, p50, p50, photos_per_second / 2, 1, 0), Seen(4, 1, p50, p50, p50, photos_per_second, 1, 0)]
    return Contender(name, ready, mb, cells=cells)


GOOD = {
    SERVER: contender(SERVER, 12.5, 100),
    TOOLKIT: contender(TOOLKIT, 60, 20),
    FLOOR: contender(FLOOR, 10, 110, mb=None),
}


def test_every_aim_is_met_at_its_very_bound() -> None:
    assert [met for _, met in aims(GOOD, 349).values()] == [True] * 5


@pytest.mark.parametrize(
    ("change", "hostile_mb", "missed"),
    [
        ({SERVER: contender(SERVER, 12.5, 99)}, 349, "photos/s"),
        ({SERVER: contender(SERVER, 12.6, 100)}, 349, "median latency"),
        ({SERVER: contender(SERVER, 12.5, 100, ready=1.5)}, 349, "start to ready"),
        ({SERVER: contender(SERVER, 12.5, 100, mb=350)}, 349, "under load"),
        ({}, 350, "hostile"),
    ],
)
def test_an_aim_that_is_missed_is_called_missed(change: dict[str, Contender], hostile_mb: float, missed: str) -> None:
    found = aims(GOOD | change, hostile_mb)

    assert [missed in aim for aim, (_, met) in found.items() if not met] == [True]


def test_what_was_not_measured_is_no_aim_at_all() -> None:
    without = {SERVER: contender(SERVER, 12.5, 100, mb=None), FLOOR: GOOD[FLOOR]}

    assert len(aims(without, None)) == 2


def test_the_report_holds_every_figure_of_every_contender() -> None:
    said = report(list(GOOD.values()), {"1x1": {"read": 0.1}}, 300)

    assert said["contenders"][TOOLKIT]["cells"][1]["photos_per_second"] == 20
    assert said["peak_mb_with_hostile_photos"] == 300
    assert said["milliseconds_by_step"] == {"1x1": {"read": 0.1}}


@pytest.mark.parametrize(("clients", "batch"), [(1, 1), (1, 8), (3, 2)])
def test_each_client_sends_its_batches_and_what_failed_is_not_counted_as_answered(clients: int, batch: int) -> None:
    """Without time there is one round of each client beside its warm-up."""
    asked: list[int] = []
    lock = threading.Lock()

    def make(size: int) -> object:
        def ask(photos: Sequence[bytes]) -> int:
            with lock:
                asked.append(len(photos))
            return photos.count(b"bad")

        assert size == batch
        return ask

    seen = load(make, [b"good", b"bad"], clients, batch, 0)  # type: ignore[arg-type]

    assert asked == [batch] * clients * (1 + WARM_UP)
    assert (seen.clients, seen.batch, seen.photos + seen.failed) == (clients, batch, clients * batch)
    assert batch == 1 or seen.failed == clients * batch // 2
    assert seen.p50 <= seen.p95 <= seen.p99


def test_drawn_photos_are_of_full_camera_size() -> None:
    sizes = [Image.open(io.BytesIO(photo)).size for photo in photos_for(None, most=3)]

    assert min(min(size) for size in sizes) >= 480
    assert len(set(sizes)) == 3


NOT_DECODED = {"PNG above the limit", "PNG of packed texts"}
"""The texts are refused only where the server has lowered what they may unpack to."""


@pytest.mark.parametrize("what", [what for what in hostile_photos() if what not in NOT_DECODED])
def test_a_hostile_photo_fits_a_request_and_takes_all_the_memory_it_may(what: str) -> None:
    photo = hostile_photos()[what]
    asked: list[int] = []

    @contextmanager
    def hold(amount: int) -> Iterator[None]:
        asked.append(amount)
        yield

    decode(photo, (224, 224), hold=hold)

    assert len(photo) <= MAX_BODY
    assert 0 < asked[0] <= MAX_MEMORY


def test_a_photo_above_the_limit_is_refused_unseen() -> None:
    with pytest.raises(BadImage) as bad:
        decode(hostile_photos()["PNG above the limit"], (224, 224))
    assert bad.value.reason == "too_many_pixels"
