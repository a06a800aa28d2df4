"""Finds the knobs of a space with which a short run does best: Optuna, on one machine, one trial after the other.

    STUDY/study.db       every trial, what it tried and how it did
    STUDY/trial-0007/    its run, with history.json; the weights stay where it is unfinished or the best

Trial 0 is the knobs as they are without tuning, wherever the space contains them. The sampler is seeded anew for
each trial, so a study that was killed tries what it would have tried anyway; the trial in which it was killed goes on
from its checkpoint. How a trial is trained is an argument: this module knows neither torch nor photos, and no clock.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from training.errors import OtherStudyError
from training.knobs import Knobs
from training.space import Space
from training.tune_report import OBJECTIVE, Finding, Row, State, best_of, short

Figures = dict[str, float]
AfterEpoch = Callable[[Figures], None]

Train = Callable[[Knobs, Path, AfterEpoch], None]
"""Trains with these knobs in this folder, or goes on there. Gives every epoch's figures to the third argument, which
may raise: those of earlier sittings first, since a kill may have come between a checkpoint and its figures. Raises
MemoryError where the knobs ask for too much of it."""

_STATES: Final = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.PRUNED,
    TrialState.FAIL: State.FAILED,
    TrialState.RUNNING: State.INTERRUPTED,
}

_STARTS: Final = 3
"""How often a trial may die before its next epoch ends; then it is the knobs that kill it (memory, usually)."""

_KEPT: Final = 75.0
"""Percentile of the complete trials' losses above which a trial is given up. Not the median: only the better trials
become complete, so that it would fall with each of them, until differences within the error decide."""

_TRIALS_BEFORE_PRUNING: Final = 4
_TRIALS_BEFORE_IMPORTANCE: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study is to find out, and where it is kept."""

    out: Path
    space: Space
    base: Knobs
    """Trial 0, and what every trial takes for the knobs outside the space."""
    trials: int
    """How many the study should have in the end, those of earlier sittings included."""
    of: Mapping[str, str]
    """What else decides the figures: the photos, the starting weights."""

    @property
    def fixed(self) -> dict[str, Any]:
        """The knobs that no trial changes."""
        return {knob: value for knob, value in asdict(self.base).items() if knob not in self.space.entries}

    def folder(self, number: int) -> Path:
        """Name the run folder of a trial."""
        return self.out / f"trial-{number:04}"


class _TimeUp(Exception):  # noqa: N818 - no error: the trial goes on in the next sitting
    """Ends a trial between two epochs."""


def tune(
    plan: Plan, train: Train, *, report: Callable[[str], None], time_up: Callable[[], bool] = lambda: False
) -> Finding:
    """Carry out what is left of the plan's trials, and return what all of them have shown.

    Stops between two epochs once `time_up()` says so, and at a KeyboardInterrupt, which it takes for the user's wish
    to see the results. Raises OtherStudyError where the folder holds a study of something else. What `train` raises
    besides MemoryError ends the study, which can be resumed.
    """
    study = _opened(plan)
    sitting = _Sitting(study, plan, train, report, time_up)
    try:
        while not time_up() and (trial := _next_trial(study, plan)) is not None:
            sitting.carry_out(trial)
            rows = _rows(study)
            best = best_of(rows)
            report(f"{rows[trial.number]}; best so far: {f'trial {best.number}' if best else 'none'}")
            _tidy(plan, rows)
    except (KeyboardInterrupt, _TimeUp):
        report("stopped; the same command goes on from here")
    return Finding(plan.space, _rows(study), plan.fixed, plan.of, _importance(study))


def _opened(plan: Plan) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    plan.out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{plan.out.resolve() / 'study.db'}",
        study_name="bins",
        load_if_exists=True,
        pruner=optuna.pruners.PercentilePruner(_KEPT, n_startup_trials=_TRIALS_BEFORE_PRUNING),
    )
    facts = {"space": {knob: str(entry) for knob, entry in plan.space.entries.items()}, "fixed": plan.fixed} | {
        "of": dict(plan.of)
    }
    before = study.user_attrs.get("facts")
    if before is None:
        if plan.base in plan.space:
            study.enqueue_trial({knob: getattr(plan.base, knob) for knob in plan.space.entries}, skip_if_exists=True)
        study.set_user_attr("facts", facts)
    elif differing := [
        f"{name} ({facts[kind].get(name)}, was {before[kind].get(name)})"
        for kind in facts
        for name in facts[kind].keys() | before[kind].keys()
        if facts[kind].get(name) != before[kind].get(name)
    ]:
        raise OtherStudyError(
            f"{plan.out} holds a study with other {', '.join(sorted(differing))}: choose another folder"
        )
    return study


def _next_trial(study: optuna.Study, plan: Plan) -> Trial | None:
    started = [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]
    interrupted = [trial for trial in started if trial.state == TrialState.RUNNING]
    if not interrupted and len(started) >= plan.trials:
        return None
    number = interrupted[0].number if interrupted else len(started)
    study.sampler = TPESampler(seed=plan.base.seed * 1_000_003 + number)
    return Trial(study, interrupted[0]._trial_id) if interrupted else study.ask()  # noqa: SLF001 - no public way back


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One call of `tune`: what its trials have in common."""

    study: optuna.Study
    plan: Plan
    train: Train
    report: Callable[[str], None]
    time_up: Callable[[], bool]

    def carry_out(self, trial: Trial) -> None:
        """Train the trial to its end, and tell the study which that was; leaves it running where it is interrupted."""
        values = self.plan.space.suggest(trial)
        settings = " ".join(f"{knob}={short(value)}" for knob, value in values.items())
        self.report(f"trial {trial.number} of {self.plan.trials}: {settings}")
        epochs, starts = len(_history(trial)), trial.user_attrs.get("starts", [])
        if starts.count(epochs) >= _STARTS:
            self.study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr("starts", [*starts, epochs])
        try:
            self._train(trial, Knobs.of(asdict(self.plan.base) | values))
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except MemoryError:
            self.study.tell(trial, state=TrialState.FAIL)
        except (KeyboardInterrupt, _TimeUp):
            trial.set_user_attr("starts", starts)  # being stopped is no dying
            raise

    def _train(self, trial: Trial, knobs: Knobs) -> None:
        def after_epoch(figures: Figures) -> None:
            if figures["epoch"] > len(_history(trial)):
                trial.set_user_attr("history", [*_history(trial), figures])
                trial.report(figures[OBJECTIVE], int(figures["epoch"]))
            if figures["epoch"] < knobs.epochs:
                _stop_if_hopeless(trial)
                if self.time_up():
                    raise _TimeUp

        self.train(knobs, self.plan.folder(trial.number), after_epoch)
        losses = [figures[OBJECTIVE] for figures in _history(trial) if math.isfinite(figures[OBJECTIVE])]
        if not losses:
            raise optuna.TrialPruned
        self.study.tell(trial, min(losses))  # a run keeps the weights of its best epoch


def _history(trial: Trial | FrozenTrial) -> list[Figures]:
    history: list[Figures] = trial.user_attrs.get("history", [])
    return history


def _stop_if_hopeless(trial: Trial) -> None:
    """Raise TrialPruned where the trial has diverged, or did worse by now than three quarters of the complete ones."""
    if not math.isfinite(_history(trial)[-1][OBJECTIVE]) or trial.should_prune():
        raise optuna.TrialPruned


def _rows(study: optuna.Study) -> list[Row]:
    trials = study.get_trials(deepcopy=False)
    return [_row(trial) for trial in trials if trial.state in _STATES]


def _row(trial: FrozenTrial) -> Row:
    history = _history(trial)
    finite = [figures for figures in history if math.isfinite(figures[OBJECTIVE])]
    best = min(finite, key=lambda figures: figures[OBJECTIVE], default={})
    return Row(
        number=trial.number,
        state=_STATES[trial.state],
        knobs=trial.params,
        epochs=len(history),
        loss=best.get(OBJECTIVE),
        standard_error=best.get(f"{OBJECTIVE}_standard_error"),
    )


def _importance(study: optuna.Study) -> dict[str, float]:
    """Share out what the knobs have to do with a trial's success (PED-ANOVA); nothing where trials are too few."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return optuna.importance.get_param_importances(study) if len(complete) >= _TRIALS_BEFORE_IMPORTANCE else {}


def _tidy(plan: Plan, rows: Sequence[Row]) -> None:
    """Throw away weights that nobody will go on from; the best trial stays a whole run."""
    best = best_of(rows)
    for row in rows:
        if row.state != State.INTERRUPTED and row != best:
            for weights in plan.folder(row.number).glob("*.pt"):
                weights.unlink()
