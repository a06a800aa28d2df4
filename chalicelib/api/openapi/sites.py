"""What sites have learnt and how they are doing, as the API tells it."""

from __future__ import annotations

from typing import Final

from chalicelib.api.openapi.bins import EXPORT_PAGING, TIMES
from chalicelib.api.openapi.operation import Operation, Parameter
from chalicelib.api.openapi.vocabulary import (
    Schema,
    either,
    flag,
    many,
    maybe,
    name_of,
    number,
    page,
    record,
    ref,
    share,
    table,
    time,
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

_VERDICTS: Final = table(
    {"type": "integer", "minimum": 0},
    {"match": 700, "mismatch": 12, "review": 30, "unexpected": 5, "rejected": 3},
    "Photos by verdict.",
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
    "SiteInList": record(
        "A site.",
        site=maybe(name_of("FRA1", "Null: bins that no consignment places.")),
        bins_waiting=maybe(whole(12, "How many of its bins wait for a person.")),
    ),
    "Statistics": record(
        "What happened at a site in some hours up to now, and what waits there.",
        site=name_of("FRA1"),
        **{"from": time("The beginning of the first hour.")},
        to=time("Now."),
        photos_per_minute=number(12.5, minimum=0),
        hours=many(ref("Hour"), "Oldest first; the last one still runs."),
        verdicts=_VERDICTS,
        open=table({"type": "integer", "minimum": 0}, {"mismatch": 4, "review": 6, "unexpected": 1, "rejected": 1}),
        alert_precision=ref("Seen"),
        review_yield=ref("Seen"),
        review_load=record(
            "How much there is to review.",
            waiting=whole(6),
            per_hour=whole(60, "How many the site's people can look at.", least=1),
            hours_to_clear=number(0.1, minimum=0),
        ),
        dead_letters=table({"type": "integer", "minimum": 0}, {"inbox": 0, "alerts": 0}, "Of all sites together."),
    ),
    "Hour": record(
        "What happened in an hour.",
        at=time("Its beginning."),
        photos=whole(750),
        verdicts=_VERDICTS,
        rejections=whole(3),
        alerts=whole(4),
        latency_ms=maybe(
            record(
                "From a photo's upload to its verdict, in milliseconds; null where there was none.",
                p50=number(900.0, minimum=0),
                p95=number(2_100.0, minimum=0),
            )
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
        "/v1/sites",
        "list_sites",
        "List all sites that bins have been at",
        page("sites", ref("SiteInList")),
        refusals=(400,),
    ),
    Operation(
        "GET",
        "/v1/sites/{site}/statistics",
        "show_statistics",
        "Show a site's figures for a dashboard",
        ref("Statistics"),
        query=(
            Parameter(
                "hours", {"type": "integer", "minimum": 1, "maximum": 744, "default": 24}, "So many hours up to now."
            ),
        ),
    ),
    Operation(
        "GET",
        "/v1/sites/{site}/resolutions",
        "list_acts_at",
        "List what people said at a site, oldest first",
        page("resolutions", either(ref("ResolutionAtSite"), ref("ReopeningAtSite"))),
        query=(*TIMES, *EXPORT_PAGING),
        is_list=True,
    ),
    Operation(
        "GET",
        "/v1/sites/{site}/feedback",
        "show_feedback",
        "Show what resolved bins have taught about a site",
        ref("Feedback"),
        "Empty figures where the site is not known.",
    ),
)
