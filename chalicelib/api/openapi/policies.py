"""Policies and their replays, as the API tells them."""

from __future__ import annotations

from typing import Final

from chalicelib.api.openapi.bins import PAGING
from chalicelib.api.openapi.operation import Body, Operation, Role
from chalicelib.api.openapi.vocabulary import (
    Schema,
    flag,
    many,
    maybe,
    name_of,
    number,
    one_of,
    page,
    record,
    ref,
    share,
    table,
    text,
    time,
    whole,
    with_fields,
)
from chalicelib.api.policy_bodies import ChangeBody, PreviewBody
from chalicelib.domain import Verdict
from chalicelib.site_policy import Rules, to_document

_DOCUMENT: Final = to_document(Rules())
_VERSION: Final = record(
    "A version of a site's policy.",
    site=name_of("FRA1"),
    version=whole(3, "0 where nobody has set anything."),
    author=maybe(text("0f4c3b9e-2f0b-4c8e-a7a1-5d5a5f1f6f11")),
    at=maybe(time()),
    note=maybe(text("reviews got cheaper", "Why it was made.")),
    policy=ref("Document") | {"examples": [_DOCUMENT]},
)
_SIDE: Final = record(
    "How a bin ends under one of the policies.",
    policy=text("FRA1/3"),
    verdict=one_of(Verdict, "mismatch"),
    probability_of_mismatch=maybe(share(0.91)),
    alerted=flag("Whether it was alerted at any of its photos.", example=True),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "PolicyVersion": _VERSION,
    "Standing": with_fields(
        _VERSION,
        "The policy in force, and what follows from it.",
        thresholds=many(ref("Threshold"), "For the default, and for each group."),
    ),
    "Threshold": record(
        "From which probability on bins are reviewed and alerted, under the rate of mismatches in force.",
        group=maybe(name_of("small-parts", "Null: the bins of no group.")),
        policy=text("FRA1/3/small-parts"),
        mismatch_rate=share(0.02),
        review_from=number(0.05, minimum=0),
        alert_from=number(0.5, minimum=0),
    ),
    "Replay": record(
        "The same photos, judged by the policy in force and by the proposed one.",
        site=name_of("FRA1"),
        inspections=whole(200),
        bins=whole(120),
        resolved=whole(12, "Of how many bins the truth is known."),
        before=ref("Tally"),
        after=ref("Tally"),
        changed=whole(4, "How many bins end otherwise."),
        changes=many(ref("Change"), "The first of them."),
    ),
    "Tally": record(
        "How bins end under one of the policies.",
        verdicts=table({"type": "integer", "minimum": 0}, {"match": 110, "review": 6, "mismatch": 4}),
        alerts=whole(4),
        reviews=whole(6),
        resolved_alerts=whole(3),
        right_alerts=whole(2),
        wrong=whole(3),
        precision=maybe(share(0.667, "The share of alerts that were right, where the truth is known.")),
        found=maybe(share(0.667, "The share of wrong bins that were alerted, where the truth is known.")),
    ),
    "Change": record(
        "A bin that ends otherwise.",
        bin_id=name_of("A-17"),
        since=time(),
        photos=whole(2),
        expected=whole(3),
        truth=maybe(whole(2, "What it really held; null where nobody has looked.")),
        before=_SIDE,
        after=_SIDE,
    ),
}

OPERATIONS: Final = (
    Operation("GET", "/v1/policies/{site}", "show_policy", "Show the policy in force", ref("Standing"), tagged=True),
    Operation(
        "GET",
        "/v1/policies/{site}/versions",
        "list_versions",
        "List the versions of a site's policy, newest first",
        page("versions", ref("PolicyVersion")),
        query=PAGING,
    ),
    Operation(
        "PUT",
        "/v1/policies/{site}",
        "change_policy",
        "Bring a policy into force",
        ref("Standing"),
        "`replaces` is the version that it was made from, 0 where there is none; if another is in force, it is a 409.",
        Role.OPERATOR,
        body=Body(ChangeBody, {"replaces": 2, "note": "reviews got cheaper", "policy": _DOCUMENT}),
        guarded=True,
        tagged=True,
        refusals=(409,),
    ),
    Operation(
        "POST",
        "/v1/policies/{site}/preview",
        "preview_policy",
        "Try a policy on what has happened",
        ref("Replay"),
        "Judges the newest inspections anew, and changes nothing.",
        Role.OPERATOR,
        body=Body(PreviewBody, {"policy": _DOCUMENT, "inspections": 200}),
    ),
)
