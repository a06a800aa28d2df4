from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import TemporaryFailure
from chalicelib.events import Message, files_in
from chalicelib.inbox import RetryRule, work_off
from tests.examples import image_of, inspection_of, record_of
from tests.fakes import BEFORE, FakeInbox, Trouble

if TYPE_CHECKING:
    from chalicelib.domain import BinImage, Outcome

RULE = RetryRule(max_receives=5, first_pause=10)
ONE, TWO, THREE = (image_of(f"incoming/A-{number}/x.jpg") for number in (1, 2, 3))


class Check:
    """Checks photos by remembering them; those named fail, each in its way."""

    def __init__(self, **failures: Exception) -> None:
        self.checked: list[BinImage] = []
        self._failures = failures

    def __call__(self, image: BinImage) -> tuple[Outcome, bool]:
        self.checked.append(image)
        failure = self._failures.get(image.key.split("/")[1].replace("-", ""))
        if failure:
            raise failure
        return inspection_of(image), True


def message_about(*images: BinImage, receives: int = 1, message_id: str = "m1") -> Message:
    body = json.dumps({"Records": [record_of(image) for image in images]})
    return Message(message_id, body, "receipt", receives)


def test_every_photo_of_a_message_is_checked_and_the_message_is_done_with() -> None:
    check, inbox = Check(), FakeInbox()
    work_off(message_about(ONE, TWO, THREE), check, inbox, RULE)
    assert check.checked == [ONE, TWO, THREE]
    assert inbox.delayed == inbox.buried == []


def test_a_test_event_is_done_with_at_once() -> None:
    inbox = FakeInbox()
    work_off(Message("m1", '{"Event": "s3:TestEvent"}', "receipt", 1), Check(), inbox, RULE)
    assert inbox.delayed == inbox.buried == []


def test_a_temporary_failure_delays_the_message_and_hands_it_back() -> None:
    message, inbox = message_about(ONE), FakeInbox()
    with pytest.raises(TemporaryFailure, match="endpoint throttled"):
        work_off(message, Check(A1=TemporaryFailure("endpoint throttled")), inbox, RULE)
    assert inbox.delayed == [(message, RULE.pause(message))]
    assert inbox.buried == []


@pytest.mark.parametrize("failure", [TemporaryFailure("no table"), ZeroDivisionError("a defect")])
def test_one_photos_failure_takes_no_other_photo_along(failure: Exception) -> None:
    check = Check(A2=failure)
    with pytest.raises(TemporaryFailure):
        work_off(message_about(ONE, TWO, THREE), check, FakeInbox(), RULE)
    assert check.checked == [ONE, TWO, THREE]


def test_at_its_last_receive_only_the_failed_photos_are_buried_with_their_reasons() -> None:
    inbox = FakeInbox()
    check = Check(A2=TemporaryFailure("endpoint absent"), A3=ZeroDivisionError("a defect"))
    work_off(message_about(ONE, TWO, THREE, receives=5), check, inbox, RULE)
    ((body, reason),) = inbox.buried
    assert [image for image, _ in files_in(body)] == [TWO, THREE]
    assert reason == "ZeroDivisionError('a defect'); endpoint absent"
    assert inbox.delayed == []


def test_before_its_last_receive_nothing_is_buried() -> None:
    inbox = FakeInbox()
    with pytest.raises(TemporaryFailure):
        work_off(message_about(ONE, receives=4), Check(A1=TemporaryFailure("slow")), inbox, RULE)
    assert inbox.buried == []


def test_a_reason_shared_by_many_photos_is_told_once() -> None:
    inbox = FakeInbox()
    check = Check(A1=TemporaryFailure("slow"), A2=TemporaryFailure("slow"))
    work_off(message_about(ONE, TWO, receives=9), check, inbox, RULE)
    assert inbox.buried[0][1] == "slow"


def test_a_malformed_message_is_buried_at_once_as_it_is() -> None:
    check, inbox = Check(), FakeInbox()
    work_off(Message("m1", "{not json", "receipt", 1), check, inbox, RULE)
    ((body, reason),) = inbox.buried
    assert body == "{not json"
    assert reason.startswith("not an S3 event notification")
    assert check.checked == []


@pytest.mark.parametrize("message", [message_about(ONE, receives=5), Message("m1", "{", "receipt", 1)])
def test_a_message_that_can_not_be_buried_comes_back(message: Message) -> None:
    with pytest.raises(TemporaryFailure):
        work_off(message, Check(A1=TemporaryFailure("slow")), FakeInbox(Trouble([BEFORE])), RULE)


@given(st.uuids().map(str))
def test_pauses_double_up_to_a_limit_and_are_spread_by_a_quarter(message_id: str) -> None:
    pauses = [RULE.pause(message_about(ONE, receives=receives, message_id=message_id)) for receives in range(1, 12)]
    assert 7 <= pauses[0] <= 13
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert all(abs(pause - 10 * 2**tries * pauses[0] / 10) <= 2**tries for tries, pause in enumerate(pauses[:6]))
    assert pauses[-1] == 900


def test_messages_that_failed_together_come_back_apart() -> None:
    pauses = {RULE.pause(message_about(ONE, receives=4, message_id=str(number))) for number in range(50)}
    assert len(pauses) > 20
