"""Brings a packaged stage into an account: upload, show what will change, ask, change, and say what came of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

from ops.artifacts import Artifacts
from ops.indexes import one_by_one
from ops.stack import (
    POLL_SECONDS,
    ClientFactory,
    Declined,
    Outputs,
    StackFailed,
    describe,
    find,
    new_token,
    outputs_of,
    patience,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.package import Packaged

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_STILLBORN = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
_CALLBACK = "SignInCallbackUrl"
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")


class WrongParameter(Exception):  # noqa: N818 - named for what happened
    """The template has no parameter of that name."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to one resource: Add, Modify or Remove.

    `replacement` says whether another one would take its place, without what it holds: True, Conditional or False.
    """

    action: str
    name: str
    type: str
    replacement: str


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What a deployment would do to a stack, new or not."""

    stack_name: str
    is_new: bool
    changes: tuple[Change, ...]


Confirm = Callable[[ChangeSummary], bool]
"""Says whether to go on."""


def without_asking(_: ChangeSummary) -> bool:
    """Agree to whatever will change."""
    return True


def deploy(  # noqa: PLR0913 - four things make a deployment, two more vary with who deploys
    client: ClientFactory,
    packaged: Packaged,
    stack_name: str,
    parameters: Mapping[str, str],
    *,
    confirm: Confirm = without_asking,
    poll_seconds: float = POLL_SECONDS,
) -> Outputs:
    """Make a stack what its template says, if `confirm` agrees to the changes, and return its outputs.

    A parameter that is not given keeps its value. Where nothing changes nobody is asked, and that is a success. Where
    a table that exists gets several indexes, each is a change of its own before the rest, with `confirm` asked again.

    Raises:
        WrongParameter: the template has no parameter of a given name.
        Declined: `confirm` said no; the stack is as it was.
        StackFailed: with the reasons; CloudFormation has gone back to what was before.

    """
    cloudformation = client("cloudformation")
    stack = find(cloudformation, stack_name)
    is_new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    if stack is not None and stack["StackStatus"] in _STILLBORN:
        raise StackFailed(f"the first deployment of {stack_name} failed; destroy what is left of it, then deploy again")
    change = partial(_change, cloudformation, stack_name, confirm=confirm, poll_seconds=poll_seconds)
    if not is_new:
        for step in one_by_one(_deployed(cloudformation, stack_name), packaged.template):
            change(_upload_template(client, step), _parameters(step, {}, stack), is_new=False)
    change(_upload(client, packaged), _parameters(packaged.template, parameters, stack), is_new=is_new)
    return outputs_of(cloudformation, stack_name)


def _change(  # noqa: PLR0913 - likewise
    cloudformation: Any,
    stack_name: str,
    template_url: str,
    parameters: list[dict[str, Any]],
    *,
    is_new: bool,
    confirm: Confirm,
    poll_seconds: float,
) -> None:
    """Make a stack what a template says, if `confirm` agrees; where nothing changes nobody is asked."""
    change_set = _create_change_set(
        cloudformation,
        poll_seconds,
        StackName=stack_name,
        ChangeSetType="CREATE" if is_new else "UPDATE",
        TemplateURL=template_url,
        Parameters=parameters,
    )
    if change_set is None:
        return
    if not confirm(ChangeSummary(stack_name, is_new, _changes(cloudformation, change_set))):
        _discard(cloudformation, change_set, stack_name, is_new=is_new)
        raise Declined(f"{stack_name} was left as it is")
    _execute(cloudformation, change_set, stack_name, is_new=is_new, poll_seconds=poll_seconds)


def _deployed(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    """Return the template that a stack was made from; it was uploaded as JSON."""
    body = cloudformation.get_template(StackName=stack_name, TemplateStage="Original")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else dict(body)
    return template


def deploy_with_page(  # noqa: PLR0913 - as above
    client: ClientFactory,
    packaged: Packaged,
    stack_name: str,
    parameters: Mapping[str, str],
    *,
    confirm: Confirm = without_asking,
    poll_seconds: float = POLL_SECONDS,
    page_url: Callable[[Outputs], str] = lambda outputs: outputs["PageUrl"],
) -> Outputs:
    """Deploy, and where nobody has said where signing in leads back to, once more: to the page, at `page_url`.

    The page's address is known only when there is an API, which needs the authorizer, which needs the client of the
    user pool, which wants to know the page's address: no single deployment can have it all.

    Raises:
        WrongParameter, Declined, StackFailed: as `deploy`.

    """
    outputs = deploy(client, packaged, stack_name, parameters, confirm=confirm, poll_seconds=poll_seconds)
    if _parameter(client, stack_name, _CALLBACK) != "":
        return outputs
    back = {_CALLBACK: page_url(outputs)}
    return deploy(client, packaged, stack_name, back, confirm=confirm, poll_seconds=poll_seconds)


def _parameter(client: ClientFactory, stack_name: str, name: str) -> str | None:
    parameters = describe(client("cloudformation"), stack_name).get("Parameters", [])
    return next((found["ParameterValue"] for found in parameters if found["ParameterKey"] == name), None)


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> dict[str, Any]:
    """Return the template with the functions' code at its place in S3."""
    placed = copy.deepcopy(dict(template))
    for resource in placed["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return placed


def _upload(client: ClientFactory, packaged: Packaged) -> str:
    """Upload code and template, and return the template's address."""
    artifacts = _artifacts(client)
    code = artifacts.upload(packaged.zip.read_bytes(), ".zip")
    return _upload_template(client, with_code(packaged.template, artifacts.bucket, code))


def _upload_template(client: ClientFactory, template: Mapping[str, Any]) -> str:
    """Upload a template and return its address: one sent along may have 51,200 bytes only."""
    artifacts = _artifacts(client)
    return artifacts.address(artifacts.upload(json.dumps(template, sort_keys=True).encode(), ".json"))


def _artifacts(client: ClientFactory) -> Artifacts:
    artifacts = Artifacts(client("s3"), client("sts").get_caller_identity()["Account"])
    artifacts.ensure()
    return artifacts


def _parameters(
    template: Mapping[str, Any], given: Mapping[str, str], stack: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    known = template.get("Parameters", {})
    if strangers := sorted(given.keys() - known.keys()):
        raise WrongParameter(f"no parameter {', '.join(strangers)}; the template has {', '.join(known)}")
    set_before = {parameter["ParameterKey"] for parameter in (stack or {}).get("Parameters", [])}
    kept = sorted((set_before & known.keys()) - given.keys())
    return [
        *({"ParameterKey": name, "ParameterValue": value} for name, value in given.items()),
        *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
    ]


def _create_change_set(cloudformation: Any, poll_seconds: float, **wanted: Any) -> str | None:
    """Return the id of a change set that is ready to be executed, or None where nothing would change."""
    created = cloudformation.create_change_set(ChangeSetName=new_token(), Capabilities=_CAPABILITIES, **wanted)
    change_set: str = created["Id"]
    waiter = cloudformation.get_waiter("change_set_create_complete")
    try:
        waiter.wait(ChangeSetName=change_set, WaiterConfig=patience(poll_seconds))
    except WaiterError as error:
        reason = cloudformation.describe_change_set(ChangeSetName=change_set).get("StatusReason", str(error))
        is_new = wanted["ChangeSetType"] == "CREATE"
        _discard(cloudformation, change_set, wanted["StackName"], is_new=is_new)
        if any(text in reason for text in _NO_CHANGE):
            return None
        raise StackFailed(reason) from error
    return change_set


def _changes(cloudformation: Any, change_set: str) -> tuple[Change, ...]:
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    resources = [change["ResourceChange"] for page in pages for change in page["Changes"]]
    return tuple(
        Change(
            resource["Action"],
            resource["LogicalResourceId"],
            resource["ResourceType"],
            resource.get("Replacement", "False"),
        )
        for resource in resources
    )


def _execute(cloudformation: Any, change_set: str, stack_name: str, *, is_new: bool, poll_seconds: float) -> None:
    token = new_token()
    cloudformation.execute_change_set(ChangeSetName=change_set, ClientRequestToken=token)
    waiter = "stack_create_complete" if is_new else "stack_update_complete"
    wait_for(cloudformation, waiter, stack_name, token, poll_seconds)


def _discard(cloudformation: Any, change_set: str, stack_name: str, *, is_new: bool) -> None:
    """Delete a change set; one for a new stack has made an empty stack, which goes with it."""
    cloudformation.delete_change_set(ChangeSetName=change_set)
    if is_new:
        cloudformation.delete_stack(StackName=stack_name)
