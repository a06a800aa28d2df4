"""Consignments on the deployed app: dropped as files, told twice and late, refused, closed and reopened."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.consignments import DynamoConsignments
from tests.examples import record_of
from tests.signing_in import token_of_an_operator
from tests.waiting import eventually

if TYPE_CHECKING:
    from chalicelib.domain import BinImage
    from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

HEADER = "bin_id,expected_quantity,sku,quantity\r\n"
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A site of its own on the deployed app, and an operator who looks after it."""

    deployed: Deployed
    token: str
    name: str

    def drop(self, consignment: str, body: str) -> None:
        s3, bucket = self.deployed.emulator.client("s3"), self.deployed.outputs["BucketName"]
        s3.put_object(Bucket=bucket, Key=f"consignments/{self.name}/{consignment}.csv", Body=body.encode())

    def announce(self, file: BinImage) -> None:
        """Tell the inbox of a file again, as S3 may."""
        message = json.dumps({"Records": [record_of(file)]})
        self.deployed.emulator.client("sqs").send_message(
            QueueUrl=self.deployed.outputs["InboxUrl"], MessageBody=message
        )

    def file_of(self, consignment: str) -> BinImage:
        """The newest file of a consignment that was received, as the table knows it."""
        client, table = self.deployed.emulator.client("dynamodb"), self.deployed.outputs["TableName"]
        on_file = DynamoConsignments(client, table, lambda _seconds: None).get(consignment)
        assert on_file
        assert on_file.file
        return on_file.file

    def inbox(self) -> int:
        """How many messages are not worked off: other tests may have left some that never will be."""
        counts = self.deployed.emulator.client("sqs").get_queue_attributes(
            QueueUrl=self.deployed.outputs["InboxUrl"], AttributeNames=["All"]
        )["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        api = f"{self.deployed.emulator.url}/restapis/{self.deployed.outputs['RestAPIId']}/api/_user_request_"
        content = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
        said = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            api + path, method=method, data=None if method == "GET" else content, headers=said
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def get(self, consignment: str) -> Any:
        return self.call("GET", f"/v1/consignments/{consignment}")[1]

    def becomes(self, consignment: str, state: str) -> Any:
        eventually(lambda: self.get(consignment).get("state") == state, PATIENCE)
        return self.get(consignment)

    def expected(self, bin_id: str) -> int | None:
        expected: int | None = self.call("GET", f"/v1/bins/{bin_id}")[1].get("expected")
        return expected


@pytest.fixture(scope="module")
def site(deployed: Deployed) -> Site:
    return Site(deployed, token_of_an_operator(deployed), f"S-{secrets.token_hex(4)}")


@pytest.fixture
def name() -> str:
    return f"C-{secrets.token_hex(4)}"


def test_a_dropped_file_is_loaded_and_listed(site: Site, name: str) -> None:
    site.drop(name, f"\ufeff{HEADER}{name}-1,3,X,2\r\n{name}-1,3,Y,1\r\n{name}-2,0,,\r\n")
    shown = site.becomes(name, "loaded")
    assert (shown["site"], shown["bin_count"], shown["refusal"]) == (site.name, 2, None)
    assert shown["progress"] == {"bins": 2, "waiting": 2, "checked": 0, "matching": 0, "open": 0, "resolved": 0}
    bin_ = site.call("GET", f"/v1/bins/{name}-1")[1]
    assert bin_["expectation"]["items"] == [{"sku": "X", "quantity": 2}, {"sku": "Y", "quantity": 1}]
    listed = site.call("GET", f"/v1/consignments?site={site.name}&state=loaded")[1]["consignments"]
    assert name in [one["consignment_id"] for one in listed]


def test_a_bad_file_is_refused_with_every_line_and_mended_by_the_next(site: Site, name: str) -> None:
    site.drop(name, f"{HEADER}{name} 1,3,,\r\n{name}-2,x,,\r\n")
    refusal = site.becomes(name, "refused")["refusal"]
    assert [(one["line"], one["field"]) for one in refusal["errors"]] == [(2, "bin_id"), (3, "expected_quantity")]
    assert (refusal["error_count"], refusal["errors_left_out"]) == (2, 0)
    assert refusal["file"]["key"] == f"consignments/{site.name}/{name}.csv"
    site.drop(name, f"{HEADER}{name}-1,3,,\r\n")
    assert site.becomes(name, "loaded")["refusal"] is None


def test_a_file_that_is_told_again_after_a_newer_one_changes_nothing(site: Site, name: str) -> None:
    others = site.inbox()
    site.drop(name, f"{HEADER}{name}-1,1,,\r\n")
    site.becomes(name, "loaded")
    older = site.file_of(name)
    site.drop(name, f"{HEADER}{name}-1,2,,\r\n")
    eventually(lambda: site.expected(f"{name}-1") == 2, PATIENCE)
    site.becomes(name, "loaded")
    newest, version = site.file_of(name), site.get(name)["version"]
    for file in (older, newest, older):
        site.announce(file)
    eventually(lambda: site.inbox() <= others, PATIENCE)
    assert (site.expected(f"{name}-1"), site.get(name)["version"]) == (2, version)


def test_a_consignment_is_closed_and_takes_its_bins_back(site: Site, name: str) -> None:
    site.drop(name, f"{HEADER}{name}-1,3,X,3\r\n{name}-2,1,,\r\n")
    version = site.becomes(name, "loaded")["version"]
    status, closed = site.call("POST", f"/v1/consignments/{name}/closing", If_Match=f'"{version}"')
    assert (status, closed["state"], closed["progress"]["waiting"]) == (200, "closed", 2)
    assert site.expected(f"{name}-1") is None
    status, again = site.call("POST", f"/v1/consignments/{name}/reopening", If_Match=f'"{version}"')
    assert (status, again["error"]) == (412, "precondition_failed")
    status, reopened = site.call("POST", f"/v1/consignments/{name}/reopening", Idempotency_Key=f"key-{name}")
    assert (status, reopened["state"], reopened["progress"]["waiting"]) == (200, "loaded", 2)
    assert site.expected(f"{name}-1") == 3
    acts = site.call("GET", f"/v1/audit?site={site.name}")[1]
    told = [one["action"] for one in acts["audit"] if one["consignment_id"] == name]
    assert told == ["consignment_reopening", "consignment_closing", "consignment_load"]


def test_a_closed_consignment_refuses_its_next_file_and_says_so(site: Site, name: str) -> None:
    site.drop(name, f"{HEADER}{name}-1,3,,\r\n")
    site.becomes(name, "loaded")
    assert site.call("POST", f"/v1/consignments/{name}/closing")[0] == 200
    site.drop(name, f"{HEADER}{name}-1,4,,\r\n")
    eventually(lambda: site.get(name)["refusal"] is not None, PATIENCE)
    shown = site.get(name)
    assert (shown["state"], "reopen it" in shown["refusal"]["errors"][0]["message"]) == ("closed", True)


def test_a_consignment_is_not_closed_over_an_open_bin_unless_somebody_says_so(site: Site, name: str) -> None:
    media_type, body = "text/csv", f"{HEADER}{name}-1,3,,\r\n"
    path = f"/v1/consignments/{name}?site={site.name}"
    assert site.call("PUT", path, body, Content_Type=media_type)[1]["state"] == "loaded"
    s3, bucket = site.deployed.emulator.client("s3"), site.deployed.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"incoming/{name}-1/1.jpg", Body=b"")
    eventually(lambda: site.get(name)["progress"]["open"] == 1, PATIENCE)
    assert site.call("POST", f"/v1/consignments/{name}/closing")[0] == 409
    assert site.call("POST", f"/v1/consignments/{name}/closing", {"even_if_open": True})[0] == 200


def test_a_bad_body_of_csv_is_answered_with_its_lines(site: Site, name: str) -> None:
    path = f"/v1/consignments/{name}?site={site.name}"
    status, error = site.call("PUT", path, f"{HEADER}{name} 1,3,,\n{name}-2,x,,\n", Content_Type="text/csv")
    assert (status, [one["line"] for one in error["errors"]]) == (422, [2, 3])


def test_a_file_whose_name_is_none_is_found_among_the_rejections(site: Site, name: str) -> None:
    s3, bucket = site.deployed.emulator.client("s3"), site.deployed.outputs["BucketName"]
    key = f"consignments/{site.name}/{name}.xlsx"
    s3.put_object(Bucket=bucket, Key=key, Body=b"PK")

    def is_told() -> bool:
        rejections = site.call("GET", "/v1/rejections")[1]["rejections"]
        return (key, "bad_key") in [(one["image"]["key"], one["reason"]) for one in rejections]

    eventually(is_told, PATIENCE)
