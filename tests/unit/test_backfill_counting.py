"""Every photo gets an answer or two chances of one, each job is begun once, and a run that was stopped goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from ops.backfill.counting import model_behind, planned_jobs
from ops.backfill.errors import JobFailed, NotReady
from tests.backfill_fixtures import (
    GOOD,
    MAX_BYTES,
    PREFIX,
    REFUSED,
    WORK,
    FakeSageMaker,
    a_ledger,
    counted,
    listed,
    s3_with,
)

if TYPE_CHECKING:
    from pathlib import Path

FILES = {f"{PREFIX}A-{number:02d}/1.jpg": GOOD for number in range(10)}
KEYS = sorted(FILES)


def test_every_photo_is_counted_in_parts(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger, photos_per_job=4)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger)
        assert sagemaker.manifests() == [KEYS[:4], KEYS[4:8], KEYS[8:]]
        assert (ledger.standing().answered, ledger.standing().parts_counted) == (10, 3)


def test_what_the_checker_refuses_unseen_is_not_sent(tmp_path: Path) -> None:
    strays = {f"{PREFIX}notes.txt": b"x", f"{PREFIX}B-1/1.jpg": b"", f"{PREFIX}B-1/2.jpg": bytes(MAX_BYTES + 1)}
    with s3_with({**FILES, **strays}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger)
        assert sagemaker.manifests() == [KEYS]


def test_a_part_without_a_single_photo_needs_no_job(tmp_path: Path) -> None:
    with s3_with({f"{PREFIX}notes.txt": b"x"}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger)
        assert sagemaker.requests == []
        assert ledger.standing().parts_counted == 1


def test_a_photo_whose_answer_was_lost_gets_another_job_of_its_own(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3, slips={KEYS[3]})
        counted(sagemaker, ledger)
        assert sagemaker.manifests() == [KEYS, [KEYS[3]]]
        assert ledger.standing().answered == 10


def test_a_photo_that_two_jobs_gave_no_answer_for_is_left_to_the_endpoint(tmp_path: Path) -> None:
    with s3_with({**FILES, KEYS[0]: REFUSED}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3)
        told = counted(sagemaker, ledger)
        assert sagemaker.manifests() == [KEYS, [KEYS[0]]]
        assert (ledger.standing().answered, ledger.standing().parts_counted) == (9, 1)
    assert told[-1].endswith("Failed, 9 of 10 photos have an answer")


def test_so_few_missing_answers_are_worth_no_second_job(tmp_path: Path) -> None:
    many = {f"{PREFIX}A-{number:03d}/1.jpg": GOOD for number in range(100)} | {f"{PREFIX}A-000/1.jpg": REFUSED}
    with s3_with(many) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger)
        assert len(sagemaker.requests) == 1


def test_a_job_without_a_single_answer_ends_the_run_with_sagemakers_reason(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3, status="Failed")
        with pytest.raises(JobFailed, match="could not be pulled"):
            counted(sagemaker, ledger)
        assert ledger.standing().parts_counted == 0


def test_a_last_part_of_a_few_photos_that_are_all_refused_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    with s3_with({**FILES, KEYS[9]: REFUSED}) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger, photos_per_job=9)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger, work=replace(WORK, few=2))
        assert len(sagemaker.requests) == 2
        assert (ledger.standing().answered, ledger.standing().parts_counted) == (9, 2)


def test_once_the_cause_is_mended_the_next_run_begins_a_new_job(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3, status="Failed")
        with pytest.raises(JobFailed):
            counted(sagemaker, ledger)
        sagemaker.status = None
        counted(sagemaker, ledger)
        assert sagemaker.manifests() == [KEYS, KEYS]
        assert ledger.standing().answered == 10


def test_a_job_that_an_earlier_run_began_is_waited_for_and_not_begun_again(tmp_path: Path) -> None:
    def killed(_: float) -> None:
        raise KeyboardInterrupt

    with s3_with(FILES) as s3:
        sagemaker = FakeSageMaker(s3, looks_before_the_end=3)
        with a_ledger(tmp_path) as ledger:
            listed(s3, ledger)
        with pytest.raises(KeyboardInterrupt), a_ledger(tmp_path) as ledger:
            counted(sagemaker, ledger, sleep=killed)
        with a_ledger(tmp_path) as ledger:
            counted(sagemaker, ledger)
            assert ledger.standing().answered == 10
        assert len(sagemaker.requests) == 1


def test_another_machine_finds_the_job_by_its_name(tmp_path: Path) -> None:
    with s3_with(FILES) as s3:
        sagemaker = FakeSageMaker(s3)
        for machine in ("one", "two"):
            with a_ledger(tmp_path / machine) as ledger:
                listed(s3, ledger)
                counted(sagemaker, ledger)
                assert ledger.standing().answered == 10
        assert len(sagemaker.requests) == 1


def test_a_part_that_is_counted_stays_so(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3)
        counted(sagemaker, ledger)
        counted(sagemaker, ledger)
        assert len(sagemaker.requests) == 1


def test_a_job_that_runs_too_long_is_stopped(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        sagemaker = FakeSageMaker(s3, looks_before_the_end=10**6)
        with pytest.raises(JobFailed, match="2 h"):
            counted(sagemaker, ledger, patience=7200.0)
        assert sagemaker.stopped == [sagemaker.requests[0]["TransformJobName"]]


def test_a_job_that_somebody_stopped_ends_the_run(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger)
        with pytest.raises(JobFailed, match="was stopped"):
            counted(FakeSageMaker(s3, status="Stopped"), ledger)


def test_no_more_jobs_run_side_by_side_than_are_allowed(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger, photos_per_job=2)
        sagemaker = FakeSageMaker(s3, looks_before_the_end=10**6)
        with pytest.raises(JobFailed):
            counted(sagemaker, ledger)
        assert len(sagemaker.requests) == WORK.jobs_at_once


def test_nothing_is_counted_before_all_is_listed(tmp_path: Path) -> None:
    with s3_with({}) as s3, a_ledger(tmp_path) as ledger, pytest.raises(NotReady, match="list"):
        counted(FakeSageMaker(s3), ledger)


def test_a_plan_begins_nothing(tmp_path: Path) -> None:
    with s3_with(FILES) as s3, a_ledger(tmp_path) as ledger:
        listed(s3, ledger, photos_per_job=4)
        assert [photos for _, photos in planned_jobs(WORK, ledger)] == [4, 4, 2]
        assert ledger.standing().jobs == 0


class FakeEndpoints:
    """Two endpoints: one that serves, none else."""

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:  # noqa: N803 - boto3's
        if EndpointName != "bin-counter":
            error = {"Code": "ValidationException", "Message": f'Could not find endpoint "{EndpointName}".'}
            raise ClientError({"Error": error}, "DescribeEndpoint")
        return {"EndpointConfigName": "bin-counter-1"}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, list[dict[str, str]]]:  # noqa: N803
        assert EndpointConfigName == "bin-counter-1"
        return {"ProductionVariants": [{"VariantName": "champion", "ModelName": "bin-counter-430d0eb2be3d"}]}


def test_the_model_is_the_one_that_live_photos_are_counted_by() -> None:
    assert model_behind(FakeEndpoints(), "bin-counter") == "bin-counter-430d0eb2be3d"


def test_without_an_endpoint_a_model_has_to_be_named() -> None:
    with pytest.raises(NotReady, match="--model"):
        model_behind(FakeEndpoints(), "another")
