"""The temperature is the one that the likelihood asks for."""

from __future__ import annotations

import numpy as np
import pytest

from training.calibrate import (
    Comparison,
    Method,
    best,
    compare,
    fit,
    fit_temperature,
    negative_log_likelihood,
)


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


def sample(n: int, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * 1.5
    return logits, drawn_from(logits, rng)


@pytest.mark.parametrize("method", Method)
def test_every_method_gives_distributions(method: Method) -> None:
    logits, labels = sample(200)

    chances = np.exp(fit(method, logits, labels).log_probabilities(logits))

    assert chances.sum(axis=1) == pytest.approx(1)


def test_a_temperature_alone_leaves_every_class_as_it_is() -> None:
    logits, labels = sample(200)

    calibration = fit(Method.TEMPERATURE, logits, labels)

    assert (calibration.scale, calibration.bias) == ((1.0,) * 4, (0.0,) * 4)
    assert calibration.temperature == fit_temperature(logits, labels)


def test_a_class_said_too_often_gets_a_bias_against_it() -> None:
    logits, labels = sample(5_000)
    said_too_often = logits + np.array([0.0, 0.0, 0.0, 1.0])

    calibration = fit(Method.BIAS, said_too_often, labels)

    assert calibration.bias[3] - np.mean(calibration.bias[:3]) == pytest.approx(-1, abs=0.15)
    assert len(set(calibration.scale)) == 1


def test_a_class_said_too_boldly_gets_a_scale_of_its_own() -> None:
    logits, labels = sample(5_000)
    log_chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    too_bold = log_chances * np.array([1.0, 1.0, 1.0, 1.4])

    calibration = fit(Method.VECTOR, too_bold, labels)

    assert calibration.scale[3] < min(calibration.scale[:3])


@pytest.mark.parametrize("method", Method)
def test_a_constant_added_to_a_photos_logits_changes_nothing(method: Method) -> None:
    logits, labels = sample(300)
    calibration = fit(method, logits, labels)

    assert calibration.log_probabilities(logits + 5) == pytest.approx(calibration.log_probabilities(logits))


def test_few_photos_move_the_classes_little() -> None:
    logits, labels = sample(8)

    calibration = fit(Method.VECTOR, logits, labels)

    assert np.abs(np.array(calibration.bias)).max() < 0.2
    assert np.abs(np.array(calibration.scale) - 1).max() < 0.2


def test_what_mends_a_real_fault_is_found_by_cross_validation() -> None:
    logits, labels = sample(400)
    said_too_often = logits + np.array([0.0, 0.0, 0.0, 1.0])

    by_method = {one.method: one for one in compare(said_too_often, labels, np.arange(400), seed=1)}

    assert by_method[Method.TEMPERATURE].gain == 0
    assert by_method[Method.BIAS].gain > 2 * by_method[Method.BIAS].gain_error
    assert best(list(by_method.values())) is not Method.TEMPERATURE


def test_the_same_seed_compares_alike() -> None:
    logits, labels = sample(60)

    assert compare(logits, labels, np.arange(60), seed=1) == compare(logits, labels, np.arange(60), seed=1)


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.01, Method.VECTOR), (0.0, Method.TEMPERATURE), (-0.01, Method.TEMPERATURE)]
)
def test_a_richer_method_has_to_do_better_on_photos_that_it_was_not_fitted_to(gain: float, expected: Method) -> None:
    comparisons = [
        Comparison(Method.TEMPERATURE, 1.3, 0.1, 0.0, 0.0),
        Comparison(Method.VECTOR, 1.3 - gain, 0.1, gain, 0.02),
    ]

    assert best(comparisons) is expected


@pytest.mark.parametrize("method", [Method.BIAS, Method.VECTOR])
@pytest.mark.parametrize("size", [0, 1, 1_000])
def test_however_wrong_the_logits_a_richer_method_fits_no_worse(method: Method, size: float) -> None:
    logits = np.random.default_rng(5).normal(size=(50, 4)) * size
    labels = logits.argmin(axis=1)

    def loss(used: Method) -> float:
        return float(-fit(used, logits, labels).log_probabilities(logits)[np.arange(50), labels].mean())

    assert loss(method) <= loss(Method.TEMPERATURE) + 1e-9
