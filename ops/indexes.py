"""How a table that exists comes to several new indexes: DynamoDB adds one with each update. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TABLE: Final = "AWS::DynamoDB::Table"
_INDEXES: Final = "GlobalSecondaryIndexes"
_ATTRIBUTES: Final = "AttributeDefinitions"


def one_by_one(deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield templates that bring a stack near to a wanted one: the deployed one with one more index each.

    None where there is at most one new index for each table: the wanted template itself may add that. Functions stay as
    they are meanwhile, so that no new one asks an index that is not there yet.
    """
    template = copy.deepcopy(dict(deployed))
    for name, before in deployed["Resources"].items():
        after = wanted["Resources"].get(name)
        if before["Type"] != _TABLE or after is None:
            continue
        known = {index["IndexName"] for index in before["Properties"].get(_INDEXES, [])}
        new = [index for index in after["Properties"].get(_INDEXES, []) if index["IndexName"] not in known]
        for index in new if len(new) > 1 else []:
            _add(template["Resources"][name]["Properties"], index, after["Properties"][_ATTRIBUTES])
            yield copy.deepcopy(template)


def _add(table: dict[str, Any], index: Mapping[str, Any], attributes: list[dict[str, str]]) -> None:
    """Add an index, and those attributes of its key that the table has not defined: it takes no unused ones."""
    table.setdefault(_INDEXES, []).append(copy.deepcopy(dict(index)))
    key = {part["AttributeName"] for part in index["KeySchema"]}
    defined = {attribute["AttributeName"] for attribute in table[_ATTRIBUTES]}
    table[_ATTRIBUTES] += [one for one in attributes if one["AttributeName"] in key - defined]
