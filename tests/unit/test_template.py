"""What the infrastructure promises, clause by clause: breaking one in `.chalice/resources.yaml` breaks a test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chalice.package import YAMLTemplateSerializer

from chalicelib.api.errors import problem
from chalicelib.bin_status import BinStatus, Episode
from chalicelib.digest import Dispatch, Ruling
from chalicelib.domain import BinState, EpisodeState, Verdict
from chalicelib.items import from_outcome, from_status, photo_key, status_key
from chalicelib.items_alerts import alert_key, from_ruling
from tests.examples import NOON, alert_of, image_of, inspection_of, rejection_of, stray_alert

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / ".chalice"
TEMPLATE: dict[str, Any] = YAMLTemplateSerializer().load_template((FOLDER / "resources.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]

FUNCTIONS = ("OnInbox", "OnStatusChange", "APIHandler", "Authorize")
QUEUES = ("Inbox", "DeadLetters", "AlertsDeadLetters")
TOPICS = ("Alerts", "Operations")
KEPT = ("Photos", "Bins")

EVERY_RESOURCE = {
    "xray:PutTraceSegments": "X-Ray knows no resources",
    "xray:PutTelemetryRecords": "X-Ray knows no resources",
}
"""The actions that may stand beside "*", and why."""

REFUSE_PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: found["Properties"] for name, found in RESOURCES.items() if found.get("Type") == kind}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a policy's statements as they are in an account, where TLS is demanded."""
    return [entry["Fn::If"][1] if "Fn::If" in entry else entry for entry in document["Statement"]]


def grants(function: str) -> Iterator[tuple[str, Any]]:
    """Yield what a function's role allows, as (action, resource)."""
    for policy in RESOURCES[f"{function}Role"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    yield action, resource


def policy_of(kind: str, listed: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the name and properties of the policy resource that covers a queue, topic or bucket."""
    return next(
        (policy, properties)
        for policy, properties in of_type(kind).items()
        if {"Ref": name} in as_list(properties[listed])
    )


# Photos ----------------------------------------------------------------------------------------------------------


def test_the_bucket_is_closed_to_the_public_in_all_four_ways() -> None:
    blocked = RESOURCES["Photos"]["Properties"]["PublicAccessBlockConfiguration"]
    four_ways = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    assert blocked == dict.fromkeys(four_ways, True)


def test_the_bucket_is_encrypted_versioned_and_free_of_access_lists() -> None:
    bucket = RESOURCES["Photos"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_photos_expire_after_the_days_of_the_parameter_and_replaced_ones_and_leftovers_too() -> None:
    rules = {rule["Id"]: rule for rule in RESOURCES["Photos"]["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    assert rules["photos-expire"]["ExpirationInDays"] == {"Ref": "PhotoRetentionDays"}
    assert rules["photos-expire"]["Prefix"] == {"Ref": "Prefix"}
    assert rules["replaced-photos-expire"]["NoncurrentVersionExpiration"]["NoncurrentDays"] > 0
    assert rules["leftovers-expire"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 0


def test_every_new_photo_and_every_new_consignment_is_announced_to_the_inbox() -> None:
    announcements = RESOURCES["Photos"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert [one["Event"] for one in announcements] == ["s3:ObjectCreated:*"] * 2
    assert [one["Queue"] for one in announcements] == [{"Fn::GetAtt": ["Inbox", "Arn"]}] * 2
    assert [one["Filter"]["S3Key"]["Rules"] for one in announcements] == [
        [{"Name": "prefix", "Value": {"Ref": "Prefix"}}],
        [{"Name": "prefix", "Value": "consignments/"}],
    ]


def test_the_checker_tells_consignments_by_the_prefix_that_announces_them() -> None:
    (announced,) = {
        rule["Value"]
        for one in RESOURCES["Photos"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
        for rule in one["Filter"]["S3Key"]["Rules"]
        if isinstance(rule["Value"], str)
    }
    assert RESOURCES["OnInbox"]["Properties"]["Environment"]["Variables"]["BINCHECK_CONSIGNMENTS_PREFIX"] == announced


def test_photos_can_not_be_sent_where_consignments_lie() -> None:
    (rule,) = TEMPLATE["Rules"]["PhotosAndConsignmentsLieApart"]["Assertions"]
    assert rule["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Prefix"}, "consignments/"]}]}


@pytest.mark.parametrize("name", KEPT)
def test_photos_and_records_outlive_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


# Transport and encryption ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "listed", "name", "actions"),
    [
        ("AWS::S3::BucketPolicy", "Bucket", "Photos", "s3:*"),
        *(("AWS::SQS::QueuePolicy", "Queues", queue, "sqs:*") for queue in QUEUES),
        *(("AWS::SNS::TopicPolicy", "Topics", topic, "sns:Publish") for topic in TOPICS),
    ],
)
def test_whoever_comes_over_plain_http_is_refused(kind: str, listed: str, name: str, actions: str) -> None:
    _, properties = policy_of(kind, listed, name)
    refusal = next(entry for entry in statements(properties["PolicyDocument"]) if entry["Effect"] == "Deny")
    assert refusal["Principal"] == "*"
    assert refusal["Action"] == actions
    assert refusal["Condition"] == REFUSE_PLAIN_HTTP


def test_tls_is_demanded_unless_someone_says_otherwise() -> None:
    assert TEMPLATE["Parameters"]["RequireTls"]["Default"] == "true"
    assert TEMPLATE["Conditions"]["TlsOnly"] == {"Fn::Equals": [{"Ref": "RequireTls"}, "true"]}


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_encrypted(name: str) -> None:
    assert RESOURCES[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_every_queue_and_topic_is_known_to_these_tests() -> None:
    assert set(of_type("AWS::SQS::Queue")) == set(QUEUES)
    assert set(of_type("AWS::SNS::Topic")) == set(TOPICS)


def test_alerts_are_signed_so_that_the_webhook_takes_them() -> None:
    assert RESOURCES["Alerts"]["Properties"]["SignatureVersion"] == "2"


@pytest.mark.parametrize("name", TOPICS)
def test_topics_are_encrypted(name: str) -> None:
    assert RESOURCES[name]["Properties"]["KmsMasterKeyId"]


def test_alarms_may_use_the_key_of_the_topic_that_they_publish_to() -> None:
    assert RESOURCES["Operations"]["Properties"]["KmsMasterKeyId"] == {"Ref": "OperationsKey"}
    allowed = {
        entry["Principal"].get("Service"): set(as_list(entry["Action"]))
        for entry in RESOURCES["OperationsKey"]["Properties"]["KeyPolicy"]["Statement"]
    }
    assert allowed["cloudwatch.amazonaws.com"] == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert RESOURCES["OperationsKey"]["Properties"]["EnableKeyRotation"] is True


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"])
def test_resource_policies_let_in_services_of_this_account_only(kind: str) -> None:
    for properties in of_type(kind).values():
        for entry in statements(properties["PolicyDocument"]):
            if entry["Effect"] == "Allow":
                assert set(entry["Principal"]) == {"Service"}
                assert entry["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


# Roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_role_of_its_own_that_only_functions_may_take(function: str) -> None:
    assert RESOURCES[function]["Properties"]["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    (trust,) = RESOURCES[f"{function}Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_roles_name_their_resources_and_no_action_has_a_wildcard(function: str) -> None:
    for action, resource in grants(function):
        assert "*" not in action
        assert resource != "*" or action in EVERY_RESOURCE


def test_the_checker_may_invoke_exactly_the_endpoint_of_the_parameter() -> None:
    (endpoint,) = [resource for action, resource in grants("OnInbox") if action == "sagemaker:InvokeEndpoint"]
    assert endpoint["Fn::Sub"].endswith(":endpoint/${EndpointName}")


@pytest.mark.parametrize(
    ("function", "readable"),
    [
        ("OnInbox", ["${Photos.Arn}/${Prefix}*", "${Photos.Arn}/consignments/*"]),
        ("APIHandler", ["${Photos.Arn}/${Prefix}*"]),
    ],
)
def test_functions_read_what_lies_under_their_prefixes_only(function: str, readable: list[str]) -> None:
    found = [resource for action, resource in grants(function) if action.startswith("s3:GetObject")]
    assert found == [{"Fn::Sub": address} for address in readable]


def test_the_api_may_add_to_what_sites_learn_and_to_no_other_item() -> None:
    (statement,) = [
        statement
        for policy in RESOURCES["APIHandlerRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "dynamodb:UpdateItem" in as_list(statement["Action"])
    ]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["SITE#*"]}}


def test_the_authorizer_may_touch_no_data() -> None:
    assert {action.split(":")[0] for action, _ in grants("Authorize")} == {"logs", "xray"}


def test_no_role_has_a_policy_from_elsewhere() -> None:
    assert not any("ManagedPolicyArns" in role for role in of_type("AWS::IAM::Role").values())
    assert set(of_type("AWS::IAM::Role")) == {f"{function}Role" for function in FUNCTIONS}


# Functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_logs_into_a_group_of_its_own_that_forgets(function: str) -> None:
    group = f"{function}Log"
    assert RESOURCES[function]["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": group}}
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    written = {json.dumps(resource) for action, resource in grants(function) if action.startswith("logs:")}
    assert written == {json.dumps({"Fn::GetAtt": [group, "Arn"]})}


def test_a_failed_photo_does_not_take_its_batch_along() -> None:
    source = RESOURCES["OnInbox"]["Properties"]["Events"]["OnInboxSqsEventSource"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Queue"] == {"Fn::GetAtt": ["Inbox", "Arn"]}
    assert source["BatchSize"] > 1
    assert "MaximumConcurrency" in source["ScalingConfig"]


def test_a_change_that_cannot_be_alerted_does_not_stop_the_stream() -> None:
    source = RESOURCES["OnStatusChange"]["Properties"]["Events"]["OnStatusChangeDynamodbEventSource"]["Properties"]
    assert source["Stream"] == {"Fn::GetAtt": ["Bins", "StreamArn"]}
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BisectBatchOnFunctionError"] is True
    assert 0 < source["MaximumRetryAttempts"] < 100
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["AlertsDeadLetters", "Arn"]}


def test_the_stream_is_filtered_to_what_can_alert_and_not_to_what_the_alerter_writes_itself() -> None:
    source = RESOURCES["OnStatusChange"]["Properties"]["Events"]["OnStatusChangeDynamodbEventSource"]["Properties"]
    patterns = [json.loads(entry["Pattern"])["dynamodb"]["Keys"] for entry in source["FilterCriteria"]["Filters"]]

    def passes(key: dict[str, str]) -> bool:
        return any(all(_fits(key[name], rule["S"][0]) for name, rule in keys.items()) for keys in patterns)

    stray = rejection_of(image_of("incoming/x.jpg"), bin_id=None)
    assert passes(status_key("A-17"))
    assert passes(photo_key(stray))
    assert not passes(photo_key(rejection_of(image_of())))
    assert not passes(alert_key(alert_of()))
    assert not passes(alert_key(stray_alert()))


def _fits(value: str, rule: Any) -> bool:
    return value.startswith(rule["prefix"]) if isinstance(rule, dict) else value == rule


def test_the_alerter_may_use_the_table_and_publish_to_one_topic_and_no_more() -> None:
    granted = {(action, json.dumps(resource)) for action, resource in grants("OnStatusChange")}
    table, topic = json.dumps({"Fn::GetAtt": ["Bins", "Arn"]}), json.dumps({"Ref": "Alerts"})
    calls = {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    assert {action for action, resource in granted if resource == table} == calls
    assert {(action, resource) for action, resource in granted if action.startswith("sns:")} == {("sns:Publish", topic)}


def test_no_message_comes_back_while_it_may_still_be_worked_on() -> None:
    assert RESOURCES["Inbox"]["Properties"]["VisibilityTimeout"] >= 6 * RESOURCES["OnInbox"]["Properties"]["Timeout"]


def test_the_queue_gives_up_one_try_after_the_function_does() -> None:
    redrive = RESOURCES["Inbox"]["Properties"]["RedrivePolicy"]
    own = int(RESOURCES["OnInbox"]["Properties"]["Environment"]["Variables"]["BINCHECK_MAX_RECEIVES"])
    assert redrive["maxReceiveCount"] == own + 1
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


@pytest.mark.parametrize("name", ["DeadLetters", "AlertsDeadLetters"])
def test_dead_letters_wait_as_long_as_sqs_lets_them(name: str) -> None:
    assert RESOURCES[name]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


# The record ------------------------------------------------------------------------------------------------------


def test_the_table_is_encrypted_and_can_be_brought_back_to_any_second() -> None:
    table = RESOURCES["Bins"]["Properties"]
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "TableDeletionProtection"}
    assert TEMPLATE["Parameters"]["TableDeletionProtection"]["Default"] == "true"


def test_the_stream_tells_before_and_after() -> None:
    assert RESOURCES["Bins"]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_what_carries_an_expiry_goes_at_its_time() -> None:
    ttl = RESOURCES["Bins"]["Properties"]["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}
    assert ttl["AttributeName"] in from_ruling(stray_alert(), Ruling(Dispatch.SILENT))


def test_a_bin_that_waits_is_in_every_index_of_bins() -> None:
    alert = Episode(EpisodeState.OPEN, NOON, (Verdict.MISMATCH,))
    placed = BinStatus("A-17", state=BinState.REVIEW, site="FRA1", consignment_id="C-1")
    item = from_status(replace(placed, episode=alert, assignee="ann"))
    for index, key in keys_of_indexes().items():
        assert (key <= set(item)) == (index != "history")


def test_what_every_photo_changes_is_in_few_indexes_in_whole() -> None:
    indexes = RESOURCES["Bins"]["Properties"]["GlobalSecondaryIndexes"]
    whole = {index["IndexName"] for index in indexes if index["Projection"]["ProjectionType"] == "ALL"}
    assert whole == {"attention", "bins", "consignments", "history", "review"}
    assert len(indexes) <= 20


def test_the_api_may_count_dead_letters_and_not_read_them() -> None:
    granted = [(action, resource) for action, resource in grants("APIHandler") if action.startswith("sqs:")]
    queues = [{"Fn::GetAtt": [queue, "Arn"]} for queue in ("DeadLetters", "AlertsDeadLetters")]
    assert granted == [("sqs:GetQueueAttributes", queue) for queue in queues]


def test_a_photo_that_was_held_against_an_expectation_is_in_the_history_of_its_site() -> None:
    assert keys_of_indexes()["history"] <= set(from_outcome(inspection_of(image_of())))
    assert not keys_of_indexes()["history"] & set(from_outcome(inspection_of(image_of(), expectation=None)))


def keys_of_indexes() -> dict[str, set[str]]:
    indexes = RESOURCES["Bins"]["Properties"]["GlobalSecondaryIndexes"]
    return {index["IndexName"]: {key["AttributeName"] for key in index["KeySchema"]} for index in indexes}


# People ----------------------------------------------------------------------------------------------------------


def test_nobody_signs_up_by_themselves() -> None:
    assert RESOURCES["Users"]["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


def test_the_pages_client_has_no_secret_and_takes_no_bare_password() -> None:
    client = RESOURCES["UsersClient"]["Properties"]
    assert client["GenerateSecret"] is False
    assert "ALLOW_USER_PASSWORD_AUTH" not in client["ExplicitAuthFlows"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["AllowedOAuthFlows"] == {"Fn::If": ["HostedSignIn", ["code"], {"Ref": "AWS::NoValue"}]}


def test_the_user_pool_knows_both_roles() -> None:
    assert {group["GroupName"] for group in of_type("AWS::Cognito::UserPoolGroup").values()} == {"viewer", "operator"}


# API and operations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["OnInbox", "OnStatusChange"])
def test_functions_that_measure_have_their_stacks_namespace(function: str) -> None:
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == {"Fn::Sub": "Bincheck/${AWS::StackName}"}


@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        ("UNAUTHORIZED", 401, "unauthorized"),
        ("ACCESS_DENIED", 403, "forbidden"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found"),
        ("REQUEST_TOO_LARGE", 413, "too_large"),
        ("THROTTLED", 429, "too_many_requests"),
        ("DEFAULT_4XX", None, "bad_request"),
        ("INTEGRATION_TIMEOUT", 504, "gateway_timeout"),
        ("DEFAULT_5XX", None, "unavailable"),
    ],
)
def test_what_the_gateway_answers_by_itself_has_the_shape_of_the_apis_errors(
    response: str, status: int | None, code: str
) -> None:
    answers = RESOURCES["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    answer = answers[response]
    template = answer["responseTemplates"]["application/json"]
    body = json.loads(template.replace("$context.error.messageString", '"a message, quoted by the gateway"'))
    usual = problem(status or 0, code, body["detail"])
    assert body == {name: value for name, value in usual.items() if status or name != "status"}
    assert answer["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"


def test_who_is_refused_at_the_gate_is_told_how_to_get_in_and_who_came_too_often_when_to_come_again() -> None:
    answers = RESOURCES["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    assert answers["UNAUTHORIZED"]["responseParameters"]["gatewayresponse.header.WWW-Authenticate"] == "'Bearer'"
    assert answers["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_the_api_is_throttled_and_takes_no_binary_bodies() -> None:
    api = RESOURCES["RestAPI"]["Properties"]
    (every_method,) = api["MethodSettings"]
    assert (every_method["ResourcePath"], every_method["HttpMethod"]) == ("/*", "*")
    assert every_method["ThrottlingRateLimit"] > 0
    assert api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"] == []


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm_for(metric: str, function: str) -> None:
    dimensions = [{"Name": "FunctionName", "Value": {"Ref": function}}]
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    assert any(alarm["MetricName"] == metric and alarm["Dimensions"] == dimensions for alarm in alarms)


@pytest.mark.parametrize(
    ("queue", "metric"),
    [
        ("DeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("AlertsDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("Inbox", "ApproximateAgeOfOldestMessage"),
        ("Inbox", "NumberOfMessagesSent"),
    ],
)
def test_queues_are_watched(queue: str, metric: str) -> None:
    dimensions = [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    assert any(alarm["MetricName"] == metric and alarm["Dimensions"] == dimensions for alarm in alarms)


def test_silence_of_the_cameras_rings_and_silence_of_everything_else_does_not() -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in of_type("AWS::CloudWatch::Alarm").items()}
    assert {name for name, treated in missing.items() if treated == "breaching"} == {"NoPhotosAlarm"}


def test_every_alarm_tells_operations_when_it_rings_and_when_it_stops() -> None:
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Operations"}]


def test_every_stage_names_a_processor() -> None:
    stages = json.loads((FOLDER / "config.json").read_text())["stages"]
    assert {name: stage["lambda_architecture"] for name, stage in stages.items()} == {
        "dev": "arm64",
        "prod": "arm64",
        "local": "x86_64",
        "local-arm64": "arm64",
    }
