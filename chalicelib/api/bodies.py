"""Request bodies, validated by pydantic. Slow to import: only from within the routes that read one."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import from_json

from chalicelib.domain import BIN_ID, MOST_BINS, MOST_ITEMS, MOST_QUANTITY, SKU, Expectation, Item
from chalicelib.errors import InvalidRequest, Mistake, Unprocessable
from chalicelib.resolution import Cause, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_TOLD = 50
"""How many mistakes the message names; the answer lists more."""

Checked = TypeVar("Checked", bound=BaseModel)

Name = Annotated[str, Field(pattern=rf"^(?:{BIN_ID.pattern})$")]
Sku = Annotated[str, Field(pattern=rf"^(?:{SKU.pattern})$")]
Quantity = Annotated[int, Field(ge=0, le=MOST_QUANTITY)]
Note = Annotated[str, Field(max_length=1_000)]
Person = Annotated[
    str,
    Field(pattern=r"^[^\p{C}\s](?:[^\p{C}]{0,126}[^\p{C}\s])?$"),
    # Unlike pydantic, many readers of an OpenAPI document know no classes of characters.
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128, "pattern": r"^\S(.*\S)?$"}),
]
"""A name as an issuer may give it: up to 128 printable characters, no blank at either end."""


class _Body(BaseModel):
    """Takes what is meant and nothing that merely resembles it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ItemBody(_Body):
    """Goods of one kind."""

    sku: Sku
    quantity: Quantity


class BinBody(_Body):
    """What one bin shall hold; items may be left out."""

    bin_id: Name
    expected_quantity: Quantity
    items: Annotated[list[ItemBody], Field(max_length=MOST_ITEMS)] | None = None

    @model_validator(mode="after")
    def items_add_up(self) -> Self:
        """Refuse items that are given and don't add up."""
        total = sum(item.quantity for item in self.items or ())
        if self.items is not None and total != self.expected_quantity:
            raise ValueError(f"items add up to {total}, not to expected_quantity {self.expected_quantity}")
        return self


class ConsignmentBody(_Body):
    """The body of `PUT /v1/consignments/{id}`; one without bins releases all that the consignment holds."""

    site: Name
    bins: Annotated[list[BinBody], Field(max_length=MOST_BINS)]

    def expectations(self, consignment_id: str) -> list[Expectation]:
        """Return what the consignment says of its bins; items are put in order, so that theirs never matters."""
        return [
            Expectation(
                bin_.bin_id,
                consignment_id,
                self.site,
                bin_.expected_quantity,
                tuple(sorted(Item(i.sku, i.quantity) for i in bin_.items or ())),
            )
            for bin_ in self.bins
        ]


class ResolutionBody(_Body):
    """The body of `POST /v1/bins/{bin_id}/resolution`."""

    true_count: Quantity
    reason: Annotated[Cause, Field(strict=False)]
    note: Note = ""

    @model_validator(mode="after")
    def is_explained(self) -> Self:
        """Refuse a reason that says nothing, without a note that does."""
        if self.reason is Cause.OTHER and not self.note.strip():
            raise ValueError("reason other needs a note")
        return self

    @property
    def finding(self) -> Finding:
        """What the operator says."""
        return Finding(self.true_count, self.reason, self.note)


class ClosingBody(_Body):
    """The body of `POST /v1/consignments/{id}/closing`; it may be left out."""

    even_if_open: bool = False
    note: Note = ""


class AssignmentBody(_Body):
    """The body of `POST /v1/bins/{bin_id}/assignment`; null gives the bin back, and has to be said."""

    assignee: Person | None


class PhotoRequestBody(_Body):
    """The body of `POST /v1/bins/{bin_id}/photo-request`; it may be left out."""

    note: Note = ""


class ReopeningBody(_Body):
    """The body of `POST /v1/bins/{bin_id}/reopening`, and of a consignment's; it may be left out."""

    note: Note = ""


def resolution_in(body: bytes) -> ResolutionBody:
    """Return the resolution that a body describes.

    Raises:
        InvalidRequest: the body is no JSON.
        Unprocessable: it breaks the rules.
    """
    return checked(ResolutionBody, _fields_in(body))


def assignment_in(body: bytes) -> AssignmentBody:
    """Return the assignment that a body describes; raises as `resolution_in` does."""
    return checked(AssignmentBody, _fields_in(body))


def photo_request_in(body: bytes) -> PhotoRequestBody:
    """Return the request for another photo that a body describes; raises as `reopening_in` does."""
    return checked(PhotoRequestBody, _fields_in(body or b"{}"))


def reopening_in(body: bytes) -> ReopeningBody:
    """Return the reopening that a body describes; one without content says nothing more.

    Raises:
        InvalidRequest: the body is no JSON.
        Unprocessable: it breaks the rules.
    """
    return checked(ReopeningBody, _fields_in(body or b"{}"))


def closing_in(body: bytes) -> ClosingBody:
    """Return the closing that a body describes; one without content says nothing more.

    Raises:
        InvalidRequest: the body is no JSON.
        Unprocessable: it breaks the rules.
    """
    return checked(ClosingBody, _fields_in(body or b"{}"))


def consignment_in(body: bytes) -> ConsignmentBody:
    """Return the consignment that a body describes.

    Raises:
        InvalidRequest: the body is no JSON.
        Unprocessable: it breaks the rules; the message names each place, not only the first.
    """
    fields = _fields_in(body)
    repeated = [
        Mistake(f"{name} is named {times} times", "bins") for name, times in _names(fields).items() if times > 1
    ]
    return checked(ConsignmentBody, fields, repeated)


def checked(model: type[Checked], fields: Any, mistakes: Sequence[Mistake] = ()) -> Checked:
    """Return what a body's fields describe; `mistakes` have been found in them already.

    Raises:
        Unprocessable: they break the rules; the message names each place.
    """
    try:
        body = model.model_validate(fields)
    except ValidationError as error:
        raise _all_told([*(_told(dict(mistake)) for mistake in error.errors()), *mistakes]) from error
    if mistakes:
        raise _all_told(mistakes)
    return body


def _fields_in(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from error


def _names(fields: Any) -> Counter[str]:
    """Count bins by name in a body that may be anything, since duplicates are told beside all other mistakes."""
    bins = fields.get("bins") if isinstance(fields, dict) else None
    names = [b.get("bin_id") for b in bins if isinstance(b, dict)] if isinstance(bins, list) else []
    return Counter(name for name in names if isinstance(name, str))


def _told(mistake: dict[str, Any]) -> Mistake:
    return Mistake(mistake["msg"], ".".join(map(str, mistake["loc"])) or None)


def _all_told(mistakes: Sequence[Mistake]) -> Unprocessable:
    more = f"; and {len(mistakes) - _TOLD} more" if len(mistakes) > _TOLD else ""
    return Unprocessable("; ".join(f"{_place(one)}: {one.message}" for one in mistakes[:_TOLD]) + more, mistakes)


def _place(mistake: Mistake) -> str:
    """Return a place as a person reads it, with the ranks of lists in brackets: `bins[3].quantity`."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", mistake.field or "body")
