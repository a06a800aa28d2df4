"""Consignments, as the API tells them."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.api.bodies import ClosingBody, ConsignmentBody, ReopeningBody
from chalicelib.api.openapi.bins import PAGING
from chalicelib.api.openapi.operation import Body, Operation, Parameter, Role
from chalicelib.api.openapi.vocabulary import (
    Schema,
    flag,
    many,
    maybe,
    name_of,
    one_of,
    page,
    record,
    ref,
    time,
    whole,
    with_fields,
)
from chalicelib.consignment import ConsignmentState
from chalicelib.domain import MOST_BINS

_CONSIGNMENT: Final = record(
    "A consignment without its bins.",
    consignment_id=name_of("C-1"),
    site=name_of("FRA1"),
    state=one_of(ConsignmentState, "loaded"),
    version=whole(3, "Counts its changes; the ETag."),
    bin_count=whole(120, "How many bins it speaks of."),
    loaded_at=maybe(time("Null where no load of it was ever taken.")),
    closed_at=maybe(time()) | {"examples": [None]},
    refusal=maybe(ref("Refusal")) | {"examples": [None]},
)
_IN_FULL: Final = with_fields(_CONSIGNMENT, "A consignment, and how far its bins are.", progress=ref("Progress"))
_EXAMPLE: Final = {
    "site": "FRA1",
    "bins": [{"bin_id": "A-17", "expected_quantity": 3, "items": [{"sku": "B000C33MI2", "quantity": 3}]}],
}
_CSV: Final = "bin_id,expected_quantity,sku,quantity\r\nA-17,3,B000C33MI2,3\r\n"

SCHEMAS: Final[dict[str, Schema]] = {
    "Consignment": _CONSIGNMENT,
    "ConsignmentLoaded": with_fields(
        _CONSIGNMENT,
        "A consignment, as it was loaded.",
        changed=flag("False where it had been loaded with the same content.", example=True),
    ),
    "ConsignmentInFull": _IN_FULL,
    "ConsignmentWithBins": with_fields(
        _IN_FULL, "A consignment, how far its bins are, and its first bins.", **page("bins", ref("Bin"))["properties"]
    ),
    "Progress": record(
        "How far the bins of a consignment are, or were when it was closed.",
        bins=whole(120),
        waiting=whole(20, "Without a photo that counts."),
        checked=whole(100, "With one."),
        matching=whole(90),
        open=whole(4, "Waiting for a person."),
        resolved=whole(6),
    ),
    "Refusal": record(
        "Why the newest file of a consignment was not loaded.",
        at=time(),
        file=ref("Image"),
        error_count=whole(2),
        errors=maybe(many(ref("Mistake"), "Null where the refusal is only mentioned.")),
        errors_left_out=maybe(whole(0)),
    ),
}

_CHANGES: Final[dict[str, Any]] = {"keyed": True, "guarded": True, "tagged": True}

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/consignments",
        "list_consignments",
        "List consignments, newest first",
        page("consignments", ref("Consignment")),
        query=(
            Parameter("site", name_of("FRA1"), "Only of this site."),
            Parameter("state", {"type": "string", "enum": [str(state) for state in ConsignmentState]}, "Only such."),
            *PAGING,
        ),
    ),
    Operation(
        "PUT",
        "/v1/consignments/{consignment_id}",
        "load_consignment",
        "Load or replace a consignment",
        ref("ConsignmentLoaded"),
        f"At most {MOST_BINS:,} bins; the same content twice changes nothing. A bin that another consignment holds is "
        "a 409; a bin no longer named is released. As CSV: `bin_id,expected_quantity[,sku,quantity]` under such a "
        "header, several lines of one bin being its items; it is taken whole or not at all, and every line that is "
        "wrong is told.",
        Role.OPERATOR,
        query=(
            Parameter("site", name_of("FRA1"), "Whose it is: of CSV, which does not say so itself; of nothing else."),
        ),
        body=Body(ConsignmentBody, _EXAMPLE, texts={"text/csv": _CSV}),
        **_CHANGES,
        refusals=(409,),
    ),
    Operation(
        "GET",
        "/v1/consignments/{consignment_id}",
        "show_consignment",
        "Show a consignment, its progress and its first bins",
        ref("ConsignmentWithBins"),
        "The `cursor` goes on with `GET /v1/bins?consignment=`.",
        tagged=True,
        refusals=(404,),
    ),
    Operation(
        "POST",
        "/v1/consignments/{consignment_id}/closing",
        "close_consignment",
        "Close a consignment: its bins are released",
        ref("ConsignmentInFull"),
        "A 409 while bins of it wait for a person, unless `even_if_open`.",
        Role.OPERATOR,
        body=Body(ClosingBody, {"even_if_open": True, "note": "unloaded"}, required=False),
        **_CHANGES,
        refusals=(404, 409),
    ),
    Operation(
        "POST",
        "/v1/consignments/{consignment_id}/reopening",
        "reopen_consignment",
        "Take a closed consignment's bins back, as they were loaded",
        ref("ConsignmentInFull"),
        "A 409 where another consignment holds one of them.",
        Role.OPERATOR,
        body=Body(ReopeningBody, {"note": "closed too early"}, required=False),
        **_CHANGES,
        refusals=(404, 409),
    ),
)
