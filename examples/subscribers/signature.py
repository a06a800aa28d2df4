"""Whether a message that came over HTTP was sent by SNS for our topic, and just now.

Anybody can post to a webhook. What SNS posts carries a signature, and the address of the certificate that verifies it:
both come from whoever posts, so the address is looked at before anything is fetched, and nothing is believed but a
certificate that lies where only SNS can put one. Source: "Verifying the signatures of Amazon SNS messages", Amazon SNS
Developer Guide (docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).

Only signature version 2 (SHA-256) is taken; Bincheck's topic is set to it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, str]
"""What SNS posts: the fields of its envelope, all of them texts."""

NOTIFICATION: Final = "Notification"
CONFIRMATION: Final = "SubscriptionConfirmation"
GOODBYE: Final = "UnsubscribeConfirmation"

_OF_A_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _OF_A_CONFIRMATION,
    GOODBYE: _OF_A_CONFIRMATION,
}
"""Which fields are signed, in their order, by the message's type."""
_OPTIONAL: Final = "Subject"

_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]+\.pem")
_TOPIC: Final = re.compile(r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_.-]+")

LONGEST_AGE: Final = timedelta(hours=1, minutes=15)
"""SNS goes on trying for at most an hour; what is older is somebody's copy."""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)


class NotOurs(Exception):  # noqa: N818 - what the message is
    """The message does not come from the topic, or not any more; the text says why, for the log and not the sender."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, and how to find out whether a message is its own.

    Attributes:
        arn: the topic's.
        fetch: reads a certificate (PEM) from an address that has been looked at before.
        clock: tells the time, in UTC.

    """

    arn: str
    fetch: Callable[[str], bytes]
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        if _TOPIC.fullmatch(self.arn) is None:
            raise ValueError(f"{self.arn} is no topic's ARN")

    def verified(self, body: bytes) -> Message:
        """Return the message that a request's body holds.

        Raises:
            NotOurs: it is none of this topic, was changed on the way, or is too old.

        """
        message = _parsed(body)
        if message.get("TopicArn") != self.arn:
            raise NotOurs("it is of another topic")
        if message.get("SignatureVersion") != "2":
            raise NotOurs("its signature is not of version 2")
        text = _signed_text(message)
        self._check_age(message)
        certificate = self._certificate(message.get("SigningCertURL", ""))
        _check_signature(certificate, message.get("Signature", ""), text)
        return message

    def confirmation_link(self, message: Message) -> str:
        """Return the link that confirms a subscription.

        Raises:
            NotOurs: it does not lead to SNS.

        """
        link = message.get("SubscribeURL", "")
        if not link.startswith(f"https://{self._host}/?"):
            raise NotOurs("its link does not lead to SNS")
        return link

    @property
    def _host(self) -> str:
        """The one host of SNS that speaks for the topic."""
        found = _TOPIC.fullmatch(self.arn)
        assert found is not None  # noqa: S101 - checked when it was made
        ending = ".cn" if found["partition"] == "aws-cn" else ""
        return f"sns.{found['region']}.amazonaws.com{ending}"

    def _check_age(self, message: Message) -> None:
        try:
            sent = datetime.fromisoformat(message["Timestamp"])
            age = self.clock() - sent.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise NotOurs("its time is none") from error
        if not -_CLOCKS_DIFFER <= age <= LONGEST_AGE:
            raise NotOurs(f"it was sent {age} ago")

    def _certificate(self, address: str) -> x509.Certificate:
        """Fetch the certificate, if its address is one of SNS's own in the topic's region: whole, to the letter."""
        origin = f"https://{self._host}"
        is_of_sns = address.startswith(f"{origin}/") and _CERTIFICATE.fullmatch(address.removeprefix(origin))
        if not is_of_sns:
            raise NotOurs("its certificate does not lie with SNS")
        try:
            certificate = x509.load_pem_x509_certificate(self.fetch(address))
        except ValueError as error:
            raise NotOurs("its certificate is none") from error
        if not certificate.not_valid_before_utc <= self.clock() <= certificate.not_valid_after_utc:
            raise NotOurs("its certificate is not valid now")
        return certificate


def _parsed(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotOurs("it is no JSON") from error
    if not isinstance(message, dict) or not all(isinstance(value, str) for value in message.values()):
        raise NotOurs("it is no message of SNS")
    return message


def _signed_text(message: Message) -> bytes:
    """Return what the signature is of: names and values, a line each; a notification may have no subject."""
    names = _SIGNED.get(message.get("Type", ""))
    if names is None:
        raise NotOurs("it is of no type that SNS sends")
    missing = [name for name in names if name not in message and name != _OPTIONAL]
    if missing:
        raise NotOurs(f"it lacks {', '.join(missing)}")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotOurs("it holds half a character") from error


def _check_signature(certificate: x509.Certificate, signature: str, text: bytes) -> None:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotOurs("its certificate has another kind of key")
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:  # ValueError: it is no base 64
        raise NotOurs("its signature is not that of its content") from error
