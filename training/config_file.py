"""Config files: TOML tables become frozen dataclasses, and whatever does not belong there is refused with its place.

Knows types only; what values mean is checked where they mean something.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from training.errors import UnusableConfigError

Table = Mapping[str, Any]
_Section = TypeVar("_Section")


def require(fulfilled: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise UnusableConfigError unless the condition holds."""
    if not fulfilled:
        raise UnusableConfigError(otherwise)


def section(kind: type[_Section], name: str, tables: Table) -> _Section:
    """Make a dataclass from the table of that name."""
    return dataclass_of(kind, name, table_of(name, tables.get(name, {})))


def dataclass_of(kind: type[_Section], where: str, table: Table) -> _Section:
    """Make a dataclass from a table; every entry has to be known and fit, and none without a default may lack."""
    types = get_type_hints(kind)
    needed = {
        one.name
        for one in fields(kind)  # type: ignore[arg-type]
        if one.default is MISSING and one.default_factory is MISSING
    }
    unknown, missing = sorted(set(table) - set(types)), sorted(needed - set(table))
    require(not unknown, f"{where}: unknown {', '.join(unknown)}; there are {', '.join(types)}")
    require(not missing, f"{where}: {', '.join(missing)} missing")
    return kind(**{name: fitting(f"{where}.{name}", types[name], value) for name, value in table.items()})


def fitting(where: str, kind: Any, value: Any) -> Any:
    """Give the value as TOML has it, lists as tuples and whole numbers as floats where those are wanted."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if kind == tuple[str, ...] and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    require(type(value) in kinds, f"{where}: {value!r} is not what belongs there ({kind})")
    return value


def texts(where: str, value: Any) -> dict[str, str]:
    """Give a table of texts."""
    return {name: fitting(f"{where}.{name}", str, text) for name, text in table_of(where, value).items()}


def table_of(where: str, value: Any) -> Table:
    """Give what has to be a table."""
    require(isinstance(value, dict), f"{where}: must be a table")
    table: Table = value
    return table
