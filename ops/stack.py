"""A stage as a CloudFormation stack: what it says of itself, why it failed, and how it is taken down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, WaiterError

ClientFactory = Callable[[str], Any]
"""Makes the boto3 client of a service, for the account and region in question."""

Outputs = dict[str, str]
"""Names and addresses of a stack's resources, by the names of the template's outputs."""

POLL_SECONDS = 5.0
"""How often CloudFormation is asked whether it is done."""

_LONGEST_WAIT_SECONDS = 3600
_KEPT = {"Retain", "RetainExceptOnCreate", "Snapshot"}


class StackFailed(Exception):  # noqa: N818 - named for what happened
    """A stack did not become what it should; the message has CloudFormation's reasons, one line a resource."""


class NotDeployed(Exception):  # noqa: N818
    """There is no such stack in this account and region."""


class Declined(Exception):  # noqa: N818
    """Whoever was asked said no; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack: its name in the template, its type, and its name in the account."""

    name: str
    type: str
    physical_name: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """What taking a stack down deletes, and what it leaves in the account."""

    stack_name: str
    deleted: tuple[Resource, ...]
    kept: tuple[Resource, ...]


def find(cloudformation: Any, stack_name: str) -> dict[str, Any] | None:
    """Return CloudFormation's description of a stack, or None where there is none."""
    try:
        stacks: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return stacks[0]


def describe(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    """Return CloudFormation's description of a stack.

    Raises:
        NotDeployed: there is none.

    """
    stack = find(cloudformation, stack_name)
    if stack is None:
        raise NotDeployed(f"there is no stack {stack_name} in this account and region")
    return stack


def outputs_of(cloudformation: Any, stack_name: str) -> Outputs:
    """Return the outputs of a stack.

    Raises:
        NotDeployed: there is no such stack.

    """
    outputs = describe(cloudformation, stack_name).get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def destroy(
    cloudformation: Any, stack_name: str, confirm: Callable[[Farewell], bool], *, poll_seconds: float = POLL_SECONDS
) -> Farewell:
    """Take a stack down, if `confirm` agrees, and return what went and what was kept.

    Raises:
        NotDeployed: there is no such stack.
        Declined: `confirm` said no.
        StackFailed: something could not be deleted.

    """
    stack_id = describe(cloudformation, stack_name)["StackId"]
    farewell = _farewell(cloudformation, stack_name)
    if not confirm(farewell):
        raise Declined(f"{stack_name} was left as it is")
    token = new_token()
    cloudformation.delete_stack(StackName=stack_name, ClientRequestToken=token)
    # By its id: once deleted, a stack no longer answers to its name.
    wait_for(cloudformation, "stack_delete_complete", stack_id, token, poll_seconds)
    return farewell


def new_token() -> str:
    """Return a new name for one operation on a stack; its events carry it."""
    return f"bincheck-{uuid4().hex}"


def wait_for(cloudformation: Any, waiter: str, stack: str, token: str, poll_seconds: float) -> None:
    """Wait until an operation on a stack, known by its token, has ended well.

    Raises:
        StackFailed: it ended otherwise.

    """
    try:
        cloudformation.get_waiter(waiter).wait(StackName=stack, WaiterConfig=patience(poll_seconds))
    except WaiterError as error:
        reasons = _reasons(cloudformation, stack, token) or [str(error)]
        raise StackFailed("\n".join(reasons)) from error


def patience(poll_seconds: float) -> dict[str, float]:
    """Return how botocore's waiters shall wait for CloudFormation: up to an hour."""
    return {"Delay": poll_seconds, "MaxAttempts": int(_LONGEST_WAIT_SECONDS / poll_seconds)}


def _reasons(cloudformation: Any, stack: str, token: str) -> list[str]:
    """Return why resources failed, first things first; what was merely cancelled along is left out."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"] if event.get("ClientRequestToken") == token]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]


def _farewell(cloudformation: Any, stack_name: str) -> Farewell:
    template = _template_of(cloudformation, stack_name)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    resources = [
        Resource(found["LogicalResourceId"], found["ResourceType"], found.get("PhysicalResourceId", ""))
        for page in pages
        for found in page["StackResourceSummaries"]
        if found["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    policies = {name: resource.get("DeletionPolicy") for name, resource in template["Resources"].items()}
    kept = tuple(resource for resource in resources if policies.get(resource.name) in _KEPT)
    return Farewell(stack_name, tuple(resource for resource in resources if resource not in kept), kept)


def _template_of(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    body = cloudformation.get_template(StackName=stack_name)["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template
