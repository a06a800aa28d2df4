"""The words in which answers are described: JSON Schema (2020-12), each leaf with an example of what it holds.

Examples of whole answers are put together from those of their leaves, so that they can't fall behind. In records all
fields are required: what is unknown is null, never left out. Describes; knows no route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.domain import BIN_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

Schema = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
MOMENT = "2026-05-04T12:07:00.000Z"


def record(description: str, /, **fields: Schema) -> Schema:
    """Return an object with all of these fields."""
    return {"type": "object", "description": description, "properties": fields, "required": list(fields)}


def with_fields(schema: Schema, description: str, /, **more: Schema) -> Schema:
    """Return a record that has some fields more."""
    return record(description, **schema["properties"], **more)


def optional(schema: Schema, *names: str) -> Schema:
    """Return a record in which some fields may be left out."""
    return {**schema, "required": [name for name in schema["required"] if name not in names]}


def ref(name: str) -> Schema:
    """Return a reference to one of the document's schemas."""
    return {"$ref": f"{_COMPONENTS}{name}"}


def maybe(schema: Schema) -> Schema:
    """Return what may also be unknown."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def text(example: str, description: str = "", **more: Any) -> Schema:
    """Return a text."""
    return _leaf("string", example, description, **more)


def name_of(example: str, description: str = "") -> Schema:
    """Return the name of a bin, a site or a consignment."""
    return text(example, description, pattern=rf"^{BIN_ID.pattern}$")


def time(description: str = "") -> Schema:
    """Return a moment."""
    pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
    return text(MOMENT, description, format="date-time", pattern=pattern)


def whole(example: int, description: str = "", *, least: int = 0) -> Schema:
    """Return a whole number."""
    return _leaf("integer", example, description, minimum=least)


def number(example: float, description: str = "", **more: Any) -> Schema:
    """Return a number."""
    return _leaf("number", example, description, **more)


def share(example: float, description: str = "") -> Schema:
    """Return a probability or a share."""
    return number(example, description, minimum=0, maximum=1)


def flag(description: str = "", *, example: bool = False) -> Schema:
    """Return a yes or no."""
    return _leaf("boolean", example, description)


def one_of(values: type[StrEnum] | Iterable[str], example: str, description: str = "") -> Schema:
    """Return one of some words."""
    return text(example, description, enum=[str(value) for value in values])


def always(word: str) -> Schema:
    """Return a word that tells one kind of record from another."""
    return text(word, enum=[word])


def many(items: Schema, description: str = "", *, most: int | None = None) -> Schema:
    """Return a list."""
    bound = {} if most is None else {"maxItems": most}
    return _described({"type": "array", "items": items, **bound}, description)


def table(values: Schema, example: Mapping[str, Any], description: str = "") -> Schema:
    """Return an object that maps names, which are not known beforehand, to values."""
    content = {"type": "object", "additionalProperties": values, "examples": [dict(example)]}
    return _described(content, description)


def either(*schemas: Schema) -> Schema:
    """Return one of several kinds of records."""
    return {"oneOf": list(schemas)}


def page(plural: str, entries: Schema, /, **more: Schema) -> Schema:
    """Return a part of a list, with the cursor of the next."""
    cursor = maybe(text("WyJiaW5zIiwiRlJBMSJd", "Hand it back as it is for the next page; null where there is none."))
    return record(
        "A page may be shorter than asked for, even empty, and still be followed by another.",
        **more,
        **{plural: many(entries)},
        cursor=cursor,
    )


def example_of(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """Return an example of what a schema describes, put together from its leaves."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(_COMPONENTS)], components)
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return example_of(schema[several][0], components)
    if schema["type"] == "array":
        return [example_of(schema["items"], components)]
    return {name: example_of(field, components) for name, field in schema["properties"].items()}


def _leaf(kind: str, example: Any, description: str, **more: Any) -> Schema:
    return _described({"type": kind, **more, "examples": [example]}, description)


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
