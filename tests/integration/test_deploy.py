"""A stage's life as a stack: made, left alone, changed, refused, mended, taken down."""

from __future__ import annotations

import copy
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ops.dead_letters import dead_letters, redrive
from ops.deploy import ChangeSummary, WrongParameter, deploy, deploy_with_page
from ops.package import Packaged
from ops.stack import Declined, Farewell, NotDeployed, StackFailed, describe, destroy
from tests.integration.conftest import EMULATED, PROJECT, STACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.emulator import Emulator
    from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

FEW: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {"Seconds": {"Type": "String", "Default": "30"}, "Delay": {"Type": "String", "Default": "0"}},
    "Resources": {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}, "DelaySeconds": {"Ref": "Delay"}},
        },
        "Kept": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"},
    },
    "Outputs": {"QueueUrl": {"Value": {"Ref": "Queue"}}, "Kept": {"Value": {"Ref": "Kept"}}},
}
BROKEN: dict[str, Any] = {
    **FEW,
    "Resources": {
        **FEW["Resources"],
        "Copy": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Kept"}}},
    },
}


class Person:
    """Says yes or no to whatever is asked, and remembers it."""

    def __init__(self, *, says: bool) -> None:
        self._says = says
        self.asked: list[ChangeSummary | Farewell] = []

    def __call__(self, question: ChangeSummary | Farewell) -> bool:
        self.asked.append(question)
        return self._says


def wait_for(look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.fixture
def few(packaged: Packaged) -> Packaged:
    """A stage of two resources, with which every step takes a moment only."""
    return Packaged(FEW, packaged.zip)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> str:
    return f"few-{abs(hash(request.node.name)) % 10**8}"


def bring(emulator: Emulator, stage: Packaged, stack: str, person: Person, **parameters: str) -> dict[str, str]:
    return deploy(emulator.client, stage, stack, parameters, confirm=person, poll_seconds=0.1)


def test_a_new_stack_is_shown_and_made(emulator: Emulator, few: Packaged, stack: str) -> None:
    person = Person(says=True)
    outputs = bring(emulator, few, stack, person)
    (summary,) = person.asked
    assert isinstance(summary, ChangeSummary)
    assert summary.is_new
    assert {(change.action, change.name) for change in summary.changes} == {("Add", "Queue"), ("Add", "Kept")}
    assert stack in outputs["QueueUrl"]


def test_deploying_the_same_again_asks_nobody_and_succeeds(emulator: Emulator, few: Packaged, stack: str) -> None:
    outputs = bring(emulator, few, stack, Person(says=True))
    nobody = Person(says=False)
    assert bring(emulator, few, stack, nobody) == outputs
    assert nobody.asked == []


def test_saying_no_to_a_new_stack_leaves_nothing(emulator: Emulator, few: Packaged, stack: str) -> None:
    with pytest.raises(Declined):
        bring(emulator, few, stack, Person(says=False))
    with pytest.raises(NotDeployed):
        describe(emulator.client("cloudformation"), stack)


def test_saying_no_to_a_change_leaves_the_stack_as_it_was(emulator: Emulator, few: Packaged, stack: str) -> None:
    bring(emulator, few, stack, Person(says=True))
    with pytest.raises(Declined):
        bring(emulator, few, stack, Person(says=False), Seconds="60")
    assert parameters_of(emulator, stack)["Seconds"] == "30"


def test_a_parameter_that_is_not_given_keeps_its_value(emulator: Emulator, few: Packaged, stack: str) -> None:
    bring(emulator, few, stack, Person(says=True), Seconds="60")
    bring(emulator, few, stack, Person(says=True), Delay="5")
    assert parameters_of(emulator, stack) == {"Seconds": "60", "Delay": "5"}


def test_a_parameter_that_the_template_does_not_have_is_named(emulator: Emulator, few: Packaged, stack: str) -> None:
    with pytest.raises(WrongParameter, match="Secs"):
        bring(emulator, few, stack, Person(says=True), Secs="60")


def test_a_failed_change_says_which_resource_and_why(emulator: Emulator, few: Packaged, stack: str) -> None:
    outputs = bring(emulator, few, stack, Person(says=True))
    with pytest.raises(StackFailed, match=r"Copy \(AWS::S3::Bucket\): .*exist"):
        bring(emulator, replace(few, template=BROKEN), stack, Person(says=True))
    assert bring(emulator, few, stack, Person(says=True)) == outputs


def test_a_first_deployment_that_failed_has_to_be_cleared_away(emulator: Emulator, few: Packaged, stack: str) -> None:
    with pytest.raises(StackFailed, match="Copy"):
        bring(emulator, replace(few, template=BROKEN), stack, Person(says=True))
    with pytest.raises(StackFailed, match="destroy what is left"):
        bring(emulator, few, stack, Person(says=True))
    destroy(emulator.client("cloudformation"), stack, Person(says=True), poll_seconds=0.1)
    assert bring(emulator, few, stack, Person(says=True))


def test_taking_down_keeps_what_the_template_keeps_and_says_so(emulator: Emulator, few: Packaged, stack: str) -> None:
    outputs = bring(emulator, few, stack, Person(says=True))
    farewell = destroy(emulator.client("cloudformation"), stack, Person(says=True), poll_seconds=0.1)
    assert [resource.physical_name for resource in farewell.kept] == [outputs["Kept"]]
    assert [resource.name for resource in farewell.deleted] == ["Queue"]
    emulator.client("s3").head_bucket(Bucket=outputs["Kept"])
    with pytest.raises(NotDeployed):
        describe(emulator.client("cloudformation"), stack)


def test_saying_no_to_taking_down_leaves_the_stack(emulator: Emulator, few: Packaged, stack: str) -> None:
    bring(emulator, few, stack, Person(says=True))
    with pytest.raises(Declined):
        destroy(emulator.client("cloudformation"), stack, Person(says=False))
    assert describe(emulator.client("cloudformation"), stack)["StackStatus"] == "CREATE_COMPLETE"


def test_taking_down_what_is_not_there_is_told(emulator: Emulator) -> None:
    with pytest.raises(NotDeployed):
        destroy(emulator.client("cloudformation"), "nobody", Person(says=True))


def test_the_artifact_bucket_is_private_and_encrypted(emulator: Emulator, deployed: Deployed) -> None:
    assert deployed.outputs
    s3 = emulator.client("s3")
    (name,) = [
        found["Name"] for found in s3.list_buckets()["Buckets"] if found["Name"].startswith("bincheck-artifacts")
    ]
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


# The real template -----------------------------------------------------------------------------------------------


def test_the_app_deploys_and_deploying_it_again_changes_nothing(
    emulator: Emulator, packaged: Packaged, deployed: Deployed
) -> None:
    nobody = Person(says=False)
    again = deploy(emulator.client, copy.deepcopy(packaged), STACK, {}, confirm=nobody, poll_seconds=0.1)
    assert again == deployed.outputs
    assert nobody.asked == []


def test_a_stack_as_in_an_account_takes_nothing_over_plain_http(emulator: Emulator, packaged: Packaged) -> None:
    def behind_tls(service: str, **credentials: str) -> Any:
        client = emulator.client(service, **credentials)
        client.meta.events.register("before-send", as_a_tls_proxy_would)
        return client

    outputs = deploy(behind_tls, packaged, "bincheck-tls", {"TableDeletionProtection": "false"}, poll_seconds=0.1)
    calls: list[tuple[str, str, dict[str, str]]] = [
        ("s3", "put_object", {"Bucket": outputs["BucketName"], "Key": "incoming/A-1/1.jpg", "Body": ""}),
        ("sqs", "send_message", {"QueueUrl": outputs["InboxUrl"], "MessageBody": "{}"}),
        ("sqs", "send_message", {"QueueUrl": outputs["DeadLettersUrl"], "MessageBody": "{}"}),
        ("sqs", "send_message", {"QueueUrl": outputs["AlertsDeadLettersUrl"], "MessageBody": "{}"}),
        ("sns", "publish", {"TopicArn": outputs["AlertsTopicArn"], "Message": "{}"}),
    ]
    someone = a_user_who_may_do_everything(emulator)
    for service, call, arguments in calls:
        getattr(behind_tls(service, **someone), call)(**arguments)
        with pytest.raises(ClientError, match=r"AccessDenied|AuthorizationError"):
            getattr(emulator.client(service, **someone), call)(**arguments)
    destroy(emulator.client("cloudformation"), "bincheck-tls", Person(says=True), poll_seconds=0.1)


def a_user_who_may_do_everything(emulator: Emulator) -> dict[str, str]:
    """Return the credentials of a new user: the emulator exempts an account's root from its buckets' policies."""
    iam, everything = emulator.client("iam"), {"Effect": "Allow", "Action": "*", "Resource": "*"}
    name = f"user-{secrets.token_hex(4)}"
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def as_a_tls_proxy_would(request: Any, **_: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "https"


def test_batches_may_fail_in_part_and_are_bounded(deployed: Deployed) -> None:
    queue = deployed.emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["InboxUrl"], AttributeNames=["QueueArn"]
    )
    mappings = deployed.emulator.client("lambda").list_event_source_mappings(
        EventSourceArn=queue["Attributes"]["QueueArn"]
    )
    (mapping,) = mappings["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}


def test_alarms_dashboard_and_both_groups_of_people_are_there(deployed: Deployed) -> None:
    cloudwatch, cognito = deployed.emulator.client("cloudwatch"), deployed.emulator.client("cognito-idp")
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix=STACK)["MetricAlarms"]) == 13
    board = json.loads(cloudwatch.get_dashboard(DashboardName=STACK)["DashboardBody"])
    assert len(board["widgets"]) == 10
    groups = cognito.list_groups(UserPoolId=deployed.outputs["UserPoolId"])["Groups"]
    assert {group["GroupName"] for group in groups} == {"viewer", "operator"}


def test_a_message_that_cannot_be_worked_off_is_listed_with_its_reason_and_can_be_sent_back(deployed: Deployed) -> None:
    sqs, outputs = deployed.emulator.client("sqs"), deployed.outputs
    body = f"no event at all: {secrets.token_hex(4)}"
    sqs.send_message(QueueUrl=outputs["InboxUrl"], MessageBody=body)

    def the_letter() -> list[Any]:
        return [letter for letter in dead_letters(sqs, outputs["DeadLettersUrl"]) if letter.body == body]

    (letter,) = wait_for(the_letter)
    assert "not an S3 event" in letter.reason
    assert redrive(sqs, outputs["DeadLettersUrl"], outputs["InboxUrl"], [letter.message_id])
    (returned,) = wait_for(the_letter)
    assert returned.message_id != letter.message_id


def test_the_command_line_speaks_to_the_stage_that_it_is_told(deployed: Deployed) -> None:
    settings = {
        "AWS_ENDPOINT_URL": deployed.emulator.url,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    def ops(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops", *arguments]
        return subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
        )

    assert deployed.outputs["BucketName"] in ops("status", "--stage", "local").stdout
    letters = ops("dead-letters", "list", "--stage", "local", "--json")
    assert (letters.returncode, isinstance(json.loads(letters.stdout), list)) == (0, True)
    nothing = ops("status", "--stage", "prod")
    assert (nothing.returncode, nothing.stderr.strip()) == (
        1,
        "there is no stack bincheck-prod in this account and region",
    )


def parameters_of(emulator: Emulator, stack: str) -> dict[str, str]:
    found = describe(emulator.client("cloudformation"), stack)["Parameters"]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found}


def test_the_emulators_parameters_are_parameters_of_the_template(packaged: Packaged) -> None:
    assert set(EMULATED) <= set(packaged.template["Parameters"])


def test_signing_in_leads_back_to_the_page_once_the_api_has_an_address(emulator: Emulator, packaged: Packaged) -> None:
    person, name = Person(says=True), "bincheck-page"

    def bring_the_page(**parameters: str) -> dict[str, str]:
        given = {**EMULATED, "UserPoolEndpoint": emulator.url, **parameters}
        return dict(deploy_with_page(emulator.client, packaged, name, given, confirm=person, poll_seconds=0.1))

    outputs = bring_the_page()
    assert parameters_of(emulator, name)["SignInCallbackUrl"] == outputs["PageUrl"]
    first, second = person.asked
    assert isinstance(second, ChangeSummary)
    assert first != second
    assert {"UsersClient", "APIHandler"} <= {change.name for change in second.changes}
    assert "True" not in {change.replacement for change in second.changes}
    cognito = emulator.client("cognito-idp")
    pool, client_id = outputs["UserPoolId"], outputs["UserPoolClientId"]
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == [outputs["PageUrl"]]
    assert (client["AllowedOAuthFlows"], sorted(client["AllowedOAuthScopes"])) == (["code"], ["email", "openid"])
    assert cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["Domain"].startswith(f"{name}-")
    assert bring_the_page() == outputs
    assert len(person.asked) == 2, "nothing was left to change"
    bring_the_page(SignInCallbackUrl="none")
    assert parameters_of(emulator, name)["SignInCallbackUrl"] == "none", "whoever wants no sign-in is not given one"
    destroy(emulator.client("cloudformation"), name, Person(says=True), poll_seconds=0.1)


def test_a_table_that_exists_comes_to_several_indexes_one_change_at_a_time(
    emulator: Emulator, packaged: Packaged, stack: str
) -> None:
    def with_indexes(*names: str) -> Packaged:
        keyed = [*names, "PK"]
        table = {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in keyed],
            "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": name,
                    "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for name in names
            ],
        }
        resources = {"Bins": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
        return Packaged({**FEW, "Resources": {**FEW["Resources"], **resources}}, packaged.zip)

    deploy(emulator.client, with_indexes("a"), stack, {}, poll_seconds=0.1)
    person = Person(says=True)
    deploy(emulator.client, with_indexes("a", "b", "c"), stack, {}, confirm=person, poll_seconds=0.1)
    changed = [[change.name for change in asked.changes] for asked in person.asked]
    assert changed[:2] == [["Bins"], ["Bins"]]
    resource = emulator.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="Bins")
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    described = emulator.client("dynamodb").describe_table(TableName=name)["Table"]
    assert sorted(index["IndexName"] for index in described["GlobalSecondaryIndexes"]) == ["a", "b", "c"]
