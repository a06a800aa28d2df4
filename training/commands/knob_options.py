"""Turns the fields of Knobs and PretrainingKnobs into options of commands, so that each knob is written down once."""

import inspect
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from training.errors import BadKnobsError
from training.knobs import Knobs, PretrainingKnobs


def with_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of Knobs in place of its parameter `knobs`; the others stay.

    `--best` adds a file of knobs, as `tune` leaves one: they take the place of the defaults, and an option on the
    command line goes before both. Typer reads a command's options from its signature, so the wrapper carries one
    made for the purpose.
    """

    def knobbed(context: typer.Context, best: Path | None, **arguments: Any) -> None:
        given = {field.name: arguments.pop(field.name) for field in fields(Knobs)}
        explicit = {name: value for name, value in given.items() if _is_explicit(context, name)}
        tuned = _tuned(best) if best else {}
        command(knobs=Knobs.of(given | tuned | explicit), **arguments)

    return _dressed(knobbed, command, [_CONTEXT, *_own(command), _BEST, *_options(Knobs)])


def with_pretraining_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of PretrainingKnobs in place of its parameter `knobs`; the others stay."""

    def knobbed(**arguments: Any) -> None:
        knobs = PretrainingKnobs(**{field.name: arguments.pop(field.name) for field in fields(PretrainingKnobs)})
        command(knobs=knobs, **arguments)

    return _dressed(knobbed, command, [*_own(command), *_options(PretrainingKnobs)])


def _own(command: Callable[..., None]) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "knobs"]


def _dressed(
    knobbed: Callable[..., None], command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    """Let the wrapper look like the command, with these options."""
    knobbed.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    knobbed.__annotations__ = {option.name: option.annotation for option in options}
    knobbed.__name__ = command.__name__
    knobbed.__doc__ = command.__doc__
    return knobbed


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
_BEST = inspect.Parameter(
    "best",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None, typer.Option(help="Knobs to start from, as tune leaves them in best.json.", exists=True)
    ],
)


def _is_explicit(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _tuned(best: Path) -> dict[str, Any]:
    try:
        knobs = dict(json.loads(best.read_text(encoding="utf-8"))["knobs"])
    except (ValueError, KeyError, TypeError) as cause:
        raise BadKnobsError(f'{best}: should be JSON like {{"knobs": {{"learning_rate": 0.0005}}}}') from cause
    return knobs


def _options(knobs: type[Knobs | PretrainingKnobs]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.type, typer.Option(help=field.metadata["help"])],
        )
        for field in fields(knobs)
    ]
