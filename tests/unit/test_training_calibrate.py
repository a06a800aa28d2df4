"""The temperature is the one that the likelihood asks for."""

from __future__ import annotations

import numpy as np
import pytest

from training.calibrate import fit_temperature, negative_log_likelihood


def drawn_from(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels whose probabilities are exactly the softmax of these logits."""
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_logits_scaled_by_a_temperature_get_that_temperature_back(temperature: float) -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(20_000, 7)) * 2

    fitted = fit_temperature(logits * temperature, drawn_from(logits, rng))

    assert fitted == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_has_a_lower_loss() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(500, 7)) * 3
    labels = drawn_from(logits, rng)

    fitted = fit_temperature(logits, labels)

    best = negative_log_likelihood(logits, labels, fitted)
    assert all(best <= negative_log_likelihood(logits, labels, fitted * factor) for factor in (0.5, 0.9, 1.1, 2))


def test_huge_logits_do_not_overflow() -> None:
    assert negative_log_likelihood(np.array([[1e4, 0.0]]), np.array([0]), 1.0) == pytest.approx(0)
