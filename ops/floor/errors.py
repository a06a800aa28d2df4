"""How the API's answers fail a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refused(Exception):  # noqa: N818 - named for what happened
    """The API does not do what was asked.

    Attributes:
        status: the HTTP status code.
        message: what is the matter.
        places: each place in what was sent that is wrong, one line each.

    """

    status: int
    message: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join((f"{self.message} ({self.status})", *self.places))


class Unreachable(Exception):  # noqa: N818
    """The API can't be reached, or did not answer as it should, however often it was asked."""


def refusal(status: int, problem: Any) -> Refused:
    """Return what an error answer says; `problem` is its JSON, or anything else that came in its place."""
    said = problem if isinstance(problem, dict) else {}
    places = places_in(said)
    if places:
        # The message of such an answer strings the same places together.
        return Refused(status, "not taken; what has to change", places)
    message = said.get("detail") or said.get("message") or "the API refuses this, and does not say why"
    return Refused(status, f"{message}{_HINTS.get(status, '')}")


def places_in(said: dict[str, Any]) -> tuple[str, ...]:
    """Return each place that an answer finds wrong in what was sent, one line each, and how many it leaves out."""
    left_out = said.get("errors_left_out") or 0
    more = [f"and {left_out:,} more"] if left_out else []
    return (*(_place(one) for one in said.get("errors") or ()), *more)


_HINTS = {
    401: ": get a new token, and set TOKEN",
    412: ": look at it again before you change it",
}


def _place(error: dict[str, Any]) -> str:
    where = [f"line {error['line']}" if error.get("line") else None, error.get("field")]
    named = ", ".join(filter(None, where))
    return f"{named}: {error['message']}" if named else str(error["message"])
