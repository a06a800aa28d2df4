"""Whatever bytes are sent as a photo: an answer or a refusal by the contract, and nothing else.

The bodies follow from the code alone, so every run sends the same. A few hundred take part in each run of the suite;
`-m fuzz` sends ten thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance_caller import answered, answered_or_refused, invoked, refused
from tests.malformed import media_type_of, photo_files, requests

if TYPE_CHECKING:
    from tests.conformance_caller import Caller

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

FEW, MANY = 300, 10_000
CUTS = 40

_without_checks = {"suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=FEW, **_without_checks)
@given(requests())
def test_malformed_bodies_are_answered_or_refused(quick_call: Caller, request_: tuple[bytes, str]) -> None:
    answered_or_refused(invoked(quick_call, *request_))


@pytest.mark.fuzz
@settings(max_examples=MANY, **_without_checks)
@given(requests())
def test_ten_thousand_malformed_bodies_are_answered_or_refused(quick_call: Caller, request_: tuple[bytes, str]) -> None:
    answered_or_refused(invoked(quick_call, *request_))


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "CMYK JPEG", "PNG", "16-bit PNG", "animated PNG"])
def test_a_file_cut_anywhere_is_refused_or_answered_like_the_whole(quick_call: Caller, kind: str) -> None:
    body = photo_files()[kind]
    media_type = media_type_of(body)
    whole = answered(invoked(quick_call, body, media_type))

    for end in range(0, len(body), max(len(body) // CUTS, 1)):
        reply = invoked(quick_call, body[:end], media_type)
        if reply.status == 200:
            assert answered(reply) == whole, f"{end} of {len(body)} bytes"
        else:
            refused(reply)
