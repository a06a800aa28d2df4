"""Which values of which knobs tuning may try: the one description for one machine and for a SageMaker tuning job.

    {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": true},      any value in between
     "batch_size": {"choices": [32, 64, 128]}}                       one of these

Both kinds may carry a `why` for their readers. Knows neither Optuna nor boto3: `suggest` asks whatever has
Optuna's three methods, `parameter_ranges` is plain data.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Protocol, Self

from training.errors import BadKnobsError, UnusableSpaceError
from training.knobs import Knobs

Value = int | float | str

_SPACES: Final = Path(__file__).with_name("space.json")

_NOT_TUNED: Final = {
    "epochs": "every trial gets the same number of them",
    "learn_from_validation": "without validation photos there is no figure to compare",
    "seed": "it deals out the photos, and figures on other photos cannot be compared",
}


class Suggests(Protocol):
    """Chooses values: Optuna's trial."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Choose a number from low to high."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """Choose a whole number from low to high, both included."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Choose one of these."""


@dataclass(frozen=True, slots=True)
class Range:
    """Any value from low to high, whole ones where both are ints; `log` makes every decade equally likely."""

    low: int | float
    high: int | float
    log: bool
    why: str

    @property
    def whole(self) -> bool:
        """Tell whether only whole numbers are meant."""
        return isinstance(self.low, int)

    def suggest(self, name: str, trial: Suggests) -> Value:
        """Let the trial choose."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', logarithmic' if self.log else ''}"


@dataclass(frozen=True, slots=True)
class Choices:
    """One of these values."""

    values: tuple[Value, ...]
    why: str

    def suggest(self, name: str, trial: Suggests) -> Value:
        """Let the trial choose."""
        chosen: Value = trial.suggest_categorical(name, self.values)
        return chosen

    def __contains__(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return " | ".join(map(str, self.values))


@dataclass(frozen=True, slots=True)
class Space:
    """What tuning may try, by the name of the knob."""

    name: str
    entries: Mapping[str, Range | Choices]

    @classmethod
    def load(cls, name_or_file: str) -> Self:
        """Load one of the project's spaces by name, or the only one in a file of yours.

        Raises UnusableSpaceError where there is no such space, or where it names a knob that does not exist or
        values that the knob cannot take.
        """
        ours = _json(_SPACES)
        if name_or_file in ours:
            return cls.parsed(name_or_file, ours[name_or_file])
        file = Path(name_or_file)
        if not file.is_file():
            raise UnusableSpaceError(f"{name_or_file} is neither a file nor one of the spaces {', '.join(ours)}")
        return cls.parsed(file.stem, _json(file))

    @classmethod
    def parsed(cls, name: str, described: Any) -> Self:
        """Parse a space from its JSON object; raises UnusableSpaceError like `load`."""
        if not isinstance(described, dict) or not described:
            raise UnusableSpaceError(f"space {name}: expected an object with an entry for each knob to tune")
        try:
            return cls(name, {knob: _entry(knob, entry) for knob, entry in described.items()})
        except _Unusable as problem:
            raise UnusableSpaceError(f"space {name}: {problem}") from None

    def __contains__(self, knobs: Knobs) -> bool:
        return all(getattr(knobs, knob) in entry for knob, entry in self.entries.items())

    def suggest(self, trial: Suggests) -> dict[str, Value]:
        """Let Optuna's trial choose a value for every knob of the space."""
        return {knob: entry.suggest(knob, trial) for knob, entry in self.entries.items()}

    def parameter_ranges(self) -> dict[str, list[dict[str, Any]]]:
        """Give the `ParameterRanges` of SageMaker's CreateHyperParameterTuningJob.

        Names are spelled as options are (`learning-rate`): a script-mode container passes them on so. Choices are
        JSON (`64`, `"ordinal"`), which its toolkit decodes before it does.
        """
        ranges: dict[str, list[dict[str, Any]]] = {
            "ContinuousParameterRanges": [],
            "IntegerParameterRanges": [],
            "CategoricalParameterRanges": [],
        }
        for knob, entry in self.entries.items():
            name = knob.replace("_", "-")
            if isinstance(entry, Choices):
                values = [json.dumps(value) for value in entry.values]
                ranges["CategoricalParameterRanges"].append({"Name": name, "Values": values})
            else:
                kind = "IntegerParameterRanges" if entry.whole else "ContinuousParameterRanges"
                scaling = "Logarithmic" if entry.log else "Linear"
                limits = {"MinValue": str(entry.low), "MaxValue": str(entry.high)}
                ranges[kind].append({"Name": name, **limits, "ScalingType": scaling})
        return ranges


class _Unusable(Exception):  # noqa: N818 - a UnusableSpaceError that does not know its space's name yet
    """What is wrong with an entry."""


def _entry(knob: str, described: Any) -> Range | Choices:
    kinds = {knob.name: knob.type for knob in fields(Knobs)}
    if knob in _NOT_TUNED:
        raise _Unusable(f"{knob} cannot be tuned: {_NOT_TUNED[knob]}")
    if knob not in kinds:
        raise _Unusable(f"there is no knob {knob!r}; there are {', '.join(k for k in kinds if k not in _NOT_TUNED)}")
    if not isinstance(described, dict):
        raise _Unusable(f"{knob}: expected low and high, or choices")
    keys = described.keys() - {"why"}
    if keys == {"choices"}:
        return _choices(knob, described)
    if {"low", "high"} <= keys <= {"low", "high", "log"}:
        return _range(knob, kinds[knob], described)
    raise _Unusable(
        f"{knob}: expected low and high (and log), or choices; found {', '.join(sorted(keys)) or 'neither'}"
    )


def _choices(knob: str, described: Mapping[str, Any]) -> Choices:
    values = described["choices"]
    if not isinstance(values, list) or not values:
        raise _Unusable(f"{knob}: choices must be a list of values")
    taken = tuple(_taken(knob, value) for value in values)
    if len(set(taken)) < len(taken):
        raise _Unusable(f"{knob}: a choice occurs twice")
    return Choices(taken, str(described.get("why", "")))


def _range(knob: str, kind: Any, described: Mapping[str, Any]) -> Range:
    if kind not in (int, float):
        raise _Unusable(f"{knob} takes no numbers: give it choices")
    low, high = (_taken(knob, described[end]) for end in ("low", "high"))
    log = described.get("log", False)
    if not isinstance(low, int | float) or not isinstance(high, int | float) or low >= high:
        raise _Unusable(f"{knob}: low ({low}) must lie below high ({high})")
    if not isinstance(log, bool):
        raise _Unusable(f"{knob}: log is true or false")
    if log and low <= 0:
        raise _Unusable(f"{knob}: a logarithmic range starts above 0")
    return Range(low, high, log, str(described.get("why", "")))


def _taken(knob: str, value: Any) -> Value:
    """Check that the knob takes this value as it is; whole numbers become floats where it takes those."""
    finite = isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))
    try:
        taken: Value = getattr(Knobs.of({knob: value}), knob)
    except BadKnobsError as cause:
        raise _Unusable(f"{knob} does not take {value!r}: {cause}") from cause
    if not finite or isinstance(value, bool) or taken != value:
        raise _Unusable(f"{knob} does not take {value!r}")
    return taken


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise UnusableSpaceError(f"{file}: {cause}") from cause
