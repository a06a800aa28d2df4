"""Domain values that tests start from, one builder each, and hypothesis strategies for all that there can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from urllib.parse import quote_plus

from hypothesis import strategies as st

from chalicelib.bin_status import BinStatus, Episode, OpenRequest
from chalicelib.consignment import Consignment, ConsignmentState, Progress, Refusal
from chalicelib.domain import (
    Alert,
    BinImage,
    BinState,
    Direction,
    EpisodeState,
    Expectation,
    Inspection,
    Item,
    Judgement,
    Outcome,
    Rejection,
    Severity,
    Verdict,
)
from chalicelib.errors import Mistake
from chalicelib.evidence import CountEstimate, Evidence
from chalicelib.items import timestamp
from chalicelib.photo_call import PhotoCall
from chalicelib.policy import Costs, Policy
from chalicelib.resolution import Assignment, Cause, Finding, PhotoRequest, Reopening, Resolution

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNTS = ("0", "1", "2", "3", "4", "5", "6+")
PRIOR = (0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1)
POLICY = Policy(
    version="FRA1/1",
    mismatch_rate=0.1,
    costs=Costs(false_alert=10.0, missed_mismatch=2.0, review=1.0),
    deviations=((-2, 0.1), (-1, 0.5), (1, 0.3), (2, 0.1)),
    anything_else=0.1,
    false_alert_bound=1.0,
    missed_bound=0.1,
    photo_correlation=0.25,
    audit_share=0.0,
)
"""One bin in ten is wrong; review from 0.5 on, alert from 0.9 on, no audit."""
JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"


def seconds_later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def image_of(key: str = "incoming/A-17/0001.jpg", **changed: Any) -> BinImage:
    usual = BinImage("photos", key, "v1", "e1", "0065A1B2C3D4E5F607", 1000, NOON)
    return replace(usual, **changed)


def sure_of(count: int, certainty: float = 0.99) -> CountEstimate:
    """An estimate with this certainty in one count, the rest spread evenly."""
    rest = (1.0 - certainty) / (len(COUNTS) - 1)
    probabilities = tuple(certainty if index == count else rest for index in range(len(COUNTS)))
    return CountEstimate("bin-counter/3", COUNTS, probabilities, PRIOR)


def expecting(quantity: int, bin_id: str = "A-17", consignment_id: str = "C-1") -> Expectation:
    return Expectation(bin_id, consignment_id, "FRA1", quantity, (Item("B000C33MI2", quantity),))


def inspection_of(image: BinImage, verdict: Verdict = Verdict.MATCH, **changed: Any) -> Inspection:
    judgement = Judgement(verdict, POLICY.version, 0.01)
    return replace(Inspection("A-17", image, expecting(3), sure_of(3), judgement, NOON), **changed)


def rejection_of(image: BinImage, reason: str = "truncated", bin_id: str | None = "A-17") -> Rejection:
    return Rejection(bin_id, image, reason, "the file ends too early", NOON)


def record_of(image: BinImage, event_time: str | None = None) -> dict[str, Any]:
    """The record by which S3 announces a photo."""
    fields = {
        "key": quote_plus(image.key, safe="/"),
        "size": image.size,
        "eTag": image.etag,
        "versionId": image.version,
        "sequencer": image.sequencer,
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": event_time or timestamp(image.uploaded_at),
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": image.bucket, "arn": f"arn:aws:s3:::{image.bucket}"},
            "object": {name: value for name, value in fields.items() if value is not None},
        },
    }


def alert_of(number: int = 1, **changed: Any) -> Alert:
    """The alert of a bin of its own that seems short."""
    bin_id = f"A-{number}"
    usual = Alert(
        alert_id=f"a{number}",
        verdict=Verdict.MISMATCH,
        severity=Severity.HIGH,
        image=image_of(f"incoming/{bin_id}/1.jpg"),
        at=NOON,
        bin_id=bin_id,
        consignment_id="C-1",
        site="FRA1",
        direction=Direction.SHORT,
        expected=3,
        predicted="1",
        certainty=0.61,
        probability_of_mismatch=0.995,
        prior=0.02,
        likelihood_ratio=9751.0,
        review_from=0.09,
        alert_from=0.3,
        photos=2,
        model="bin-counter/3",
        policy="FRA1/1",
        episode=EpisodeState.OPEN,
    )
    return replace(usual, **changed)


def stray_alert(number: int = 1, **changed: Any) -> Alert:
    """The alert of a photo whose key names no bin."""
    usual = Alert(
        alert_id=f"s{number}",
        verdict=Verdict.REJECTED,
        severity=Severity.LOW,
        image=image_of(f"incoming/{number}.jpg"),
        at=NOON,
        reason="bad_key",
    )
    return replace(usual, **changed)


def call_of(number: int = 1, **changed: Any) -> PhotoCall:
    """The call for another photo of a bin of its own."""
    bin_id = f"A-{number}"
    usual = PhotoCall(
        alert_id=f"p{number}",
        bin_id=bin_id,
        at=NOON,
        by="ann",
        note="something hides the label",
        site="FRA1",
        consignment_id="C-1",
        expected=3,
        image=image_of(f"incoming/{bin_id}/1.jpg"),
    )
    return replace(usual, **changed)


def consignment_of(bins: int, consignment_id: str = "C-1", **changed: Any) -> Consignment:
    return replace(Consignment(consignment_id, "FRA1", bins, "digest", NOON), **changed)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
versions = st.none() | st.text("abcdefXYZ012._", min_size=1, max_size=12)
sequencers = st.text("0123456789ABCDEF", max_size=24)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
probabilities = st.floats(0.0, 1.0).map(lambda number: number if number >= 1e-100 else 0.0)
quantities = st.integers(0, 10_000)

images = st.builds(BinImage, texts, texts, versions, texts, sequencers, st.integers(0, 5 * 10**12), uploaded_at=moments)
items = st.builds(Item, sku=texts, quantity=quantities)
expectations = st.builds(Expectation, names, names, texts, quantities, st.lists(items, max_size=3).map(tuple))
estimates = st.lists(probabilities, min_size=2, max_size=9).map(
    lambda weights: CountEstimate(
        "bin-counter/3",
        (*map(str, range(len(weights) - 1)), f"{len(weights) - 1}+"),
        tuple(weight / (sum(weights) or 1.0) for weight in weights),
        tuple(1 / len(weights) for _ in weights),
    )
)
verdicts = st.sampled_from(Verdict)
judgements = st.builds(
    Judgement,
    verdicts,
    texts,
    st.none() | probabilities,
    st.none() | st.sampled_from(Direction),
    st.none() | probabilities,
    st.none() | probabilities,
    st.none() | probabilities,
    st.none() | probabilities,
    st.integers(1, 1000),
    st.booleans(),
    st.booleans(),
    st.floats(1.0, 1e6),
    st.none() | st.floats(0.0, 1e9).map(lambda number: number if number >= 1e-100 else 0.0),
)
inspections = st.builds(Inspection, names, images, st.none() | expectations, estimates, judgements, moments, moments)
rejections = st.builds(Rejection, st.none() | names, images, texts, texts, moments)
outcomes: st.SearchStrategy[Outcome] = inspections | rejections
evidences = st.lists(estimates, min_size=1, max_size=4).map(
    lambda seen: reduce(Evidence.and_of, map(Evidence.of, seen))
)
episodes = st.builds(
    Episode,
    st.sampled_from(EpisodeState),
    moments,
    st.lists(verdicts, min_size=1, unique=True).map(tuple),
    st.none() | texts,
    st.none() | texts,
)
open_requests = st.builds(OpenRequest, moments, texts, texts)
statuses = st.builds(
    BinStatus,
    names,
    st.integers(0, 10**9),
    st.sampled_from(BinState),
    moments,
    st.integers(0, 10**9),
    site=st.none() | texts,
    consignment_id=st.none() | texts,
    expected=st.none() | quantities,
    image=st.none() | images,
    predicted=st.none() | st.sampled_from(COUNTS),
    certainty=st.none() | probabilities,
    probabilities=st.lists(st.tuples(texts, probabilities), max_size=7).map(tuple),
    model=st.none() | texts,
    reason=st.none() | texts,
    since=moments,
    evidence=st.none() | evidences,
    judgement=st.none() | judgements,
    episode=st.none() | episodes,
    resolution=st.none() | st.integers(1, 10**9),
    assignee=st.none() | texts,
    photo_request=st.none() | open_requests,
)
findings = st.builds(Finding, quantities, st.sampled_from(Cause), texts)
resolutions = st.builds(
    Resolution, names, st.integers(1, 10**9), texts, moments, findings, statuses, st.none() | st.integers(1, 10**9)
)
reopenings = st.builds(Reopening, names, st.integers(1, 10**9), texts, moments, st.integers(1, 10**9), statuses, texts)
assignments = st.builds(Assignment, names, st.integers(1, 10**9), texts, moments, st.none() | texts)
photo_requests = st.builds(PhotoRequest, names, st.integers(1, 10**9), texts, moments, texts)
acts = resolutions | reopenings | assignments | photo_requests
counts_of_bins = st.integers(0, 10**6)
refusals = st.builds(Refusal, images, moments, counts_of_bins)
mistakes = st.builds(Mistake, texts, st.none() | texts, st.none() | counts_of_bins)
consignments = st.builds(
    Consignment,
    names,
    texts,
    counts_of_bins,
    texts,
    moments,
    st.sampled_from(ConsignmentState),
    st.integers(0, 10**9),
    st.none() | moments,
    st.none() | images,
    st.none() | refusals,
    st.none() | moments,
    st.none() | st.builds(Progress, *[counts_of_bins] * 5),
)
