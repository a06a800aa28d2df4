from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib import wiring
from chalicelib.inbox import RetryRule

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("fresh_wiring")


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(wiring.NotConfigured, match="BINCHECK_TABLE"):
        wiring.Settings({}).text("TABLE")


def test_the_retry_rule_comes_from_the_environment() -> None:
    settings = wiring.Settings({"BINCHECK_MAX_RECEIVES": "5", "BINCHECK_FIRST_PAUSE_SECONDS": "20"})
    assert settings.retry_rule == RetryRule(5, 20)


@pytest.mark.parametrize("make", [wiring.checker, wiring.inbox, wiring.alerter])
def test_nothing_is_made_without_its_settings(make: Callable[[], object]) -> None:
    with pytest.raises(wiring.NotConfigured):
        make()


def test_a_client_is_made_once_and_gives_up_within_its_patience() -> None:
    runtime = wiring.client("sagemaker-runtime", patience=8, attempts=1)
    assert runtime is wiring.client("sagemaker-runtime", patience=8, attempts=1)
    assert (runtime.meta.config.connect_timeout, runtime.meta.config.read_timeout) == (2, 8)
    assert runtime.meta.config.retries["total_max_attempts"] == 1


def test_links_to_pictures_are_signed_so_that_they_end() -> None:
    assert wiring.client("s3").meta.config.signature_version == "s3v4"


def test_links_to_pictures_lead_to_the_buckets_region_without_a_detour() -> None:
    link = wiring.client("s3").generate_presigned_url("get_object", Params={"Bucket": "photos", "Key": "1.jpg"})
    assert link.startswith("https://photos.s3.eu-central-1.amazonaws.com/1.jpg?")


def test_the_time_is_as_precise_as_it_is_recorded() -> None:
    assert wiring.now().microsecond % 1000 == 0
    assert wiring.now().utcoffset() is not None
