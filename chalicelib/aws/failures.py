"""boto3's errors, told apart once: what may heal becomes `TemporaryFailure`, the rest is for the caller."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK_FAILED: Final = "ConditionalCheckFailed"
MET_ANOTHER: Final = frozenset({CHECK_FAILED, "TransactionConflict"})
"""Why a write of a transaction is cancelled that met another one: read anew, it may go through."""

THROTTLED: Final = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""Why a write of a transaction is cancelled that came too fast; botocore tries only whole requests again."""


@contextmanager
def temporary(doing: str) -> Iterator[None]:
    """Turn every AWS error inside the block into a `TemporaryFailure` that says what was being done.

    Missing permissions and missing resources count too: someone mends them, and the photo goes through.
    """
    try:
        yield
    except ClientError as error:
        raise TemporaryFailure(f"{doing}: {code_of(error)}: {error}") from error
    except BotoCoreError as error:
        raise TemporaryFailure(f"{doing}: {error}") from error


def code_of(error: ClientError) -> str:
    """Return the service's code for an error, or the HTTP status where it names none."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def cancellations_in(error: ClientError) -> list[str]:
    """Return why each write of a transaction was cancelled, in their order; none where that was not the error."""
    return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]
