from __future__ import annotations

import copy
from typing import Any

from ops.indexes import one_by_one


def template(*indexes: str, more: str = "old") -> dict[str, Any]:
    """A table whose indexes share their sort key, and a function."""
    used = ["PK", *indexes, *(["at"] if indexes else [])]
    keys = [{"IndexName": name, "KeySchema": [{"AttributeName": name}, {"AttributeName": "at"}]} for name in indexes]
    table = {"AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in used]}
    if keys:
        table["GlobalSecondaryIndexes"] = keys
    return {
        "Resources": {
            "Bins": {"Type": "AWS::DynamoDB::Table", "Properties": table},
            "Api": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": more}},
        }
    }


def names(step: dict[str, Any]) -> list[str]:
    return [index["IndexName"] for index in step["Resources"]["Bins"]["Properties"]["GlobalSecondaryIndexes"]]


def defined(step: dict[str, Any]) -> list[str]:
    return [one["AttributeName"] for one in step["Resources"]["Bins"]["Properties"]["AttributeDefinitions"]]


def test_several_new_indexes_come_one_by_one_with_what_their_keys_need_and_no_more() -> None:
    steps = list(one_by_one(template("a"), template("a", "b", "c", more="new")))
    assert [names(step) for step in steps] == [["a", "b"], ["a", "b", "c"]]
    assert [sorted(defined(step)) for step in steps] == [["PK", "a", "at", "b"], ["PK", "a", "at", "b", "c"]]


def test_functions_stay_as_they_are_until_all_indexes_are_there() -> None:
    for step in one_by_one(template(), template("a", "b", more="new")):
        assert step["Resources"]["Api"] == template()["Resources"]["Api"]


def test_one_new_index_and_none_need_no_step_of_their_own() -> None:
    assert list(one_by_one(template("a"), template("a", "b"))) == []
    assert list(one_by_one(template("a", "b"), template("a"))) == []


def test_what_is_deployed_is_left_as_it_was() -> None:
    deployed, wanted = template("a"), template("a", "b", "c")
    before = copy.deepcopy((deployed, wanted))
    list(one_by_one(deployed, wanted))
    assert (deployed, wanted) == before


def test_a_table_that_goes_gets_no_index() -> None:
    assert list(one_by_one(template("a"), {"Resources": {}})) == []
