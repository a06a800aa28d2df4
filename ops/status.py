"""How a stage is doing: its stack, its queues, its alarms. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ops.stack import ClientFactory, describe, outputs_of

QUEUES = {"InboxUrl": "inbox", "DeadLettersUrl": "dead letters", "AlertsDeadLettersUrl": "alerts' dead letters"}
"""The outputs that are queues, and what people call these."""

_SETTLED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


@dataclass(frozen=True, slots=True)
class Status:
    """A stack's state, its outputs, how many messages wait in each queue, and which alarms ring."""

    stack_status: str
    outputs: dict[str, str]
    waiting: dict[str, int]
    alarms: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look: the stack is settled, no alarm rings and nothing lies among the dead letters."""
        dead = sum(count for queue, count in self.waiting.items() if queue != QUEUES["InboxUrl"])
        return self.stack_status in _SETTLED and not self.alarms and not dead


def status_of(client: ClientFactory, stack_name: str) -> Status:
    """Return how a stack is doing.

    Raises:
        NotDeployed: there is no such stack.

    """
    cloudformation, sqs = client("cloudformation"), client("sqs")
    stack_status = describe(cloudformation, stack_name)["StackStatus"]
    outputs = outputs_of(cloudformation, stack_name)
    waiting = {}
    for output, queue in QUEUES.items():
        if output in outputs:
            reply = sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=["ApproximateNumberOfMessages"])
            waiting[queue] = int(reply["Attributes"]["ApproximateNumberOfMessages"])
    pages = (
        client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{stack_name}-", StateValue="ALARM")
    )
    alarms = tuple(alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"])
    return Status(stack_status, outputs, waiting, alarms)
