"""A policy file says what differs from the default, or is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chalicelib.policy import DEFAULT
from training.alerts.policy_file import read_policy
from training.errors import UnusableConfigError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str) -> Path:
    file = folder / "patient.json"
    file.write_text(text)
    return file


def test_what_a_file_names_takes_the_place_of_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, '{"costs": {"review": 2}, "deviations": {"-1": 0.7, "1": 0.3}, "anything_else": 0.1}')
    assert read_policy(file) == replace(
        DEFAULT,
        version="patient",
        costs=replace(DEFAULT.costs, review=2.0),
        deviations=((-1, 0.7), (1, 0.3)),
        anything_else=0.1,
    )


def test_a_file_may_name_its_own_version(tmp_path: Path) -> None:
    assert read_policy(written(tmp_path, '{"version": "FRA1/7"}')) == replace(DEFAULT, version="FRA1/7")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "must be a table"),
        ('{"patience": 1}', "unknown patience"),
        ('{"costs": {"walk": 1}}', "unknown walk"),
        ('{"costs": {"review": -1}}', "positive"),
        ('{"costs": 3}', "must be a table"),
        ('{"anything_else": "much"}', "not what belongs there"),
        ('{"anything_else": 2}', "anything_else"),
        ('{"deviations": {"-1": 0.7}}', "sum to 1"),
        ('{"deviations": {"few": 1}}', "few"),
    ],
)
def test_a_file_that_makes_no_policy_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnusableConfigError, match=reason):
        read_policy(written(tmp_path, text))
