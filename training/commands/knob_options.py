"""Turns the fields of Knobs into options of a command, so that each knob is written down once."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import typer

from training.knobs import Knobs


def with_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of Knobs in place of its parameter `knobs`; the others stay.

    Typer reads a command's options from its signature, so the wrapper carries one made for the purpose.
    """

    def knobbed(**arguments: Any) -> None:
        knobs = Knobs(**{field.name: arguments.pop(field.name) for field in fields(Knobs)})
        command(knobs=knobs, **arguments)

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "knobs"]
    options = [*own, *_options()]
    knobbed.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    knobbed.__annotations__ = {option.name: option.annotation for option in options}
    knobbed.__name__ = command.__name__
    knobbed.__doc__ = command.__doc__
    return knobbed


def _options() -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.type, typer.Option(help=field.metadata["help"])],
        )
        for field in fields(Knobs)
    ]
