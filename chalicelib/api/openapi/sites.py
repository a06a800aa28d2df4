"""What sites have learnt and how they are doing, as the API tells it."""

from __future__ import annotations

from typing import Final

from chalicelib.api.openapi.operation import Operation
from chalicelib.api.openapi.vocabulary import (
    Schema,
    flag,
    many,
    maybe,
    name_of,
    number,
    record,
    ref,
    share,
    whole,
    with_fields,
)

_SEEN: Final = record(
    "Resolved bins of one kind.",
    bins=whole(40),
    wrong=whole(12, "How many of them were."),
    expected_wrong=number(13.2, "How many should have been, by their probabilities.", minimum=0),
    share=maybe(ref("Estimate")),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Seen": _SEEN,
    "Estimate": record(
        "A share, and the interval that holds it.",
        mean=share(0.3),
        low=share(0.18),
        high=share(0.45),
        certainty=share(0.95, "The probability with which the interval holds it."),
    ),
    "CalibrationClass": with_fields(
        {"properties": {"from": share(0.9), "to": share(1.0)}},
        "Resolved bins whose probability of a mismatch lay in a class.",
        **_SEEN["properties"],
    ),
    "MismatchRate": record(
        "How often bins are wrong at a site.",
        in_force=share(0.03, "The rate that photos are judged by."),
        set=share(0.02, "The policy's."),
        is_adapted=flag("Whether the site's own has replaced it.", example=True),
        estimate=ref("Estimate"),
        rests_on=record(
            "What the estimate rests on.",
            resolved=whole(230),
            audits=whole(25),
            worth=number(180.4, "Bins of a plain random sample that would tell as much.", minimum=0),
            weighted_share=share(0.031),
            prior_bins=whole(100),
            adapt_from=whole(200),
            audits_from=whole(20),
        ),
    ),
    "Feedback": record(
        "What resolved bins have taught about a site.",
        site=name_of("FRA1"),
        mismatch_rate=ref("MismatchRate"),
        alert_precision=ref("Seen"),
        review_yield=ref("Seen"),
        audit_misses=ref("Seen"),
        unasked=ref("Seen"),
        brier=maybe(number(0.021, "Mean squared difference of probability and truth; lower is better.", minimum=0)),
        calibration=many(ref("CalibrationClass"), "By classes of the probability, of equal width."),
    ),
}

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/sites/{site}/feedback",
        "show_feedback",
        "Show what resolved bins have taught about a site",
        ref("Feedback"),
        "Empty figures where the site is not known.",
    ),
)
