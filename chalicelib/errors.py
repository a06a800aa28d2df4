"""The checker's errors: one base and the few that a caller tells apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class BincheckError(Exception):
    """Something the checker knows how to answer went wrong."""


class PhotoRefused(BincheckError):  # noqa: N818 - named for what happened to the photo
    """This photo can never be judged; `reason` is a code, the message is for a person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PhotoUnavailable(BincheckError):  # noqa: N818
    """The photo was deleted or replaced before it could be read."""


class TemporaryFailure(BincheckError):  # noqa: N818
    """A service did not answer as it should; the same photo may go through later."""


class MalformedMessage(BincheckError):  # noqa: N818
    """A message in the inbox is no S3 event; trying again can't help."""


class Conflict(BincheckError):  # noqa: N818
    """Someone else changed the bin between reading and writing it."""


class NotFound(BincheckError):  # noqa: N818
    """Nothing is on file under that name."""


class InvalidRequest(BincheckError):  # noqa: N818
    """The request is understood and wrong; the message says what to change."""


class PreconditionFailed(BincheckError):  # noqa: N818
    """What the caller wants to change no longer stands as they saw it; nothing was changed."""


class Held(Conflict):
    """Other consignments hold some of the bins; `holders` names these bins and who holds each."""

    def __init__(self, message: str, holders: Mapping[str, str]) -> None:
        super().__init__(message)
        self.holders = holders


class Superseded(Conflict):
    """A newer change of the consignment has begun; this one can't go on."""


class Closed(Conflict):
    """The consignment is closed; it takes no bins until it is reopened."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One place where a document breaks the rules.

    `field` is the place in a JSON body, its parts joined by dots (`bins.3.quantity`); `line` is that of a file, from 1.
    """

    message: str
    field: str | None = None
    line: int | None = None


class Unprocessable(InvalidRequest):
    """What was sent can be read and breaks the rules: the message is for a person, `mistakes` are the places.

    Of very many places those that come first are told; `left_out` is how many more there are.
    """

    def __init__(self, message: str, mistakes: Sequence[Mistake] = (), left_out: int = 0) -> None:
        super().__init__(message)
        self.mistakes = tuple(mistakes)
        self.left_out = left_out
