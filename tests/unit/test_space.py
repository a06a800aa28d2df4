"""The space file: what is accepted, what is refused and why, and both forms in which it is used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import UnusableSpaceError
from training.knobs import Knobs
from training.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Lowest:
    """Chooses the least of everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        self.asked.append((name, low, high, log))
        return low

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        self.asked.append((name, low, high, log))
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked.append((name, *choices))
        return choices[0]


def test_the_published_space_has_the_published_ranges() -> None:
    trial = Lowest()

    assert Space.load("published").suggest(trial) == {"learning_rate": 1e-4, "batch_size": 32}
    assert trial.asked == [("learning_rate", 1e-4, 1e-1, True), ("batch_size", 32, 64, 128, 256, 512)]


@pytest.mark.parametrize("name", ["published", "wide"])
def test_the_project_s_own_spaces_contain_the_defaults(name: str) -> None:
    assert Knobs() in Space.load(name)


@pytest.mark.parametrize("name", ["published", "wide"])
def test_every_entry_of_the_project_s_own_spaces_says_why(name: str) -> None:
    assert all(entry.why for entry in Space.load(name).entries.values())


def test_a_space_of_ones_own_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"mixup": {"low": 0, "high": 1}}')

    space = Space.load(str(tmp_path / "mine.json"))

    assert space.name == "mine"
    assert Knobs(mixup=0.5) in space
    assert Knobs(mixup=1.5) not in space


def test_a_whole_number_stays_one() -> None:
    trial = Lowest()

    chosen = Space.parsed("mine", {"small_size": {"low": 96, "high": 192, "log": True}}).suggest(trial)

    assert chosen == {"small_size": 96}
    assert isinstance(chosen["small_size"], int)


def test_whole_numbers_become_floats_where_the_knob_is_one() -> None:
    chosen = Space.parsed("mine", {"mixup": {"low": 0, "high": 1}}).suggest(Lowest())

    assert isinstance(chosen["mixup"], float)


def test_a_tuning_job_gets_the_ranges_as_strings_under_the_options_names() -> None:
    space = Space.parsed(
        "mine",
        {
            "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "mixup": {"low": 0, "high": 0.5},
            "small_size": {"low": 96, "high": 192},
            "batch_size": {"choices": [32, 64]},
            "loss": {"choices": ["ordinal"]},
        },
    )

    assert space.parameter_ranges() == {
        "ContinuousParameterRanges": [
            {"Name": "learning-rate", "MinValue": "0.0001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
            {"Name": "mixup", "MinValue": "0.0", "MaxValue": "0.5", "ScalingType": "Linear"},
        ],
        "IntegerParameterRanges": [
            {"Name": "small-size", "MinValue": "96", "MaxValue": "192", "ScalingType": "Linear"},
        ],
        "CategoricalParameterRanges": [
            {"Name": "batch-size", "Values": ["32", "64"]},
            {"Name": "loss", "Values": ['"ordinal"']},
        ],
    }


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ([], "expected an object"),
        ({}, "expected an object"),
        ({"learning_speed": {"low": 1, "high": 2}}, "no knob 'learning_speed'"),
        ({"epochs": {"low": 1, "high": 9}}, "epochs cannot be tuned: every trial gets the same"),
        ({"seed": {"choices": [1, 2]}}, "seed cannot be tuned: it deals out the photos"),
        ({"learn_from_validation": {"choices": [True]}}, "learn_from_validation cannot be tuned"),
        ({"mixup": 0.2}, "mixup: expected low and high, or choices"),
        ({"mixup": {}}, "found neither"),
        ({"mixup": {"low": 0.1}}, "found low"),
        ({"mixup": {"low": 0.1, "high": 0.3, "step": 0.1}}, "found high, low, step"),
        ({"mixup": {"low": 0.1, "high": 0.3, "choices": [0.1]}}, "found choices, high, low"),
        ({"mixup": {"low": 0.3, "high": 0.1}}, "low (0.3) must lie below high (0.1)"),
        ({"mixup": {"low": 0.3, "high": 0.3}}, "must lie below"),
        ({"mixup": {"low": 0, "high": 0.3, "log": True}}, "starts above 0"),
        ({"mixup": {"low": 0.1, "high": 0.3, "log": "yes"}}, "log is true or false"),
        ({"mixup": {"low": "0.1", "high": 0.3}}, "mixup does not take '0.1'"),
        ({"mixup": {"low": 0.1, "high": float("inf")}}, "mixup does not take inf"),
        ({"mixup": {"low": False, "high": 1}}, "mixup does not take False"),
        ({"batch_size": {"low": 1.5, "high": 8}}, "batch_size does not take 1.5"),
        ({"batch_size": {"choices": [32, "64"]}}, "batch_size does not take '64'"),
        ({"batch_size": {"choices": [[32]]}}, "batch_size does not take [32]"),
        ({"batch_size": {"choices": 32}}, "choices must be a list"),
        ({"batch_size": {"choices": []}}, "choices must be a list"),
        ({"batch_size": {"choices": [32, 32]}}, "occurs twice"),
        ({"loss": {"choices": ["hinge"]}}, "loss does not take 'hinge'"),
        ({"loss": {"low": 1, "high": 2}}, "loss takes no numbers"),
        ({"architecture": {"choices": [18]}}, "architecture does not take 18"),
    ],
)
def test_an_unusable_space_is_refused_with_what_is_wrong(described: Any, complaint: str) -> None:
    with pytest.raises(UnusableSpaceError) as refused:
        Space.parsed("mine", described)

    assert str(refused.value).startswith("space mine: ")
    assert complaint in str(refused.value)


def test_an_unknown_space_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnusableSpaceError, match="narrow is neither a file nor one of the spaces published, wide"):
        Space.load("narrow")


def test_a_file_that_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("mixup: 0..1")

    with pytest.raises(UnusableSpaceError, match=r"mine\.json: "):
        Space.load(str(tmp_path / "mine.json"))


def test_the_ranges_are_plain_data() -> None:
    ranges = Space.load("wide").parameter_ranges()

    assert json.loads(json.dumps(ranges)) == ranges
