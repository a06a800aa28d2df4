"""A transform job is named by what it does, and its request is one that SageMaker takes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backfill.answers import answers_about
from ops.backfill.errors import BackfillError
from ops.backfill.requests import Counter, Job, Machines, Place, job_of
from tests.examples import image_of
from training.aws_requests import validate

PLACE = Place("photos", "july")
COUNTER = Counter("bin-counter-430d0eb2be3d", Machines())
PHOTOS = [image_of("warehouse/A-17/1.jpg"), image_of("warehouse/B-2/1.jpg")]


def job(place: Place = PLACE, counter: Counter = COUNTER, ordinal: int = 0, part: int = 0) -> Job:
    return job_of(place, part, PHOTOS, counter, ordinal)


@pytest.mark.parametrize("machines", [Machines(), Machines("ml.c7i.xlarge", 3, 16, "alias/photos")])
def test_sagemaker_would_take_the_request(machines: Machines) -> None:
    validate("CreateTransformJob", job(counter=replace(COUNTER, machines=machines)).request)


def test_the_longest_name_is_short_enough() -> None:
    validate("CreateTransformJob", job(Place("photos", "j" * 40), part=99_999).request)


def test_each_photo_is_a_request_of_its_own_and_may_have_six_megabytes() -> None:
    request = job().request
    assert request["BatchStrategy"] == "SingleRecord"
    assert request["TransformInput"]["SplitType"] == "None"
    assert request["MaxPayloadInMB"] == 6
    assert request["MaxPayloadInMB"] * request["MaxConcurrentTransforms"] <= 100


def test_the_manifest_names_the_bucket_once_and_every_key() -> None:
    assert json.loads(job().manifest) == [{"prefix": "s3://photos/"}, "warehouse/A-17/1.jpg", "warehouse/B-2/1.jpg"]


def test_the_request_points_at_its_manifest_and_at_its_parts_answers() -> None:
    made = job(part=7)
    source = made.request["TransformInput"]["DataSource"]["S3DataSource"]
    assert source == {"S3DataType": "ManifestFile", "S3Uri": f"s3://photos/backfill/july/manifests/{made.name}.json"}
    assert made.request["TransformOutput"]["S3OutputPath"] == "s3://photos/backfill/july/answers/00007"


def test_the_same_work_has_the_same_name_and_any_other_another() -> None:
    others = [
        job(Place("others", "july")),
        job(counter=replace(COUNTER, model="bin-counter-2")),
        job(counter=replace(COUNTER, machines=Machines(count=2))),
        job(ordinal=1),
        job(part=1),
        job_of(PLACE, 0, PHOTOS[:1], COUNTER, 0),
    ]
    assert job().name == job().name
    assert len({job().name, *(other.name for other in others)}) == len(others) + 1


@pytest.mark.parametrize("name", ["", "July", "j_1", "j" * 41, "-july"])
def test_a_name_that_no_job_may_have_is_refused(name: str) -> None:
    with pytest.raises(BackfillError, match="lower-case"):
        Place("photos", name)


@pytest.mark.parametrize("concurrency", [0, 17])
def test_more_photos_at_once_than_sagemaker_holds_are_refused(concurrency: int) -> None:
    with pytest.raises(BackfillError, match="16"):
        Machines(concurrency=concurrency)


bins = st.text("AB", min_size=1, max_size=2)
names = st.lists(st.text("ABw", min_size=1, max_size=2), min_size=1, max_size=3).map("/".join)
key_sets = st.sets(st.builds(lambda bin_id, name: f"w/{bin_id}/{name}.jpg", bins, names), max_size=8)
BELOW = "backfill/july/answers/00000/"


@given(key_sets, st.data())
def test_an_answer_is_found_under_the_photos_whole_key(keys: set[str], data: st.DataObject) -> None:
    answered = data.draw(st.sets(st.sampled_from(sorted(keys)))) if keys else set()
    laid = [f"{BELOW}{key}.out" for key in answered]
    assert answers_about(keys, "w/", laid, BELOW) == {key: f"{BELOW}{key}.out" for key in answered}


def test_an_answer_is_found_under_what_follows_the_prefix() -> None:
    keys = ["w/A/1.jpg", "w/B/1.jpg"]
    laid = [f"{BELOW}A/1.jpg.out", f"{BELOW}B/1.jpg.out"]
    assert answers_about(keys, "w/", laid, BELOW) == dict(zip(keys, laid, strict=True))


def test_an_answer_under_the_bare_name_is_nobodys_since_two_bins_would_share_it() -> None:
    assert answers_about(["w/A/1.jpg", "w/B/1.jpg"], "w/", [f"{BELOW}1.jpg.out"], BELOW) == {}


@given(key_sets, st.sets(st.text("ABw/.jpgout", max_size=12)))
def test_no_answer_serves_two_photos(keys: set[str], rests: set[str]) -> None:
    found = answers_about(keys, "w/", [BELOW + rest for rest in rests], BELOW)
    assert len(set(found.values())) == len(found)
    assert set(found) <= keys
