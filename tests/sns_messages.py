"""Messages as SNS posts them, signed with a certificate of our own making."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-central-1:111122223333:bincheck-alerts"
ORIGIN = "https://sns.eu-central-1.amazonaws.com"
ADDRESS = f"{ORIGIN}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
LINK = f"{ORIGIN}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0"

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def rsa_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def certificate(key: Any, begins: datetime = NOW - timedelta(days=1), days: int = 30) -> bytes:
    """A certificate of the key, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begins).not_valid_after(begins + timedelta(days=days))
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def elliptic_certificate() -> bytes:
    return certificate(ec.generate_private_key(ec.SECP256R1()))


@dataclass
class Sns:
    """Signs; serves its certificate to whoever fetches it, and remembers from where it was fetched."""

    key: RSAPrivateKey = field(default_factory=rsa_key)
    pem: bytes = b""
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pem = self.pem or certificate(self.key)

    def fetch(self, address: str) -> bytes:
        self.fetched.append(address)
        return self.pem

    def notification(self, message: Any = None, **changed: str) -> dict[str, str]:
        """A signed notification; what is changed is signed as well."""
        facts = {
            "Type": "Notification",
            "MessageId": "m-1",
            "TopicArn": TOPIC,
            "Subject": "Bin A-17 seems short",
            "Message": json.dumps({"alert_id": "a-1"} if message is None else message),
            "Timestamp": "2026-11-22T12:00:00.000Z",
        }
        return self.signed(facts | changed, _NOTIFICATION)

    def confirmation(self, kind: str = "SubscriptionConfirmation", **changed: str) -> dict[str, str]:
        facts = {
            "Type": kind,
            "MessageId": "m-2",
            "Token": "t0",
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe",
            "SubscribeURL": LINK,
            "Timestamp": "2026-11-22T12:00:00.000Z",
        }
        return self.signed(facts | changed, _CONFIRMATION)

    def signed(self, facts: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
        text = "".join(f"{name}\n{facts[name]}\n" for name in names if name in facts)
        signature = base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
        return {"SignatureVersion": "2", "SigningCertURL": ADDRESS, "Signature": signature} | facts


def body_of(message: Any) -> bytes:
    return json.dumps(message).encode()
