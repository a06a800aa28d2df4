"""Alerts to an SNS topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.alerts import attributes_of, message_of, subject_of, text_of
from chalicelib.aws.failures import temporary

if TYPE_CHECKING:
    from chalicelib.domain import Alert


class SnsTopic:
    """`ports.Topic` over an SNS client: mail gets the text, every other subscriber the JSON."""

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, alert: Alert) -> None:
        """Send one alert."""
        bodies = {"default": json.dumps(message_of(alert)), "email": text_of(alert), "sms": subject_of(alert)}
        with temporary(f"publishing alert {alert.alert_id}"):
            self._sns.publish(
                TopicArn=self._topic_arn,
                Subject=subject_of(alert),
                MessageStructure="json",
                Message=json.dumps(bodies),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes_of(alert).items()
                },
            )
