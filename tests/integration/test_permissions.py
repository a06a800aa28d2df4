"""No role has a permission that nothing needs: take one away, and the function says that it misses it.

Each action of each role is either taken away here, or stands in BEYOND_THE_EMULATOR with the reason why it can't be.
"""

from __future__ import annotations

import copy
import json
import secrets
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import subscribe
from local.tally import received_by
from tests.signing_in import token_of_an_operator
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

JPEG = b"\xff\xd8\xff"
LONGEST_FIRST_PAUSE_SECONDS = 13
"""BINCHECK_FIRST_PAUSE_SECONDS and a quarter, rounded up."""

POLLS = "the emulator reads queues and streams itself, not in the function's name"
BEYOND_THE_EMULATOR = {
    ("OnInbox", "sqs:ReceiveMessage"): POLLS,
    ("OnInbox", "sqs:DeleteMessage"): POLLS,
    ("OnInbox", "sqs:GetQueueAttributes"): POLLS,
    (
        "OnInbox",
        "s3:ListBucket",
    ): "the emulator says of every missing photo that it is missing; S3 only to who may list",
    ("OnInbox", "sagemaker:InvokeEndpoint"): "the emulator has no SageMaker",
    ("OnStatusChange", "dynamodb:DescribeStream"): POLLS,
    ("OnStatusChange", "dynamodb:GetShardIterator"): POLLS,
    ("OnStatusChange", "dynamodb:GetRecords"): POLLS,
    ("OnStatusChange", "dynamodb:ListStreams"): POLLS,
    ("OnStatusChange", "sqs:SendMessage"): "the emulator sets no failed stream records aside",
    ("OnStatusChange", "sns:Publish"): "the emulator's default policy of a topic lets everybody publish",
    **{
        (function, action): "the emulator writes logs and traces itself"
        for function in ("OnInbox", "OnStatusChange", "APIHandler", "Authorize")
        for action in (
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
        )
    },
}


@dataclass(frozen=True, slots=True)
class Account:
    """The deployed app, as those see it who use it, and its roles."""

    deployed: Deployed
    token: str

    def photo(self, body: bytes) -> str:
        key = f"incoming/B-{secrets.token_hex(4)}/1.jpg"
        self._client("s3").put_object(Bucket=self.deployed.outputs["BucketName"], Key=key, Body=body)
        return key

    def photo_at_a_site_of_its_own(self) -> None:
        name = secrets.token_hex(4)
        bins = [{"bin_id": f"bin-{name}", "expected_quantity": 1}]
        self.call("PUT", f"/v1/consignments/{name}", {"site": f"site-{name}", "bins": bins})
        bucket = self.deployed.outputs["BucketName"]
        self._client("s3").put_object(Bucket=bucket, Key=f"incoming/bin-{name}/1.jpg", Body=b"")

    def drop(self, name: str = "") -> None:
        """Drop a consignment of one bin as a file; with a name, of a consignment that may be loaded already."""
        name, bucket = name or secrets.token_hex(4), self.deployed.outputs["BucketName"]
        body = f"bin_id,expected_quantity\nsecond-{name},1\n".encode()
        self._client("s3").put_object(Bucket=bucket, Key=f"consignments/FRA1/{name}.csv", Body=body)

    def drop_another(self) -> None:
        name = secrets.token_hex(4)
        bins = [{"bin_id": f"first-{name}", "expected_quantity": 1}]
        self.call("PUT", f"/v1/consignments/{name}", {"site": "FRA1", "bins": bins})
        self.drop(name)

    def failures_of(self, message: str) -> list[str]:
        """Hand a message to the checker as the queue would, and return what it gives back as failed."""
        record = {
            "messageId": "m1",
            "receiptHandle": "none",
            "body": message,
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSource": "aws:sqs",
        }
        name = self.deployed.physical_name("OnInbox")
        reply = self._client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": [record]}))
        return [failure["itemIdentifier"] for failure in json.load(reply["Payload"])["batchItemFailures"]]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        api = f"{self.deployed.emulator.url}/restapis/{self.deployed.outputs['RestAPIId']}/api/_user_request_"
        request = urllib.request.Request(
            api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        return answer_to(request)

    def load(self) -> None:
        name = secrets.token_hex(4)
        for bins in ("first", "second"):
            quantities = [{"bin_id": f"{bins}-{name}", "expected_quantity": 1}]
            self.call("PUT", f"/v1/consignments/{name}", {"site": "FRA1", "bins": quantities})

    def resolve(self) -> None:
        name = secrets.token_hex(4)
        bins = [{"bin_id": f"bin-{name}", "expected_quantity": 1}]
        self.call("PUT", f"/v1/consignments/{name}", {"site": "FRA1", "bins": bins})
        self.call("POST", f"/v1/bins/bin-{name}/resolution", {"true_count": 1, "reason": "counted"})

    def alerts_of(self, bin_id: str) -> list[bool]:
        """Return of each alert that is recorded of a bin whether it is marked as sent."""
        reply = self._client("dynamodb").query(
            TableName=self.deployed.outputs["TableName"],
            KeyConditionExpression="PK = :bin AND begins_with(SK, :alert)",
            ExpressionAttributeValues={":bin": {"S": f"BIN#{bin_id}"}, ":alert": {"S": "ALERT#"}},
        )
        return [item["is_sent"]["BOOL"] for item in reply["Items"]]

    def log(self, function: str) -> str:
        group = self.deployed.physical_name(f"{function}Log")
        pages = self._client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(event["message"] for page in pages for event in page["events"])

    @contextmanager
    def without(self, function: str, action: str) -> Iterator[None]:
        """Take one action away from a function's role, for a while."""
        iam, role = self._client("iam"), self.deployed.physical_name(f"{function}Role")
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        whole = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        less = copy.deepcopy(whole)
        for statement in less["Statement"]:
            statement["Action"] = [kept for kept in actions_of(statement) if kept != action]
        less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(less))
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(whole))

    def _client(self, service: str) -> Any:
        return self.deployed.emulator.client(service)


def answer_to(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def actions_of(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


def permissions_in(template: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name.removesuffix("Role"), action)
        for name, resource in template["Resources"].items()
        if resource.get("Type") == "AWS::IAM::Role"
        for policy in resource["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in actions_of(statement)
    }


@pytest.fixture(scope="module")
def account(deployed: Deployed) -> Account:
    return Account(deployed, token_of_an_operator(deployed))


# A photo without content is refused unseen and recorded; one with content asks a model that is not there.
NEEDED: dict[tuple[str, str], Callable[[Account], object]] = {
    ("OnInbox", "s3:GetObjectVersion"): lambda account: account.photo(JPEG),
    ("OnInbox", "dynamodb:Query"): lambda account: account.photo(b""),
    ("OnInbox", "dynamodb:PutItem"): lambda account: account.photo(b""),
    ("OnInbox", "dynamodb:GetItem"): Account.drop,
    ("OnInbox", "dynamodb:BatchGetItem"): Account.drop,
    ("OnInbox", "dynamodb:ConditionCheckItem"): Account.drop,
    ("OnInbox", "dynamodb:DeleteItem"): Account.drop_another,
    ("OnStatusChange", "dynamodb:Query"): Account.photo_at_a_site_of_its_own,
    ("OnStatusChange", "dynamodb:BatchGetItem"): lambda account: account.photo(b""),
    ("OnStatusChange", "dynamodb:PutItem"): lambda account: account.photo(b""),
    ("OnStatusChange", "dynamodb:UpdateItem"): lambda account: account.photo(b""),
    ("APIHandler", "dynamodb:Query"): lambda account: account.call("GET", "/v1/bins"),
    ("APIHandler", "dynamodb:GetItem"): lambda account: account.call("GET", "/v1/consignments/C-1"),
    ("APIHandler", "dynamodb:BatchGetItem"): Account.load,
    ("APIHandler", "dynamodb:PutItem"): Account.load,
    ("APIHandler", "dynamodb:DeleteItem"): Account.load,
    ("APIHandler", "dynamodb:ConditionCheckItem"): Account.load,
    ("APIHandler", "dynamodb:UpdateItem"): Account.resolve,
    ("APIHandler", "sqs:GetQueueAttributes"): lambda account: account.call("GET", "/v1/sites/FRA1/statistics"),
}


@pytest.mark.parametrize(("function", "action"), NEEDED)
def test_a_function_misses_what_its_role_loses(account: Account, function: str, action: str) -> None:
    complaint = f"not authorized to perform: {action}"
    before = account.log(function).count(complaint)
    with account.without(function, action):
        NEEDED[function, action](account)
        eventually(lambda: account.log(function).count(complaint) > before)


def test_a_message_that_cannot_be_buried_is_given_back(account: Account) -> None:
    assert account.failures_of("no event at all") == []
    with account.without("OnInbox", "sqs:SendMessage"):
        assert account.failures_of("no event at all") == ["m1"]


def test_a_photo_comes_again_soon_only_if_the_function_may_say_when(account: Account) -> None:
    def tries(key: str) -> int:
        return sum(key in line and "not checked yet" in line for line in account.log("OnInbox").splitlines())

    delayed = account.photo(JPEG)
    eventually(lambda: tries(delayed) >= 2)
    with account.without("OnInbox", "sqs:ChangeMessageVisibility"):
        stuck = account.photo(JPEG)
        eventually(lambda: tries(stuck) == 1)
        time.sleep(LONGEST_FIRST_PAUSE_SECONDS + 2)
        assert tries(stuck) == 1


def test_a_picture_link_opens_only_what_its_signer_may_read(account: Account) -> None:
    bin_id = account.photo(b"").split("/")[1]
    eventually(lambda: account.call("GET", f"/v1/bins/{bin_id}")[0] == 200)
    link = json.loads(account.call("GET", f"/v1/bins/{bin_id}")[1])["picture_url"]
    picture = urllib.request.Request(link)
    assert answer_to(picture)[0] == 200
    with account.without("APIHandler", "s3:GetObjectVersion"):
        assert answer_to(picture)[0] == 403


@pytest.mark.parametrize(
    ("action", "is_published_meanwhile"), [("dynamodb:PutItem", False), ("dynamodb:UpdateItem", True)]
)
def test_an_alert_that_dies_between_two_steps_is_offered_again_by_the_stream_and_arrives_under_one_id(
    account: Account, action: str, *, is_published_meanwhile: bool
) -> None:
    sqs = account.deployed.emulator.client("sqs")
    queue = subscribe(account.deployed.emulator, account.deployed.outputs["AlertsTopicArn"])
    complaint = f"not authorized to perform: {action}"
    before = account.log("OnStatusChange").count(complaint)
    with account.without("OnStatusChange", action):
        bin_id = account.photo(b"").split("/")[1]
        eventually(lambda: account.log("OnStatusChange").count(complaint) >= before + 2)
        meanwhile = [message["alert_id"] for message in received_by(sqs, queue) if message["bin_id"] == bin_id]
    eventually(lambda: account.alerts_of(bin_id) == [True])
    after = [message["alert_id"] for message in received_by(sqs, queue) if message["bin_id"] == bin_id]
    assert bool(meanwhile) is is_published_meanwhile
    assert len({*meanwhile, *after}) == 1


def test_every_permission_is_taken_away_in_a_test_or_explained(account: Account) -> None:
    tested = {
        *NEEDED,
        ("OnInbox", "sqs:SendMessage"),
        ("OnInbox", "sqs:ChangeMessageVisibility"),
        ("APIHandler", "s3:GetObjectVersion"),
    }
    assert not tested & BEYOND_THE_EMULATOR.keys()
    assert permissions_in(account.deployed.template) == tested | BEYOND_THE_EMULATOR.keys()
