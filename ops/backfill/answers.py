"""The answers of a batch transform: which photo each is about, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chalicelib.aws.counter import estimate_in
from chalicelib.aws.failures import temporary
from chalicelib.errors import TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.evidence import CountEstimate

_SUFFIX: Final = ".out"


def answers_about(keys: Collection[str], prefix: str, answers: Iterable[str], below: str) -> dict[str, str]:
    """Return the key of the answer about each photo that has one.

    SageMaker's reference promises an answer "in a corresponding subfolder" and `.out` behind the photo's name, and its
    own example drops a folder on the way. So both ways that tell photos of different bins apart are understood: under
    the photo's whole key, or under what follows the backfill's prefix. Of the two that one is taken which explains
    more of the answers, for all of them alike.

    Args:
        keys: of the photos.
        prefix: what they all begin with.
        answers: keys of what lies below the answers' prefix.
        below: the answers' prefix.

    """
    known = set(keys)
    rests = {key.removeprefix(below).removesuffix(_SUFFIX): key for key in answers if key.endswith(_SUFFIX)}
    whole = {rest: answer for rest, answer in rests.items() if rest in known}
    relative = {prefix + rest: answer for rest, answer in rests.items() if prefix + rest in known}
    return relative if len(relative) > len(whole) else whole


def keys_below(s3: Any, bucket: str, prefix: str) -> Iterable[str]:
    """Return the keys of all objects below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return (found["Key"] for page in pages for found in page.get("Contents", ()))


def answer_at(s3: Any, bucket: str, key: str) -> CountEstimate | None:
    """Return what an answer says, or None where it is not what was agreed.

    Raises:
        TemporaryFailure: S3 did not answer as it should.

    """
    with temporary(f"reading s3://{bucket}/{key}"):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return estimate_in(body)
    except TemporaryFailure:
        return None
