"""What a tuning job has found, in the form in which tuning on one machine reports: plain data in, plain data out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from training.knobs import Knobs
from training.space import Space
from training.tune_report import Finding, Row, State

_STATES: Final = {"Completed": State.COMPLETE, "Stopped": State.PRUNED, "Failed": State.FAILED}
"""A training that early stopping ended is `Stopped`, like one that somebody stopped."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training of a tuning job, and the knobs that were chosen for it."""

    name: str
    status: str
    objective: float | None
    """As its last epoch so far reported it."""
    knobs: Mapping[str, Any]

    @property
    def state(self) -> State:
        """Its status in the words of tuning on one machine."""
        return _STATES.get(self.status, State.INTERRUPTED)


def space_of(name: str, ranges: Mapping[str, Sequence[Mapping[str, Any]]]) -> Space:
    """Read a space back from ParameterRanges, the inverse of `Space.parameter_ranges`."""
    described: dict[str, Any] = {
        _knob(one["Name"]): {"choices": [json.loads(value) for value in one["Values"]]}
        for one in ranges.get("CategoricalParameterRanges", [])
    }
    for kind in ("ContinuousParameterRanges", "IntegerParameterRanges"):
        for one in ranges.get(kind, []):
            limits = {"low": json.loads(one["MinValue"]), "high": json.loads(one["MaxValue"])}
            described[_knob(one["Name"])] = {**limits, "log": one.get("ScalingType") == "Logarithmic"}
    return Space.parsed(name, described)


def knobs_of(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Read knobs back from hyperparameters, and leave out those that are none."""
    knobs = {field.name for field in fields(Knobs)}
    return {_knob(name): json.loads(value) for name, value in hyperparameters.items() if _knob(name) in knobs}


def finding_of(
    space: Space, fixed: Mapping[str, Any], trials: Sequence[Trial], epochs: Mapping[str, int], of: Mapping[str, str]
) -> Finding:
    """Put a tuning job's trials into the report's form; `epochs` is how many each of them saw, by name."""
    return Finding(
        space=space,
        rows=[
            Row(number, trial.state, trial.knobs, epochs.get(trial.name, 0), trial.objective, standard_error=None)
            for number, trial in enumerate(trials)
        ],
        fixed={knob: value for knob, value in asdict(Knobs.of(fixed)).items() if knob not in space.entries},
        of=of,
        importance={},
    )


def _knob(name: str) -> str:
    return name.replace("-", "_")
