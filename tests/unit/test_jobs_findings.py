"""A tuning job's trials in the form in which tuning on one machine reports."""

from __future__ import annotations

import pytest

from training.jobs.findings import Trial, finding_of, knobs_of, space_of
from training.space import Space
from training.tune_report import State, best_knobs, best_of

SPACE = Space.parsed(
    "mine",
    {
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "small_epochs": {"low": 0, "high": 5},
        "loss": {"choices": ["cross-entropy", "ordinal"]},
    },
)


@pytest.mark.parametrize("name", ["published", "wide"])
def test_a_space_survives_the_way_to_sagemaker_and_back(name: str) -> None:
    space = Space.load(name)

    returned = space_of(name, space.parameter_ranges())

    assert {knob: str(entry) for knob, entry in returned.entries.items()} == {
        knob: str(entry) for knob, entry in space.entries.items()
    }


def test_whole_numbers_stay_whole() -> None:
    assert space_of("mine", SPACE.parameter_ranges()).entries["small_epochs"] == SPACE.entries["small_epochs"]


def test_knobs_are_read_back_without_what_is_none() -> None:
    hyperparameters = {
        "sagemaker_program": '"entry.py"',
        "_tuning_objective_metric": "val_all_loss",
        "backbone-source": '"mine"',
        "learning-rate": "0.00031",
        "loss": '"ordinal"',
        "batch-size": "64",
    }

    assert knobs_of(hyperparameters) == {"learning_rate": 0.00031, "loss": "ordinal", "batch_size": 64}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Completed", State.COMPLETE),
        ("Stopped", State.PRUNED),
        ("Failed", State.FAILED),
        ("InProgress", State.INTERRUPTED),
    ],
)
def test_a_status_has_a_word_of_its_own(status: str, state: State) -> None:
    assert Trial("t", status, None, {}).state == state


def test_the_best_knobs_are_those_of_the_best_trial_and_what_was_fixed_for_all() -> None:
    trials = [
        Trial("tune-002", "Completed", 1.4, {"learning_rate": 1e-3, "loss": "ordinal"}),
        Trial("tune-001", "Completed", 1.5, {"learning_rate": 1e-2, "loss": "ordinal"}),
        Trial("tune-003", "Stopped", 1.6, {"learning_rate": 1e-1, "loss": "ordinal"}),
    ]
    fixed = {"epochs": 7, "architecture": "resnet18"}

    finding = finding_of(SPACE, fixed, trials, {"tune-002": 7, "tune-001": 7, "tune-003": 2}, {"photos": "s3://b/p/"})
    best = best_of(finding.rows)

    assert [row.epochs for row in finding.rows] == [7, 7, 2]
    assert best is not None
    answer = best_knobs(best, finding)
    assert answer["knobs"] == {"architecture": "resnet18", "learning_rate": 1e-3, "loss": "ordinal"}
    assert answer["value"] == 1.4
    assert answer["of"] == {"photos": "s3://b/p/", "epochs": 7}
