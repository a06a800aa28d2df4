"""Reading many items of the table by their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.bins import plain, typed
from chalicelib.aws.failures import temporary
from chalicelib.errors import TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.items import Attributes

MOST_KEYS = 100
"""Keys in one BatchGetItem."""

_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.05


def read_items(
    dynamodb: Any, table: str, keys: Sequence[Attributes], what: str, sleep: Callable[[float], None]
) -> list[Attributes]:
    """Read up to `MOST_KEYS` items consistently, in any order; DynamoDB may answer in parts, most of all throttled.

    Raises:
        TemporaryFailure: the table did not answer as it should; `what` says what was read.
    """
    left: dict[str, Any] = {table: {"Keys": [typed(key) for key in keys], "ConsistentRead": True}}
    items: list[Attributes] = []
    for attempt in range(_ATTEMPTS):
        with temporary(f"reading {what}"):
            reply = dynamodb.batch_get_item(RequestItems=left)
        items += [plain(item) for item in reply["Responses"].get(table, [])]
        left = reply.get("UnprocessedKeys", {})
        if not left:
            return items
        sleep(_FIRST_PAUSE_S * 2**attempt)
    raise TemporaryFailure(f"reading {what}: some were left unread in {_ATTEMPTS} attempts")
