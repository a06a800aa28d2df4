"""Consignments, as the API tells them."""

from __future__ import annotations

from typing import Final

from chalicelib.api.bodies import ConsignmentBody
from chalicelib.api.openapi.operation import Body, Operation, Role
from chalicelib.api.openapi.vocabulary import (
    Schema,
    flag,
    name_of,
    one_of,
    page,
    record,
    ref,
    time,
    whole,
    with_fields,
)

_CONSIGNMENT: Final = record(
    "A consignment without its bins.",
    consignment_id=name_of("C-1"),
    site=name_of("FRA1"),
    state=one_of(("loading", "loaded"), "loaded"),
    bin_count=whole(120, "How many bins it speaks of."),
    loaded_at=time(),
)
_EXAMPLE: Final = {
    "site": "FRA1",
    "bins": [{"bin_id": "A-17", "expected_quantity": 3, "items": [{"sku": "B000C33MI2", "quantity": 3}]}],
}

SCHEMAS: Final[dict[str, Schema]] = {
    "ConsignmentLoaded": with_fields(
        _CONSIGNMENT,
        "A consignment, as it was loaded.",
        changed=flag("False where it had been loaded with the same content.", example=True),
    ),
    "ConsignmentInFull": with_fields(
        _CONSIGNMENT, "A consignment and its first bins.", **page("bins", ref("Bin"))["properties"]
    ),
}

OPERATIONS: Final = (
    Operation(
        "PUT",
        "/v1/consignments/{consignment_id}",
        "load_consignment",
        "Load or replace a consignment",
        ref("ConsignmentLoaded"),
        "At most 10,000 bins; the same body twice changes nothing. A bin that another consignment holds is a 409; a "
        "bin no longer named is released.",
        Role.OPERATOR,
        body=Body(ConsignmentBody, _EXAMPLE),
        refusals=(409,),
    ),
    Operation(
        "GET",
        "/v1/consignments/{consignment_id}",
        "show_consignment",
        "Show a consignment and its bins",
        ref("ConsignmentInFull"),
        "The `cursor` goes on with `GET /v1/bins?consignment=`.",
        refusals=(404,),
    ),
)
