from __future__ import annotations

from ops.deploy import with_code

TEMPLATE = {
    "Resources": {
        "OnInbox": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./package.zip", "Timeout": 1}},
        "Bins": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
    }
}


def test_every_function_learns_where_its_code_lies() -> None:
    placed = with_code(TEMPLATE, "artifacts", "hash.zip")
    code = {"Bucket": "artifacts", "Key": "hash.zip"}
    assert placed["Resources"]["OnInbox"]["Properties"] == {"CodeUri": code, "Timeout": 1}
    assert placed["Resources"]["Bins"] == TEMPLATE["Resources"]["Bins"]


def test_the_packaged_template_stays_as_it_was() -> None:
    with_code(TEMPLATE, "artifacts", "hash.zip")
    assert TEMPLATE["Resources"]["OnInbox"]["Properties"]["CodeUri"] == "./package.zip"
