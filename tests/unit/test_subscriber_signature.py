"""Only what SNS has signed for our topic, and just now, is believed; and nothing is fetched from anybody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.subscribers.signature import LONGEST_AGE, NotOurs, Topic
from tests.sns_messages import ADDRESS, NOW, ORIGIN, TOPIC, Sns, body_of, certificate, elliptic_certificate, rsa_key

SNS = Sns()


def topic_of(sns: Sns = SNS, now: datetime = NOW) -> Topic:
    return Topic(TOPIC, sns.fetch, lambda: now)


def refused(message: Any, topic: Topic | None = None) -> str:
    """Why a message is refused."""
    with pytest.raises(NotOurs) as why:
        (topic or topic_of()).verified(message if isinstance(message, bytes) else body_of(message))
    return str(why.value)


@pytest.mark.parametrize(
    "message", [SNS.notification(), SNS.confirmation(), SNS.confirmation("UnsubscribeConfirmation")]
)
def test_what_sns_has_signed_is_believed(message: dict[str, str]) -> None:
    assert topic_of().verified(body_of(message)) == message


def test_a_notification_may_have_no_subject() -> None:
    message = SNS.notification()
    del message["Subject"]
    without = SNS.signed({k: v for k, v in message.items() if k != "Signature"}, tuple(sorted(message)[1:]))
    assert "signature" in refused(without)
    names = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
    signed = SNS.signed({name: message[name] for name in names}, names)

    assert topic_of().verified(body_of(signed)) == signed


@pytest.mark.parametrize("field", ["Message", "MessageId", "Subject", "Timestamp", "Signature"])
def test_what_was_changed_on_the_way_is_refused(field: str) -> None:
    message = SNS.notification()
    changed = "2026-11-22T12:00:01.000Z" if field == "Timestamp" else f"{message[field]}AAAA"

    assert "signature" in refused(message | {field: changed})


def test_a_link_that_was_changed_on_the_way_is_refused() -> None:
    assert "signature" in refused(SNS.confirmation() | {"SubscribeURL": f"{ORIGIN}/?Action=DeleteTopic"})


def test_a_subject_that_was_slipped_in_or_taken_out_is_refused() -> None:
    message = SNS.notification()
    without = {name: value for name, value in message.items() if name != "Subject"}

    assert "signature" in refused(without)


def test_a_signature_by_another_key_is_refused() -> None:
    assert "signature" in refused(Sns(key=rsa_key()).notification())


@pytest.mark.parametrize("signature", ["", "not base 64", "AAAA", "é"])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert "signature" in refused(SNS.notification() | {"Signature": signature})


@pytest.mark.parametrize("version", ["1", "3", ""])
def test_another_version_of_signatures_is_refused(version: str) -> None:
    assert "version" in refused(SNS.notification() | {"SignatureVersion": version})


@pytest.mark.parametrize(
    "topic", [TOPIC.replace("alerts", "others"), TOPIC.replace("1111", "9999"), TOPIC.replace("central", "west"), ""]
)
def test_what_sns_has_signed_for_another_topic_is_refused_before_anything_is_fetched(topic: str) -> None:
    sns = Sns(key=SNS.key)

    assert "another topic" in refused(sns.notification(TopicArn=topic), topic_of(sns))
    assert sns.fetched == []


@pytest.mark.parametrize(
    "address",
    [
        "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem",
        "https://evil.example/SimpleNotificationService-00.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/SimpleNotificationService-00.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-00.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00.pem",
        "https://my-bucket.s3.amazonaws.com/SimpleNotificationService-00.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-00.pem",
        ADDRESS.replace("https", "http"),
        f"{ADDRESS}?x=.pem",
        f"{ADDRESS}#.pem",
        f"{ADDRESS}\n",
        f"{ORIGIN}/SimpleNotificationService-../x.pem",
        f"{ORIGIN}/?Action=GetTopic&x=/SimpleNotificationService-00.pem",
        "",
    ],
)
def test_a_certificate_that_does_not_lie_with_sns_is_never_fetched(address: str) -> None:
    sns = Sns(key=SNS.key)

    assert "certificate does not lie with SNS" in refused(sns.notification(SigningCertURL=address), topic_of(sns))
    assert sns.fetched == []


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"<html>", "is none"),
        (certificate(SNS.key, NOW - timedelta(days=31)), "not valid now"),
        (certificate(SNS.key, NOW + timedelta(days=1)), "not valid now"),
        (elliptic_certificate(), "another kind of key"),
    ],
    ids=["no certificate", "ended", "not begun", "no RSA"],
)
def test_a_certificate_that_is_none_or_not_valid_is_refused(pem: bytes, why: str) -> None:
    sns = Sns(key=SNS.key, pem=pem)

    assert why in refused(sns.notification(), topic_of(sns))


@pytest.mark.parametrize(
    ("later", "is_taken"),
    [
        (timedelta(0), True),
        (LONGEST_AGE, True),
        (LONGEST_AGE + timedelta(seconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-6), False),
    ],
)
def test_a_copy_that_comes_long_after_is_refused(later: timedelta, *, is_taken: bool) -> None:
    topic = topic_of(now=NOW + later)
    if is_taken:
        topic.verified(body_of(SNS.notification()))
    else:
        assert "ago" in refused(SNS.notification(), topic)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"a": 1}',
        b"[" * 100_000,
        body_of({"TopicArn": TOPIC, "SignatureVersion": "2"}),
    ],
    ids=repr,
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert refused(body)


@pytest.mark.parametrize(
    "missing", ["Message", "MessageId", "Timestamp", "Type", "TopicArn", "Signature", "SigningCertURL"]
)
def test_a_message_without_all_of_its_fields_is_refused(missing: str) -> None:
    message = SNS.notification()
    del message[missing]

    assert refused(message)


@pytest.mark.parametrize("time", ["yesterday", "2026-11-22T12:00:00.000+99:00", "0001-01-01T00:00:00+23:59", ""])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    assert "time" in refused(SNS.notification(Timestamp=time))


@pytest.mark.parametrize(
    "link", ["https://evil.example/?x", f"{ORIGIN}.evil.example/?x", f"{ORIGIN}@evil.example/?x", ORIGIN, ""]
)
def test_a_subscription_is_confirmed_with_sns_alone_even_if_the_link_is_signed(link: str) -> None:
    topic = topic_of()
    message = topic.verified(body_of(SNS.confirmation(SubscribeURL=link)))

    with pytest.raises(NotOurs):
        topic.confirmation_link(message)


def test_the_chinese_partition_has_hosts_of_its_own() -> None:
    arn = "arn:aws-cn:sns:cn-north-1:111122223333:alerts"
    address = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem"
    message = SNS.notification(TopicArn=arn, SigningCertURL=address)

    assert Topic(arn, SNS.fetch, lambda: NOW).verified(body_of(message)) == message


@pytest.mark.parametrize("arn", ["", "arn:aws:sqs:eu-central-1:111122223333:queue", f"{TOPIC}:id", "*"])
def test_what_is_no_topic_is_told_at_once(arn: str) -> None:
    with pytest.raises(ValueError, match="no topic"):
        Topic(arn, SNS.fetch, lambda: datetime.now(UTC))


def test_a_text_that_is_none_is_refused() -> None:
    assert "half a character" in refused(SNS.notification() | {"Message": "\ud800"})


@given(
    st.dictionaries(
        st.sampled_from([*SNS.notification(), "SubscribeURL", "Token"]), st.text() | st.none() | st.integers()
    )
)
def test_nothing_that_is_posted_breaks_the_check(facts: dict[str, Any]) -> None:
    message = {"TopicArn": TOPIC, "SignatureVersion": "2", "Type": "Notification", **facts}

    assert refused(message)
