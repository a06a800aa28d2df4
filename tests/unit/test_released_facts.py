"""A reader finds the networks of a release, also of one that was made before there could be several."""

from __future__ import annotations

from typing import Any

import pytest

from training.released import networks_of


def test_the_networks_are_those_that_the_facts_name() -> None:
    networks = [{"weights": "weights-1.pt"}, {"weights": "weights-2.pt"}]

    assert networks_of({"networks": networks}) == networks


@pytest.mark.parametrize(
    ("knobs", "in_graph", "viewing"),
    [
        ({}, ["mirrored second view"], {"enlarge": 1.0, "mirrored": True}),
        ({"enlarge": 1.286}, ["enlarged by 1.286"], {"enlarge": 1.286, "mirrored": False}),
    ],
)
def test_a_former_release_has_one(knobs: dict[str, float], in_graph: list[str], viewing: dict[str, Any]) -> None:
    stated = {"architecture": "mobilenet_v2", **knobs, "backbone_source": "x", "teachers": ["bin-counter/1"]}
    (network,) = networks_of({"hyperparameters": stated, "preprocessing": {"in_graph": in_graph}, "git_commit": "abc"})

    assert network["weights"] == "weights.pt"
    assert network["viewing"] == viewing
    assert network["hyperparameters"] == {"architecture": "mobilenet_v2", **knobs}
    assert (network["backbone_source"], network["teachers"], network["git_commit"]) == ("x", ["bin-counter/1"], "abc")
