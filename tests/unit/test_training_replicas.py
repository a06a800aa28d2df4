"""A process knows its place among those that train together."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.replicas import Replica, joined  # noqa: E402 - torch comes first

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


def test_without_torchrun_a_process_is_alone() -> None:
    with joined(0, {}) as replica:
        assert replica == Replica(CPU)
        assert replica.is_first


def test_shares_are_disjoint_and_leave_nothing_out() -> None:
    rows = np.arange(100, 111)

    shares = [Replica(CPU, rank, 4).share(rows) for rank in range(4)]

    assert sorted(np.concatenate(shares)) == list(rows)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_is_wrapped_and_nobody_waited_for() -> None:
    network = torch.nn.Linear(1, 1)

    with Replica(CPU).first_here_first():
        assert Replica(CPU).synchronised(network) is network
        assert Replica(CPU).from_first(lambda: 7) == 7
