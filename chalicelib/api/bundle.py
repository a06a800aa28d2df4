"""The modules with which the page begins, as one script, and those behind signing in as another. Pure: text in and out.

A browser would ask for some twenty small files at once. Each of those requests is an invocation, and the first ones are
as many cold starts. The modules stay what they are, files that any server could serve one by one: there is no build
step, this is done when the first browser asks. What else is imported later (`import()`) stays a file of its own, and
shares what the scripts have.

It knows the page's own way of writing modules and refuses any other: `import { a, b as c } from "./other.js";` on a
line of its own, and `export` before `function`, `async function`, `class` or `const`, each with a name. No module
imports itself, not even by others, and none waits (`await`) outside of a function.
"""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_IMPORT = re.compile(r'^import \{ ([^}\n]+?),? \} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b(?!\().*", re.MULTILINE)


class NotInDialect(Exception):  # noqa: N818 - named for what is wrong
    """A module is written otherwise than this file can put together; the message has the place."""


def bundled(modules: Mapping[str, str], entrances: Sequence[str]) -> dict[str, str]:
    """Return the modules such that the file of each entrance holds all that it needs and no earlier one has.

    Each module in there becomes a function that is called once, after those that it imports. Its own file hands out
    what that script has, so that there is one of everything however it is imported.

    Raises:
        NotInDialect: a module is written in another way, imports what is not there, or imports itself.
    """
    home: dict[str, str] = {}
    for entrance in entrances:
        home = {**dict.fromkeys(_in_order(modules, entrance), entrance), **home}
    return {name: _as_served(modules, name, home, entrances) for name in modules}


def _as_served(modules: Mapping[str, str], name: str, home: Mapping[str, str], entrances: Sequence[str]) -> str:
    if name in entrances:
        return _script(modules, name, home)
    if name in home:
        return _taken({name}, home) + _handed_out(name, modules[name])
    _checked(name, _EXPORT.sub("", _IMPORT.sub("", modules[name])))
    return _taken(_imports(modules[name]) & home.keys(), home) + _with_imports(modules[name], home)


def _script(modules: Mapping[str, str], entrance: str, home: Mapping[str, str]) -> str:
    inside = [name for name in _in_order(modules, entrance) if home[name] == entrance]
    outside = {imported for name in inside for imported in _imports(modules[name])} - set(inside)
    functions = [_as_function(name, modules[name], home) for name in inside]
    return "\n".join([_taken(outside, home), *functions, _handed_out(entrance, modules[entrance])])


def _in_order(modules: Mapping[str, str], entrance: str) -> list[str]:
    """Return what a module needs to begin, each before whoever imports it."""
    needs: dict[str, set[str]] = {}
    found = [entrance]
    for name in found:
        if name not in modules:
            raise NotInDialect(f"there is no module {name}")
        needs[name] = _imports(modules[name])
        found += sorted(needs[name] - set(found))
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as cycle:
        raise NotInDialect(f"modules import each other: {cycle.args[1]}") from cycle


def _imports(text: str) -> set[str]:
    return {name for _, name in _IMPORT.findall(text)}


def _as_function(name: str, text: str, home: Mapping[str, str]) -> str:
    body = _checked(name, _EXPORT.sub(r"\1 \2", _with_imports(text, home)))
    return f"export const {_variable(name)} = (() => {{\n{body}\nreturn {{ {_exported(text)} }};\n}})();"


def _with_imports(text: str, home: Mapping[str, str]) -> str:
    """Have a module take what it imports from the functions of other modules, where they are such."""

    def taken(found: re.Match[str]) -> str:
        return (
            f"const {{ {found[1].replace(' as ', ': ')} }} = {_variable(found[2])};" if found[2] in home else found[0]
        )

    return _IMPORT.sub(taken, text)


def _taken(names: Collection[str], home: Mapping[str, str]) -> str:
    return "".join(f'import {{ {_variable(name)} }} from "./{home[name]}";\n' for name in sorted(names))


def _handed_out(name: str, text: str) -> str:
    return f"export const {{ {_exported(text)} }} = {_variable(name)};\n"


def _checked(name: str, rest: str) -> str:
    """Return what is left of a module without the imports and exports that are understood.

    Raises:
        NotInDialect: there are others.
    """
    if left := _LEFT.search(rest):
        raise NotInDialect(f"{name}: {left[0]}")
    return rest


def _exported(text: str) -> str:
    return ", ".join(name for _, name in _EXPORT.findall(text))


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
