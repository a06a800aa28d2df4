"""Holds a request against botocore's description of an AWS service, before anything is uploaded or sent.

botocore's own validation knows types, required members and minima. The description says more, which the service
checks only when the request arrives: patterns, enumerations and maxima.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

from training.errors import InvalidRequestError

_JAVAS: Final = (
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\d"),
    (r"\p{Z}", r"\s"),
    (r"\p{M}", r"\u0300-\u036f"),
    (r"\p{S}", r"$+<=>^`|~"),
    (r"\p{P}", r"!-#%-*,-/:;?@\[-\]_{}"),
    (r"\p{Print}", r"[ -~]"),
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010ffff"),
    ("*)${1,", "*){1,"),
)


def validate(operation: str, request: dict[str, Any], service: str = "sagemaker") -> None:
    """Raise InvalidRequestError, which lists all of them, where the request breaks rules of the operation."""
    shape = _service(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    problems = report.generate_report().splitlines() if report.has_errors() else list(_violations(shape, request, ""))
    if problems:
        raise InvalidRequestError(f"{operation} would be refused: {'; '.join(problems)}")


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def _violations(shape: Shape, value: Any, where: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            for name, member in value.items():
                yield from _violations(shape.members[name], member, f"{where}.{name}")
        case "list":
            yield from _too_many(shape, value, where)
            for position, member in enumerate(value):
                yield from _violations(shape.member, member, f"{where}[{position}]")
        case "map":
            yield from _too_many(shape, value, where)
            for key, member in value.items():
                yield from _violations(shape.key, key, f"{where}: the name")
                yield from _violations(shape.value, member, f"{where}.{key}")
        case "string":
            yield from _wrong_text(shape, value, where)
        case "integer" if value > shape.metadata.get("max", value):
            yield f"{where.lstrip('.')}: {value} is above {shape.metadata['max']}"


def _too_many(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{where.lstrip('.')}: {len(value)} entries, at most {shape.metadata['max']}"


def _wrong_text(shape: Shape, value: str, where: str) -> Iterator[str]:
    place, most, pattern = where.lstrip("."), shape.metadata.get("max", len(value)), shape.metadata.get("pattern")
    if len(value) > most:
        yield f"{place}: {value!r} has {len(value)} characters, at most {most}"
    elif pattern and not re.fullmatch(_pythonic(pattern), value):
        yield f"{place}: {value!r} does not fit {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"{place}: {value!r} is none of the {len(shape.enum)} that AWS knows"


def _pythonic(pattern: str) -> str:
    """Translate what the services write in Java's way: classes of characters, and pairs that stand for one."""
    for java, python in _JAVAS:
        pattern = pattern.replace(java, python)
    return pattern
