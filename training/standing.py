"""What photos were to a model's training, as far as its own record tells: whether figures on them mean anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from training.records import Record, class_counts, manifest_sha256
from training.split import split as split_of


@dataclass(frozen=True, slots=True)
class Standing:
    """One sentence for people, and what follows from it."""

    sentence: str
    learnt: bool | None = None
    """Whether the model has learnt from the photos; None where that is not known."""


UNKNOWN: Final = Standing(
    "Whether the model has learnt from some of them is not known: they were not split as for training."
)
OTHER: Final = Standing(
    "The model's own record names another split of its photos: it may have learnt from some of these."
)

_PART_PLAYED: Final = {
    "train": Standing(
        "The model has learnt from them: these figures do not tell how it does on others.",
        learnt=True,
    ),
    "validation": Standing(
        "The model has not learnt from them or from bins that share goods with them; it was chosen by them.",
        learnt=False,
    ),
    "calibration": Standing(
        "The model has not learnt from them or from bins that share goods with them; its probabilities were "
        "calibrated on them.",
        learnt=False,
    ),
    "test": Standing(
        "Bins that share goods with them are in no other split: the model has neither learnt from them nor been "
        "chosen by them.",
        learnt=False,
    ),
}


def standing(facts: Mapping[str, Any], records: Sequence[Record], split: str | None) -> Standing:
    """Hold the photos against a model.json, which tells the photos per class of each of the model's splits.

    Another seed or another folder gives other numbers. `split` is the one that the records are; None, all of a folder.
    """
    if split is None:
        return UNKNOWN
    stated = facts.get("data", {}).get("classes_per_split", {}).get(f"real-{split}")
    return _PART_PLAYED[split] if stated == class_counts(records) else OTHER


def standing_of_folder(facts: Mapping[str, Any], records: Sequence[Record], seed: int) -> Standing:
    """Hold all photos of a folder against a model.json, which names the photos that the model was made without.

    A folder that gives those photos when it is split by `seed` is the one that the model was made from. One that shares
    only some of its photos with that one can't be told.
    """
    parts = split_of(records, seed)
    unseen = {f"real-{name}": parts[name] for name in ("calibration", "test")}
    is_its_own = bool(parts["train"]) and facts.get("data", {}).get("unseen_sha256") == manifest_sha256(unseen)
    if not is_its_own:
        return UNKNOWN
    learnt = len(parts["train"]) / len(records)
    return Standing(
        f"The folder is the one that the model was made from: it has learnt from {learnt:.0%} of these photos, and the "
        "figures do not tell how it does on others.",
        learnt=True,
    )
