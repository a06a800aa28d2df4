"""Tuning with a training function whose losses are known beforehand."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import OtherStudyError
from training.knobs import Knobs
from training.space import Space
from training.tune import Plan, tune
from training.tune_report import State, best_knobs, best_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.tune import AfterEpoch, Figures
    from training.tune_report import Row

SPACE = Space.parsed(
    "mine",
    {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "batch_size": {"choices": [32, 64, 128]}},
)


def loss_of(knobs: Knobs, epoch: int) -> float:
    """Best near a rate of 1e-3, and better with every epoch."""
    return 1 + (math.log10(knobs.learning_rate) + 3) ** 2 + 0.1 / epoch + knobs.batch_size / 10_000


@dataclass
class Trainer:
    """Trains without learning: keeps its checkpoint as the number of epochs in the trial's folder."""

    loss: Callable[[Knobs, int], float] = loss_of
    trained: list[tuple[str, int]] = field(default_factory=list)
    cut: Callable[[str, int], BaseException | None] = lambda _trial, _epoch: None

    def __call__(self, knobs: Knobs, folder: Path, after_epoch: AfterEpoch) -> None:
        folder.mkdir(exist_ok=True)
        checkpoint = folder / "checkpoint.pt"
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(1, knobs.epochs + 1):
            if epoch > done:
                self.trained.append((folder.name, epoch))
                checkpoint.write_text(str(epoch))
                (folder / "best.pt").write_text("")
                if (exception := self.cut(folder.name, epoch)) is not None:
                    raise exception
            after_epoch(self.figures(knobs, epoch))

    def figures(self, knobs: Knobs, epoch: int) -> Figures:
        return {
            "epoch": epoch,
            "val_all_loss": self.loss(knobs, epoch),
            "val_all_loss_standard_error": 0.02,
        }


def a_plan(out: Path, trials: int = 8, **base: Any) -> Plan:
    return Plan(out, SPACE, Knobs(**{"epochs": 3} | base), trials, of={"data": "bins"})


def tuned(plan: Plan, trainer: Trainer | None = None, **how: Any) -> list[Row]:
    return list(tune(plan, trainer or Trainer(), report=lambda _: None, **how).rows)


def once(trial: str, epoch: int, exception: BaseException) -> Callable[[str, int], BaseException | None]:
    """Raise there the first time only, as a power cut would."""
    left = [exception]
    return lambda *where: left.pop() if where == (trial, epoch) and left else None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    out = tmp_path_factory.mktemp("study")
    return out, tuned(a_plan(out))


def test_every_trial_of_the_plan_is_carried_out(undisturbed: tuple[Path, list[Row]]) -> None:
    assert [row.number for row in undisturbed[1]] == list(range(8))


def test_trial_0_is_the_knobs_as_they_were_given(undisturbed: tuple[Path, list[Row]]) -> None:
    assert undisturbed[1][0].knobs == {"learning_rate": 5e-4, "batch_size": 64}


def test_knobs_outside_the_space_are_not_tried(tmp_path: Path) -> None:
    (row,) = tuned(a_plan(tmp_path, trials=1, batch_size=48))

    assert row.knobs["batch_size"] in (32, 64, 128)


def test_what_does_worse_than_most_others_is_pruned(undisturbed: tuple[Path, list[Row]]) -> None:
    rows = undisturbed[1]
    pruned = [row for row in rows if row.state == State.PRUNED]
    complete = [row for row in rows if row.state == State.COMPLETE]

    assert pruned
    assert all(row.epochs < 3 for row in pruned)
    assert all(row.epochs == 3 for row in complete)
    assert min(row.loss or 0 for row in pruned) > min(row.loss or 9 for row in complete)


def test_the_first_trials_are_never_pruned(undisturbed: tuple[Path, list[Row]]) -> None:
    assert {row.state for row in undisturbed[1][:4]} == {State.COMPLETE}


def test_equal_seeds_try_equal_knobs(undisturbed: tuple[Path, list[Row]], tmp_path: Path) -> None:
    assert tuned(a_plan(tmp_path)) == undisturbed[1]


def test_another_seed_tries_other_knobs(undisturbed: tuple[Path, list[Row]], tmp_path: Path) -> None:
    assert tuned(a_plan(tmp_path, trials=2, seed=2))[1].knobs != undisturbed[1][1].knobs


@pytest.mark.parametrize(
    ("trial", "epoch", "exception"),
    [
        ("trial-0000", 1, RuntimeError("power cut")),
        ("trial-0002", 3, RuntimeError("power cut")),
        ("trial-0001", 2, KeyboardInterrupt()),
    ],
)
def test_an_interrupted_study_ends_like_an_undisturbed_one(
    undisturbed: tuple[Path, list[Row]], tmp_path: Path, trial: str, epoch: int, exception: BaseException
) -> None:
    trainer = Trainer(cut=once(trial, epoch, exception))
    try:
        rows = tuned(a_plan(tmp_path), trainer)
    except RuntimeError:
        pass
    else:
        assert rows[-1].state == State.INTERRUPTED

    assert tuned(a_plan(tmp_path), trainer) == undisturbed[1]
    assert len(set(trainer.trained)) == len(trainer.trained), "no epoch was trained twice"


def test_a_finished_study_is_not_trained_again(tmp_path: Path) -> None:
    rows = tuned(a_plan(tmp_path, trials=2))
    trainer = Trainer()

    assert tuned(a_plan(tmp_path, trials=2), trainer) == rows
    assert not trainer.trained


def test_more_trials_are_added_to_those_that_are_done(tmp_path: Path) -> None:
    first = tuned(a_plan(tmp_path, trials=2))
    trainer = Trainer()

    assert tuned(a_plan(tmp_path, trials=3), trainer)[:2] == first
    assert {trial for trial, _ in trainer.trained} == {"trial-0002"}


def test_time_that_is_up_ends_the_trial_after_its_epoch_and_it_goes_on_later(tmp_path: Path) -> None:
    trainer = Trainer()
    rows = tuned(a_plan(tmp_path, trials=2), trainer, time_up=lambda: len(trainer.trained) >= 2)

    assert [(row.state, row.epochs) for row in rows] == [(State.INTERRUPTED, 2)]
    assert [(row.state, row.epochs) for row in tuned(a_plan(tmp_path, trials=2), trainer)] == [(State.COMPLETE, 3)] * 2
    assert len(trainer.trained) == 6


def test_no_time_at_all_trains_nothing(tmp_path: Path) -> None:
    assert tuned(a_plan(tmp_path), time_up=lambda: True) == []


def test_a_trial_that_diverges_is_pruned_at_once(tmp_path: Path) -> None:
    (row,) = tuned(a_plan(tmp_path, trials=1), Trainer(loss=lambda _knobs, _epoch: math.nan))

    assert (row.state, row.epochs, row.loss) == (State.PRUNED, 1, None)


def test_a_trial_that_diverges_in_its_last_epoch_counts_by_its_best(tmp_path: Path) -> None:
    (row,) = tuned(a_plan(tmp_path, trials=1), Trainer(loss=lambda _, epoch: math.nan if epoch == 3 else 2.0 - epoch))

    assert (row.state, row.loss) == (State.COMPLETE, 0.0)


def test_knobs_that_need_too_much_memory_fail_alone(tmp_path: Path) -> None:
    rows = tuned(a_plan(tmp_path, trials=2), Trainer(cut=once("trial-0000", 1, MemoryError())))

    assert [row.state for row in rows] == [State.FAILED, State.COMPLETE]


def test_a_trial_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    class Killed(Exception):  # noqa: N818 - an event
        pass

    def dies(_knobs: Knobs, folder: Path, _after_epoch: AfterEpoch) -> None:
        raise Killed(folder.name)

    for trial in ("trial-0000",) * 3 + ("trial-0001",):
        with pytest.raises(Killed, match=trial):
            tune(a_plan(tmp_path, trials=2), dies, report=lambda _: None)

    assert [row.state for row in tuned(a_plan(tmp_path, trials=2))] == [State.FAILED, State.COMPLETE]


def test_a_trial_may_be_stopped_as_often_as_one_likes(tmp_path: Path) -> None:
    stopped = Trainer(cut=lambda _trial, _epoch: KeyboardInterrupt())
    for _ in range(5):
        (row,) = tuned(a_plan(tmp_path, trials=1, epochs=9), stopped)

    assert row.state == State.INTERRUPTED


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"epochs": 5}, "epochs (5, was 3)"),
        ({"architecture": "resnet18"}, "architecture (resnet18, was mobilenet_v2)"),
    ],
)
def test_other_fixed_knobs_need_another_folder(tmp_path: Path, other: dict[str, Any], difference: str) -> None:
    tuned(a_plan(tmp_path, trials=1))

    with pytest.raises(OtherStudyError) as refused:
        tuned(a_plan(tmp_path, trials=1, **other))

    assert difference in str(refused.value)


def test_another_space_or_other_photos_need_another_folder(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, trials=1)
    tuned(plan)

    with pytest.raises(OtherStudyError, match="learning_rate"):
        tuned(replace(plan, space=Space.parsed("mine", {"batch_size": {"choices": [32, 64, 128]}})))
    with pytest.raises(OtherStudyError, match="data"):
        tuned(replace(plan, of={"data": "other bins"}))


def test_only_the_best_trial_keeps_its_weights(undisturbed: tuple[Path, list[Row]]) -> None:
    out, rows = undisturbed
    best = best_of(rows)

    assert best
    assert {path.parent.name for path in out.glob("trial-*/*.pt")} == {f"trial-{best.number:04}"}


def test_an_interrupted_trial_keeps_its_weights(tmp_path: Path) -> None:
    tuned(a_plan(tmp_path, trials=3), Trainer(cut=once("trial-0001", 2, KeyboardInterrupt())))

    assert (tmp_path / "trial-0001" / "checkpoint.pt").exists()


def test_what_was_found_makes_knobs_within_the_space(tmp_path: Path) -> None:
    finding = tune(a_plan(tmp_path, trials=2, weight_decay=0.1), Trainer(), report=lambda _: None)
    best = best_of(finding.rows)

    assert best
    left = json.loads(json.dumps(best_knobs(best, finding)))
    assert Knobs.of(left["knobs"]) in SPACE
    assert Knobs.of(left["knobs"]).weight_decay == 0.1
    assert left["of"] == {"data": "bins", "epochs": 3}


def test_the_lines_on_the_way_name_trial_knobs_and_outcome(tmp_path: Path) -> None:
    lines: list[str] = []
    tune(a_plan(tmp_path, trials=1), Trainer(), report=lines.append)

    assert lines[0] == "trial 0 of 1: learning_rate=0.0005 batch_size=64"
    assert lines[1].startswith("trial 0: val_all_loss 1.1304 ± 0.0200, complete after epoch 3; best so far: trial 0")
