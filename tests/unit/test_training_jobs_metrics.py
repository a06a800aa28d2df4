"""SageMaker's regular expressions on the lines that a training prints."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch", reason="needs the training environment")

from training.jobs.requests import METRICS, metric_definitions
from training.train import metric_line

pytestmark = pytest.mark.torch

FIGURES = {"epoch": 3} | {name: 0.1 + number for number, name in enumerate(METRICS)}


def read(line: str) -> dict[str, list[float]]:
    """What SageMaker would collect from a line: every match of every definition."""
    found = {one["Name"]: re.findall(one["Regex"], line) for one in metric_definitions()}
    return {name: [float(value) for value in values] for name, values in found.items() if values}


def test_every_figure_of_a_metric_line_is_read_once_and_under_its_own_name() -> None:
    assert read(metric_line(FIGURES)) == {name: [value] for name, value in FIGURES.items()}


def test_a_run_without_drawn_bins_reports_fewer_figures() -> None:
    figures = {name: value for name, value in FIGURES.items() if not name.startswith("drawn_")}

    assert read(metric_line(figures)) == {name: [value] for name, value in figures.items()}


def test_what_several_processes_write_before_a_line_does_no_harm() -> None:
    assert read(f"[1,mpirank:0,algo-1]<stdout>:{metric_line(FIGURES)}") == read(metric_line(FIGURES))


def test_other_lines_are_no_metrics() -> None:
    assert read("Invoking script with the following command: python entry.py --epochs 20") == {}
