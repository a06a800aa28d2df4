"""Config files: TOML tables become frozen dataclasses, and whatever does not belong there is refused with its place.

Knows types only; what values mean is checked where they mean something.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from training.errors import UnusableConfigError

Table = Mapping[str, Any]
_Section = TypeVar("_Section")


def require(fulfilled: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise UnusableConfigError unless the condition holds."""
    if not fulfilled:
        raise UnusableConfigError(otherwise)


def read(file: Path, parsed: Callable[[Table], _Section]) -> _Section:
    """Parse a config file's tables; raises UnusableConfigError with the place and what is expected there."""
    try:
        return parsed(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as cause:
        raise UnusableConfigError(f"{file}: {cause}") from cause
    except UnusableConfigError as problem:
        raise UnusableConfigError(f"{file}: {problem}") from None


def require_known(kind: type, tables: Table) -> None:
    """Raise UnusableConfigError where a file has tables that the dataclass of the whole does not name."""
    known = {one.name for one in fields(kind)}
    unknown = sorted(set(tables) - known)
    require(not unknown, f"unknown {', '.join(unknown)}; there are {', '.join(sorted(known))}")


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


def dataclasses_of(kind: type[_Section], where: str, tables: Any) -> dict[str, _Section]:
    """Make a dataclass from each table of a table, by their names."""
    described = table_of(where, tables).items()
    return {name: dataclass_of(kind, f"{where}.{name}", table_of(name, table)) for name, table in described}


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
