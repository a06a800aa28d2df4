"""What a release's facts (`model.json`) say of the networks in it.

    networks    one or several, whose logits are averaged; for each of them
                weights             its file beside the facts (`training.stored_weights`)
                viewing             how it looks at a photo: {"enlarge": 1.0, "mirrored": true}
                hyperparameters     the knobs that it was trained with
                backbone_source     what it started from, and the licence of that
                teachers, averaged, git_commit

Works on facts; opens no file and needs no torch.
"""

from collections.abc import Mapping
from typing import Any, Final

WEIGHTS: Final = "weights*.pt"
"""Fits the names of all weights' files, former releases' too."""

_MIRRORED: Final = "mirrored second view"
_NO_KNOBS: Final = ("backbone_source", "teachers", "averaged")


def networks_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what is said of each network; releases up to bin-counter/3 have one, and say it elsewhere."""
    if "networks" in facts:
        return list(facts["networks"])
    stated = facts.get("hyperparameters", {})
    mirrored = _MIRRORED in facts.get("preprocessing", {}).get("in_graph", ())
    return [
        {
            "weights": "weights.pt",
            "viewing": {"enlarge": stated.get("enlarge", 1.0), "mirrored": mirrored},
            "hyperparameters": {name: value for name, value in stated.items() if name not in _NO_KNOBS},
            **{name: stated[name] for name in _NO_KNOBS if name in stated},
            "git_commit": facts.get("git_commit"),
        }
    ]


def weights_name(number: int) -> str:
    """Name the weights' file of a network, the first of which is number 0."""
    return f"weights-{number + 1}.pt"
