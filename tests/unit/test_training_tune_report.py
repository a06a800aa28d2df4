"""What tuning leaves behind, from plain rows."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from training.space import Space
from training.tune_report import Finding, Row, State, best_knobs, best_of, ranked, write_report

if TYPE_CHECKING:
    from pathlib import Path

SPACE = Space.parsed(
    "mine",
    {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "loss": {"choices": ["cross-entropy", "ordinal"]}},
)


def a_row(number: int, value: float | None, state: State = State.COMPLETE, **knobs: Any) -> Row:
    error = None if value is None else 0.02
    return Row(number, state, {"learning_rate": 1e-3, "loss": "ordinal"} | knobs, 3, value, error)


def a_finding(*rows: Row, importance: dict[str, float] | None = None, **fixed: Any) -> Finding:
    return Finding(SPACE, rows, {"epochs": 3} | fixed, {"data": "bins"}, importance or {})


def test_the_best_is_the_complete_trial_with_the_lowest_loss() -> None:
    rows = [a_row(0, 1.5), a_row(1, 1.4), a_row(2, 1.4), a_row(3, 1.2, State.PRUNED), a_row(4, None, State.FAILED)]

    assert best_of(rows) == rows[1]
    assert [row.number for row in ranked(reversed(rows))] == [1, 2, 0, 3, 4]


def test_without_a_complete_trial_there_is_no_best() -> None:
    assert best_of([a_row(0, 1.0, State.PRUNED), a_row(1, None, State.INTERRUPTED)]) is None


def test_what_was_set_for_all_trials_goes_along_with_the_best_knobs_but_not_the_length() -> None:
    finding = a_finding(a_row(0, 1.5), architecture="resnet18", small_epochs=0, drawn=2000)

    best = best_knobs(finding.rows[0], finding)

    assert best["knobs"] == {"architecture": "resnet18", "learning_rate": 1e-3, "loss": "ordinal"}
    assert best["of"] == {"data": "bins", "epochs": 3}


def test_the_table_has_a_line_for_every_trial(tmp_path: Path) -> None:
    write_report(tmp_path, a_finding(a_row(0, 1.5), a_row(1, 1.75, State.PRUNED, loss="cross-entropy")))

    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "trial,state,learning_rate,loss,epochs,val_all_loss,val_all_loss_standard_error",
        "0,complete,0.001,ordinal,3,1.5,0.02",
        "1,pruned,0.001,cross-entropy,3,1.75,0.02",
    ]


def test_an_empty_study_leaves_a_table_without_lines(tmp_path: Path) -> None:
    write_report(tmp_path, a_finding())

    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "trial,state,learning_rate,loss,epochs,val_all_loss,val_all_loss_standard_error"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_trial_without_figures_has_empty_fields(tmp_path: Path) -> None:
    write_report(tmp_path, a_finding(Row(0, State.INTERRUPTED, {}, 0, None, None)))

    with (tmp_path / "table.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert line["val_all_loss"] == line["learning_rate"] == ""


def test_every_kind_of_trial_is_drawn(tmp_path: Path) -> None:
    rows = [
        a_row(0, 1.5),
        a_row(1, 1.4, loss="cross-entropy"),
        a_row(2, 80.0, learning_rate=0.1),
        a_row(3, 2.0, State.PRUNED),
        a_row(4, None, State.FAILED),
        Row(5, State.INTERRUPTED, {}, 0, None, None),
    ]

    write_report(tmp_path, a_finding(*rows, importance={"learning_rate": 0.9, "loss": 0.1}))

    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "best.json").read_text())["trial"] == 1


def test_equal_findings_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(tmp_path / name, a_finding(a_row(0, 1.5), a_row(1, 1.4)))

    assert (tmp_path / "one" / "plot.png").read_bytes() == (tmp_path / "two" / "plot.png").read_bytes()


def test_one_trial_alone_can_be_drawn(tmp_path: Path) -> None:
    write_report(tmp_path, a_finding(a_row(0, 1.5)))

    assert (tmp_path / "plot.png").exists()
