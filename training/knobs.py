"""Every knob of a training run and of a pretraining, with its default and what it does.

The command lines of `train` and `pretrain` are made from these lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from training.errors import BadKnobsError


def _knob(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


class Loss(StrEnum):
    """What a training step makes smaller; see `training.losses`."""

    CROSS_ENTROPY = "cross-entropy"
    ORDINAL = "ordinal"


@dataclass(frozen=True, slots=True)
class Knobs:
    """What decides the outcome of a run, beside its photos. Each field is an option of `train`."""

    # The network
    architecture: str = _knob(
        "mobilenet_v2", "Any classifier of torchvision.models, resnet50v2_stage3, or efficientnet_lite0 to 2."
    )
    size: int = _knob(224, "Side of the photos that the network is released for, in pixels.")

    enlarge: float = _knob(1.0, "The network sees photos enlarged by this factor: finer places, at its square in cost.")

    # The photos
    drawn: int = _knob(2000, "Drawn bins added to the real ones of the training split; 0 for none.")
    drawn_held_out: int = _knob(300, "Drawn bins of each other split, where there are drawn ones at all.")
    drawn_epochs: int = _knob(0, "How many of the first passes see drawn bins only.")

    # The schedule
    epochs: int = _knob(7, "Passes over the training photos.")
    small_epochs: int = _knob(5, "How many of the first passes see small photos, at less than half the cost.")
    small_size: int = _knob(144, "Side of the photos in those first passes, in pixels.")
    batch_size: int = _knob(64, "Photos per step, over all devices together.")
    learning_rate: float = _knob(5e-4, "Peak of the one-cycle schedule for the backbone (AdamW).")
    head_learning_rate: float = _knob(2e-3, "The same for the new head, which starts from nothing.")
    warm_up: float = _knob(0.2, "Part of all steps in which the rate climbs to its peak; it then falls as a cosine.")

    # What keeps a small data set from being learnt by heart
    weight_decay: float = _knob(0.02, "AdamW's decay of the weights.")
    loss: Loss = _knob(  # noqa: RUF009 - a field like the others
        Loss.CROSS_ENTROPY, "Cross-entropy treats every miss alike; ordinal weighs it by its distance."
    )
    measures: float = _knob(0.0, "Weight of guessing the goods' measures beside their count; see training.measures.")
    neighbours: float = _knob(0.12, "Share of each target that goes to the counts one off.")
    label_smoothing: float = _knob(0.0, "Share of each target that is spread over all classes.")
    mixup: float = _knob(0.2, "Beta parameter by which pairs of photos are blended; 0 for never.")
    cutmix: float = _knob(0.0, "Beta parameter by which a part of another photo is pasted in; 0 for never.")
    ema_decay: float = _knob(0.99, "How much of the averaged weights stays at each step; they are what is released.")
    teaching: float = _knob(0.7, "Share of each target that teachers give, where there are any.")

    learn_from_validation: bool = _knob(
        default=False,
        meaning="Learn from the validation photos too: a last run, whose epochs an earlier one has chosen.",
    )

    seed: int = _knob(1, "Of the split, the drawn bins and everything random in training.")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make knobs from plain values, those not named at their defaults.

        Raises BadKnobsError for a name that is no knob and for a value that is none of its type.
        """
        types = {one.name: one.type for one in fields(cls)}
        unknown = sorted(set(values) - set(types))
        if unknown:
            raise BadKnobsError(f"no knob is called {', '.join(unknown)}; there are {', '.join(types)}")
        try:
            return cls(**{name: _typed(types[name], value) for name, value in values.items()})
        except (TypeError, ValueError) as cause:
            raise BadKnobsError(str(cause)) from cause


@dataclass(frozen=True, slots=True)
class PretrainingKnobs:
    """What decides the outcome of a pretraining, beside its photos. Each field is an option of `pretrain`.

    Raises BadKnobsError for values with which there is nothing to learn.
    """

    # The network
    architecture: str = _knob("mobilenet_v2", "Any classifier that train takes; train the same one afterwards.")
    size: int = _knob(224, "Side of the photos as they are decoded and kept, in pixels; windows are cut from these.")

    # The two views of each photo
    view_size: int = _knob(160, "Side at which the network sees a window, in pixels; the cost grows with its square.")
    least_area: float = _knob(0.6, "Smallest window, as a part of the photo: goods left outside cannot be told apart.")

    # The schedule
    epochs: int = _knob(5, "Passes over the training photos, each of which is seen twice in a pass.")
    batch_size: int = _knob(64, "Photos per step; each is told apart from the others of its step.")
    learning_rate: float = _knob(5e-4, "Peak of the one-cycle schedule for the backbone (AdamW).")
    head_learning_rate: float = _knob(2e-3, "The same for the projection, which starts from nothing.")
    warm_up: float = _knob(0.2, "Part of all steps in which the rate climbs to its peak; it then falls as a cosine.")
    weight_decay: float = _knob(0.02, "AdamW's decay of the weights.")
    ema_decay: float = _knob(0.99, "How much of the averaged weights stays at each step; they are what is written.")

    # What is told apart, and how sharply
    temperature: float = _knob(0.2, "The lower, the more the photos count that are most alike.")
    neighbours_together: bool = _knob(
        default=True, meaning="Put photos with consecutive ids into one step: one bin before and after an item moved."
    )

    seed: int = _knob(1, "Of the split and of everything random; give train the same one.")

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        requirements = {
            "--epochs must be at least 1": self.epochs >= 1,
            "--batch-size must be at least 2: a photo is told apart from others": self.batch_size >= 2,
            "--view-size must be at least 32 pixels": self.view_size >= 32,
            "--least-area must be above 0 and at most 1": 0 < self.least_area <= 1,
            "--temperature must be above 0": self.temperature > 0,
        }
        broken = [requirement for requirement, holds in requirements.items() if not holds]
        if broken:
            raise BadKnobsError("; ".join(broken))


def as_options(values: Mapping[str, Any], usual: Knobs | PretrainingKnobs) -> str:
    """Spell those values that differ from the usual ones as options, each after a space; others are not named."""
    differing = {one.name: values[one.name] for one in fields(usual) if values[one.name] != getattr(usual, one.name)}
    return "".join(f" {_option(name.replace('_', '-'), value)}" for name, value in differing.items())


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"


def _typed(kind: Any, value: Any) -> Any:
    if kind is bool and not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    if kind is int and value != int(value):
        raise ValueError(f"{value!r} is no whole number")
    return kind(value)
