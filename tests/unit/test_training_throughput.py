"""Speed is counted in photos a second, on the same steps with and without photos."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.dataset import Photos  # noqa: E402 - torch comes first
from training.knobs import Knobs  # noqa: E402 - likewise
from training.network import build  # noqa: E402 - likewise
from training.records import CLASSES  # noqa: E402 - likewise
from training.throughput import Throughput, throughput  # noqa: E402 - likewise

pytestmark = pytest.mark.torch


def test_photos_a_second_follow_from_steps_and_the_clock() -> None:
    knobs = Knobs(architecture="shufflenet_v2_x0_5", size=32, batch_size=4)
    pixels = np.zeros((6, 32, 32, 3), np.uint8)
    photos = Photos(pixels, np.zeros(6, np.int64), np.zeros((6, 4), np.float32))
    network = build(knobs.architecture, len(CLASSES), None, pretrained=False)
    ticks = count(step=2.0)

    found = throughput(network, photos, knobs, device=torch.device("cpu"), steps=3, clock=lambda: next(ticks))

    assert found == Throughput(from_photos=6.0, from_tensors=6.0)


def test_an_epoch_of_the_whole_data_set_is_extrapolated() -> None:
    found = Throughput(from_photos=325, from_tensors=500)

    assert found.share == pytest.approx(0.65)
    assert found.minutes_per_abid_epoch == pytest.approx(1000 / 60)
