"""Bins, their photos, and what people say and do about them, as the API tells them."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.api.bodies import AssignmentBody, PhotoRequestBody, ReopeningBody, ResolutionBody
from chalicelib.api.cursors import DEFAULT_LIMIT, MOST
from chalicelib.api.exports import MOST_EXPORTED
from chalicelib.api.openapi.operation import Body, Operation, Parameter, Role
from chalicelib.api.openapi.vocabulary import (
    Schema,
    always,
    either,
    flag,
    many,
    maybe,
    name_of,
    number,
    one_of,
    optional,
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
from chalicelib.domain import BIN_ID, BinState, Direction, EpisodeState, Severity, Verdict
from chalicelib.listing import Sort
from chalicelib.resolution import Asked, Cause
from chalicelib.trail import Action

_CURSOR: Final = Parameter(
    "cursor", {"type": "string"}, "Where to go on: the `cursor` of the page before, of the same list."
)
PAGING: Final = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
        "How many entries at most.",
    ),
    _CURSOR,
)
EXPORT_PAGING: Final = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_EXPORTED, "default": DEFAULT_LIMIT},
        f"How many entries at most; as JSON up to {MOST}.",
    ),
    _CURSOR,
)
TIMES: Final = (
    Parameter("from", {"type": "string", "format": "date-time"}, "Only from this moment on."),
    Parameter("to", {"type": "string", "format": "date-time"}, "Only before this moment."),
)

_JUDGEMENT: Final[dict[str, Schema]] = {
    "probability_of_mismatch": maybe(share(0.91, "That the bin does not hold what is expected, by all its photos.")),
    "direction": maybe(one_of(Direction, "short", "Which way it probably differs.")),
    "prior": maybe(share(0.02, "The probability of a mismatch before any photo.")),
    "likelihood_ratio": maybe(number(495.0, "Of a mismatch against none, by the photos.", minimum=0)),
    "review_from": maybe(number(0.05, "The probability from which on it goes to review.", minimum=0)),
    "alert_from": maybe(number(0.5, "The probability from which on it alerts.", minimum=0)),
    "is_settled": maybe(flag("Whether the evidence is as strong as the policy's bounds ask.", example=True)),
    "is_audit": maybe(flag("Whether it matches and is reviewed as one of a random share.")),
    "stands_for": maybe(number(1.0, "How many bins it stands for; an audit for all that match for one drawn.")),
    "expected_cost": maybe(number(91.0, "Of leaving it alone, in the policy's unit.", minimum=0)),
    "policy": maybe(text("FRA1/3", "The version of the policy that judged.")),
    "photos_judged": maybe(whole(2, "How many photos were judged together.")),
}
_SITE_OR_NONE: Final = {"type": "string", "pattern": rf"^({BIN_ID.pattern})?$"}
_SWITCH: Final = {"type": "string", "enum": ["true", "false"], "default": "false"}
_PICTURE: Final = maybe(
    text("https://photos.s3.example/incoming/A-17/2.jpg", "A link to the newest photo; good for five minutes.")
)

_DISTRIBUTION: Final = table(
    {"type": "number", "minimum": 0, "maximum": 1},
    {"0": 0.02, "1": 0.71, "2": 0.2, "3": 0.07},
    "A photo's distribution over the count; sums to 1.",
)
BIN: Final = record(
    "A bin, and where it stands.",
    bin_id=name_of("A-17"),
    version=whole(7, "Counts its changes; the ETag."),
    status=one_of(BinState, "mismatch"),
    changed_at=time("When it last changed."),
    photos=whole(2, "How many photos came, ever."),
    site=maybe(name_of("FRA1")),
    consignment_id=maybe(name_of("C-1")),
    expected=maybe(whole(3, "How many goods it should hold.")),
    predicted=maybe(text("1", "What its newest photo shows; the last class is open-ended: `6+`.")),
    certainty=maybe(share(0.71, "The probability that its newest photo gives to that.")),
    probabilities=maybe(_DISTRIBUTION),
    severity=maybe(one_of(Severity, "high", "As its alert has it.")),
    reason=maybe(text("not_an_image", "Why its newest photo was rejected.")) | {"examples": [None]},
    model=maybe(text("bin-counter/3", "The model that counted.")),
    **_JUDGEMENT,
    since=time("Only photos taken from then on count: since the expectation changed, or somebody resolved it."),
    alert=maybe(ref("Episode")),
    assignee=maybe(text("ann@example.com", "Who looks after it.")),
    photo_requested_at=maybe(time("When another photo was asked for; null once it has come.")),
    image=maybe(ref("Image")),
)
_INSPECTION: Final = record(
    "A photo that was judged.",
    type=always("inspection"),
    bin_id=name_of("A-17"),
    verdict=one_of(Verdict, "mismatch", "Of this photo alone."),
    expected=maybe(whole(3)),
    consignment_id=maybe(name_of("C-1")),
    items=many(ref("Item"), "What the consignment says is in the bin; empty where it names no goods."),
    predicted=text("1", "The most probable count."),
    probabilities=_DISTRIBUTION,
    model=text("bin-counter/3"),
    **_JUDGEMENT,
    image=ref("Image"),
    at=time("When it was judged."),
    picture_url=_PICTURE,
)
_REJECTION: Final = record(
    "A photo that could not be judged.",
    type=always("rejection"),
    bin_id=maybe(name_of("A-17", "Null where its key names no bin.")),
    verdict=always("rejected"),
    reason=text("not_an_image", "Why, as a code."),
    message=text("the file is neither a JPEG nor a PNG", "Why, for people."),
    image=ref("Image"),
    at=time(),
    picture_url=_PICTURE,
)
_SAID: Final[dict[str, Schema]] = {
    "bin_id": name_of("A-17"),
    "version": whole(7, "Of the bin, which this made."),
    "by": text("0f4c3b9e-2f0b-4c8e-a7a1-5d5a5f1f6f11", "Who said it: the token's subject."),
    "at": time(),
}

_RESOLUTION: Final = record(
    "What an operator said that a bin really holds.",
    type=always("resolution"),
    **_SAID,
    true_count=whole(2, "How many goods it really holds."),
    reason=one_of(Cause, "lost"),
    note=text("behind the shelf"),
    expected=maybe(whole(3)),
    asked=one_of(Asked, "alert", "Why somebody looked."),
    is_wrong=flag("Whether the bin held something else than was expected.", example=True),
    corrects=maybe(whole(5, "The version of the resolution that this one takes the place of.")),
    stood=ref("Bin"),
)
_REOPENING: Final = record(
    "What took a resolution back.",
    type=always("reopening"),
    **_SAID,
    reopens=whole(7, "The version of the resolution that it took back."),
    note=text("that was A-18"),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Bin": BIN,
    "BinInList": optional(with_fields(BIN, "A bin in a list.", picture_url=_PICTURE), "picture_url"),
    "BinInFull": with_fields(
        BIN,
        "A bin, what it should hold, and a link to its newest photo.",
        expectation=maybe(ref("Expectation")),
        picture_url=_PICTURE,
    ),
    "Episode": record(
        "One time that a bin calls for people, from its first alert until it is resolved.",
        state=one_of(EpisodeState, "open"),
        opened_at=time(),
        raised=many(one_of(Verdict, "mismatch"), "The verdicts that it has alerted about, each once."),
        by=maybe(text("0f4c3b9e-2f0b-4c8e-a7a1-5d5a5f1f6f11", "Who touched it last.")),
    ),
    "Image": record(
        "One version of one photo in the bucket.",
        bucket=text("photos"),
        key=text("incoming/A-17/2.jpg"),
        version=maybe(text("3sL4kqtJlcpXroDTDmJ")),
        etag=text("9b2cf535f27731c974343645a3985328"),
        sequencer=text("0065A1B2C3D4E5F607", "S3's order of events on one key."),
        size=whole(58_113, "In bytes."),
        uploaded_at=time(),
    ),
    "Item": record("Goods of one kind.", sku=text("B000C33MI2"), quantity=whole(3)),
    "Expectation": record(
        "What a consignment says of a bin.",
        consignment_id=name_of("C-1"),
        site=name_of("FRA1"),
        expected_quantity=whole(3),
        items=many(ref("Item"), "Empty where the consignment names none."),
    ),
    "Inspection": _INSPECTION,
    "Rejection": _REJECTION,
    "Review": record(
        "A bin in its site's review queue.",
        rank=whole(0, "Its place in the queue, from 0 on."),
        due_hour=whole(0, "In which hour from now its turn comes."),
        why=one_of(("uncertain", "audit"), "uncertain"),
        **BIN["properties"],
        picture_url=_PICTURE,
    ),
    "Resolution": _RESOLUTION,
    "Reopening": _REOPENING,
    "Assignment": record(
        "Whom somebody made responsible.",
        type=always("assignment"),
        **_SAID,
        assignee=maybe(text("ann@example.com", "Null: it was given back.")),
    ),
    "PhotoRequest": record(
        "What asked for another photo.",
        type=always("photo_request"),
        **_SAID,
        note=text("a box stands in the light"),
    ),
    "AuditRecord": record(
        "One change, and who made it.",
        at=time(),
        by=text("0f4c3b9e-2f0b-4c8e-a7a1-5d5a5f1f6f11", "The token's subject, or what else made it."),
        action=one_of(Action, "assignment"),
        version=whole(8, "The one that the change made of what it changed."),
        site=maybe(name_of("FRA1")),
        bin_id=maybe(name_of("A-17")),
        consignment_id=maybe(name_of("C-1")),
        policy=maybe(text("FRA1/3")) | {"examples": [None]},
        before=table({}, {"assignee": None}, "What the change replaced."),
        after=table({}, {"assignee": "ann@example.com"}, "What it made of that."),
        note=text(""),
    ),
    "ResolutionAtSite": with_fields(
        _RESOLUTION, "A resolution, with the photo that it was about.", picture_url=_PICTURE
    ),
    "ReopeningAtSite": with_fields(_REOPENING, "A reopening, with the photo that it was about.", picture_url=_PICTURE),
}

_CHANGES: Final[dict[str, Any]] = {"keyed": True, "guarded": True, "tagged": True, "refusals": (404, 409)}
"""What all that changes a bin has in common."""

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/bins",
        "list_bins",
        "List bins",
        page("bins", ref("BinInList")),
        "Each list is read from an index that holds just what is asked for, so not every filter goes with every other: "
        "what can't be had is a 400 that says what can. Of a site with `attention=true`, the costliest to leave alone "
        "come first.",
        query=(
            Parameter("site", _SITE_OR_NONE, "Only bins of this site; without a value, those at none."),
            Parameter("status", {"type": "string", "enum": [str(state) for state in BinState]}, "Only such bins."),
            Parameter("attention", _SWITCH, "Only bins that wait for a person."),
            Parameter("consignment", name_of("C-1"), "Only bins of this consignment."),
            Parameter("severity", {"type": "string", "enum": [str(one) for one in Severity]}, "Only such alerts."),
            Parameter("assignee", {"type": "string", "minLength": 1, "maxLength": 256}, "Only bins that are theirs."),
            *TIMES,
            Parameter("q", name_of("A-"), "Only bins whose names begin so."),
            Parameter("sort", {"type": "string", "enum": [str(one) for one in Sort]}, "The order."),
            Parameter("pictures", _SWITCH, "Whether each bin has `picture_url`."),
            *EXPORT_PAGING,
        ),
        is_list=True,
    ),
    Operation("GET", "/v1/bins/{bin_id}", "show_bin", "Show a bin", ref("BinInFull"), tagged=True, refusals=(404,)),
    Operation(
        "GET",
        "/v1/bins/{bin_id}/inspections",
        "list_photos",
        "List a bin's photos, newest first",
        page("inspections", either(ref("Inspection"), ref("Rejection"))),
        query=EXPORT_PAGING,
        is_list=True,
    ),
    Operation(
        "GET",
        "/v1/bins/{bin_id}/resolutions",
        "list_acts",
        "List what people said of a bin, newest first",
        page("resolutions", either(*(ref(name) for name in ("Resolution", "Reopening", "Assignment", "PhotoRequest")))),
        query=EXPORT_PAGING,
        is_list=True,
    ),
    Operation(
        "POST",
        "/v1/bins/{bin_id}/acknowledgement",
        "acknowledge",
        "Take up a bin's alert",
        ref("BinInFull"),
        "Says that somebody is on the way. Somebody else's acknowledgement takes it over.",
        Role.OPERATOR,
        **_CHANGES,
    ),
    Operation(
        "POST",
        "/v1/bins/{bin_id}/resolution",
        "resolve",
        "Say what a bin really holds",
        ref("BinInFull"),
        "The bin starts afresh: only photos taken from then on count. Resolving it again with no photo in between "
        "corrects what was said.",
        Role.OPERATOR,
        body=Body(ResolutionBody, {"true_count": 2, "reason": "lost", "note": "behind the shelf"}),
        **_CHANGES,
    ),
    Operation(
        "POST",
        "/v1/bins/{bin_id}/reopening",
        "reopen",
        "Take the last resolution of a bin back",
        ref("BinInFull"),
        "The bin stands as it stood and alerts again. Possible as long as the consignment says the same of the bin.",
        Role.OPERATOR,
        body=Body(ReopeningBody, {"note": "that was A-18"}, required=False),
        **_CHANGES,
    ),
    Operation(
        "POST",
        "/v1/bins/{bin_id}/assignment",
        "assign",
        "Make a bin somebody's, or nobody's",
        ref("BinInFull"),
        "`GET /v1/me` tells one's own name. Null gives the bin back.",
        Role.OPERATOR,
        body=Body(AssignmentBody, {"assignee": "ann@example.com"}),
        **_CHANGES,
    ),
    Operation(
        "POST",
        "/v1/bins/{bin_id}/photo-request",
        "request_photo",
        "Ask the robots for another photo of a bin",
        ref("BinInFull"),
        "Publishes a message of its own kind; the next photo answers it.",
        Role.OPERATOR,
        body=Body(PhotoRequestBody, {"note": "a box stands in the light"}, required=False),
        **_CHANGES,
    ),
    Operation(
        "GET",
        "/v1/bins/{bin_id}/audit",
        "list_trail_of_bin",
        "List what was changed of a bin, newest first",
        page("audit", ref("AuditRecord")),
        query=EXPORT_PAGING,
        is_list=True,
    ),
    Operation(
        "GET",
        "/v1/audit",
        "list_trail",
        "List what was changed at a site, newest first",
        page("audit", ref("AuditRecord")),
        "Without a site: what was changed of bins that no consignment places.",
        query=(Parameter("site", name_of("FRA1"), "The site."), *TIMES, *EXPORT_PAGING),
        is_list=True,
    ),
    Operation(
        "GET",
        "/v1/rejections",
        "list_rejections",
        "List rejected photos, newest first",
        page("rejections", ref("Rejection")),
        "Also those whose key names no bin.",
        query=EXPORT_PAGING,
        is_list=True,
    ),
    Operation(
        "GET",
        "/v1/reviews",
        "list_reviews",
        "List a site's review queue",
        page(
            "reviews",
            ref("Review"),
            site=name_of("FRA1"),
            review_per_hour=whole(60, "How many the site's people can look at in an hour.", least=1),
        ),
        "By falling expected cost of leaving each bin alone.",
        query=(Parameter("site", name_of("FRA1"), "Each site has a queue of its own.", required=True), *PAGING),
    ),
)
