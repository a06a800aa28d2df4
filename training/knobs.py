"""Every knob of a training run, with its default and what it does. The command line is made from this list."""

from dataclasses import dataclass, field
from typing import Any


def _knob(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True, slots=True)
class Knobs:
    """What decides the outcome of a run, beside its photos. Each field is an option of `train`."""

    # The network
    architecture: str = _knob("mobilenet_v2", "Any classifier of torchvision.models.")

    # The photos
    drawn: int = _knob(2000, "Drawn bins added to the real ones of the training split; 0 for none.")
    drawn_held_out: int = _knob(300, "Drawn bins of each other split, where there are drawn ones at all.")

    # The schedule
    epochs: int = _knob(7, "Passes over the training photos.")
    small_epochs: int = _knob(5, "How many of the first passes see small photos, at less than half the cost.")
    small_size: int = _knob(144, "Side of the photos in those first passes, in pixels.")
    batch_size: int = _knob(64, "Photos per step.")
    learning_rate: float = _knob(5e-4, "Peak of the one-cycle schedule for the backbone (AdamW).")
    head_learning_rate: float = _knob(2e-3, "The same for the new head, which starts from nothing.")
    warm_up: float = _knob(0.2, "Part of all steps in which the rate climbs to its peak.")

    # What keeps a small data set from being learnt by heart
    weight_decay: float = _knob(0.02, "AdamW's decay of the weights.")
    neighbours: float = _knob(0.12, "Share of each target that goes to the counts one off.")
    mixup: float = _knob(0.2, "Beta parameter by which pairs of photos are blended; 0 for never.")
    ema_decay: float = _knob(0.99, "How much of the averaged weights stays at each step; they are what is released.")

    seed: int = _knob(1, "Of the split, the drawn bins and everything random in training.")
