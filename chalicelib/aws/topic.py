"""Alerts and digests to an SNS topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.aws.failures import temporary
from chalicelib.notices import attributes_of, id_of, message_of, subject_of, text_of

if TYPE_CHECKING:
    from chalicelib.notices import Notice


class SnsTopic:
    """`ports.Topic` over an SNS client: mail gets the text, every other subscriber the JSON.

    `api` is the API's address, without a slash at its end, which links lead to.
    """

    def __init__(self, sns: Any, topic_arn: str, api: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._api = api

    def publish(self, notice: Notice) -> None:
        """Send one notice."""
        bodies = {
            "default": json.dumps(message_of(notice, self._api)),
            "email": text_of(notice, self._api),
            "sms": subject_of(notice),
        }
        with temporary(f"publishing alert {id_of(notice)}"):
            self._sns.publish(
                TopicArn=self._topic_arn,
                Subject=subject_of(notice),
                MessageStructure="json",
                Message=json.dumps(bodies),
                MessageAttributes={name: _attribute(value) for name, value in attributes_of(notice).items()},
            )


def _attribute(value: str | list[str]) -> dict[str, str]:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}
