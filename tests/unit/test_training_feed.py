"""Batches come in order, each with the rows asked for, one read ahead."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.dataset import Photos  # noqa: E402 - torch comes first
from training.feed import batches  # noqa: E402 - likewise

pytestmark = pytest.mark.torch

PHOTOS = Photos(
    np.arange(10, dtype=np.uint8).repeat(12).reshape(10, 2, 2, 3), np.arange(10), np.zeros((10, 4), np.float32)
)


def test_every_batch_holds_its_rows_with_their_labels() -> None:
    rows = [np.array([4, 1]), np.array([9]), np.array([0, 2, 3])]

    read = list(batches(PHOTOS, rows, torch.device("cpu")))

    assert [labels.tolist() for _, labels, _ in read] == [[1, 4], [9], [0, 2, 3]]
    assert all((pixels.flatten(1) == labels[:, None]).all() for pixels, labels, _ in read)


def test_no_rows_give_no_batches() -> None:
    assert list(batches(PHOTOS, [], torch.device("cpu"))) == []


def test_what_goes_wrong_while_reading_is_raised_where_the_batch_is_due() -> None:
    with pytest.raises(IndexError):
        list(batches(PHOTOS, [np.array([0]), np.array([99])], torch.device("cpu")))
