"""Losses are least at the truth; the ordinal one minds how far a guess is off."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.knobs import Loss  # noqa: E402 - torch comes first
from training.losses import loss_of, measuring_loss, ordinal  # noqa: E402 - likewise

pytestmark = pytest.mark.torch


def one_hot(*labels: int) -> torch.Tensor:
    return torch.eye(7)[list(labels)]


def sure_of(label: int) -> torch.Tensor:
    return one_hot(label) * 8


@pytest.mark.parametrize("loss", Loss)
def test_a_loss_is_least_at_the_target_distribution(loss: Loss) -> None:
    target = torch.tensor([[0.05, 0.1, 0.4, 0.2, 0.15, 0.05, 0.05]])
    at_target = loss_of(loss, target.log(), target)

    for seed in range(20):
        astray = target.log() + 0.3 * torch.randn(1, 7, generator=torch.Generator().manual_seed(seed))
        assert loss_of(loss, astray, target) > at_target


def test_the_ordinal_loss_grows_with_the_distance() -> None:
    losses = [float(ordinal(sure_of(guess), one_hot(1))) for guess in (1, 2, 3, 5)]

    assert losses == sorted(losses)
    assert losses[3] == pytest.approx(4 * losses[1], rel=0.1)


def test_cross_entropy_does_not() -> None:
    near, far = (float(loss_of(Loss.CROSS_ENTROPY, sure_of(guess), one_hot(1))) for guess in (2, 5))

    assert near == pytest.approx(far)


def test_the_ordinal_loss_of_hopeless_logits_is_finite_and_so_is_its_slope() -> None:
    logits = torch.tensor([[1000.0, 0, 0, 0, 0, 0, -1000]], requires_grad=True)

    loss = ordinal(logits, one_hot(6))
    loss.backward()

    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_unknown_measures_do_not_count() -> None:
    unknown = float("nan")
    guesses = torch.zeros(2, 2, requires_grad=True)

    loss = measuring_loss(guesses, torch.tensor([[3.0, unknown], [unknown, unknown]]))
    loss.backward()

    assert float(loss) == pytest.approx(2.5)
    assert guesses.grad is not None
    assert (guesses.grad != 0).tolist() == [[True, False], [False, False]]


def test_where_nothing_is_known_there_is_nothing_to_learn() -> None:
    guesses = torch.ones(2, 2, requires_grad=True)

    loss = measuring_loss(guesses, torch.full((2, 2), float("nan")))
    loss.backward()

    assert float(loss) == 0
    assert guesses.grad is not None
    assert not guesses.grad.any()
