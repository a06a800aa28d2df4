"""The table, as people's acts change it: one transaction writes status, saying, trail and sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import NOT_ON_FILE, plain, typed, unchanged_since
from chalicelib.aws.failures import MET_ANOTHER, cancellations_in, temporary
from chalicelib.aws.trail import record_write
from chalicelib.feedback import NOTHING, Feedback
from chalicelib.items import from_status
from chalicelib.items_people import (
    act_key,
    addition,
    feedback_key,
    from_act,
    from_request,
    request_key,
    to_act,
    to_feedback,
    to_request,
)
from chalicelib.ports_api import Asking
from chalicelib.resolution import Resolution

if TYPE_CHECKING:
    from chalicelib.bin_status import BinStatus
    from chalicelib.items import Attributes
    from chalicelib.ports_api import Step


class DynamoPeople:
    """`ports_api.People` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def resolution(self, bin_id: str, version: int) -> Resolution | None:
        """Read one item consistently."""
        item = self._item(act_key(bin_id, version), f"reading a resolution of bin {bin_id}")
        act = to_act(item) if item else None
        return act if isinstance(act, Resolution) else None

    def asked_before(self, bin_id: str, key: str) -> Asking | None:
        """Read one item consistently."""
        item = self._item(request_key(bin_id, key), f"reading a request about bin {bin_id}")
        return Asking(*to_request(item), key) if item else None

    def write(self, before: BinStatus, step: Step, asking: Asking) -> bool:
        """Write all in one transaction, each of it on a condition but the sums, which are added to."""
        writes = [self._put(from_status(step.after), unchanged_since(before))]
        if step.act is not None:
            writes.append(self._put(from_act(step.act)))
        if step.record is not None:
            writes.append(record_write(self._table, step.record))
        if asking.key is not None:
            writes.append(self._put(from_request(before.bin_id, asking.key, asking.by, asking.content)))
        if step.learnt != NOTHING and before.site is not None:
            writes.append(self._add(before.site, step.learnt))
        with temporary(f"writing what was said of bin {before.bin_id}"):
            try:
                self._dynamodb.transact_write_items(TransactItems=writes)
            except ClientError as error:
                if MET_ANOTHER.intersection(cancellations_in(error)):
                    return False
                raise
        return True

    def feedback(self, site: str) -> Feedback:
        """Read one item."""
        item = self._item(feedback_key(site), f"reading what was learnt at {site}", is_consistent=False)
        return to_feedback(item) if item else NOTHING

    def _item(self, key: Attributes, doing: str, *, is_consistent: bool = True) -> Attributes | None:
        with temporary(doing):
            reply = self._dynamodb.get_item(TableName=self._table, Key=typed(key), ConsistentRead=is_consistent)
        return plain(reply["Item"]) if "Item" in reply else None

    def _put(self, item: Attributes, condition: Attributes | None = None) -> dict[str, Any]:
        only_if = condition or {"ConditionExpression": NOT_ON_FILE}
        return {"Put": {"TableName": self._table, "Item": typed(item), **only_if}}

    def _add(self, site: str, learnt: Feedback) -> dict[str, Any]:
        update = addition(learnt)
        values = typed(update["ExpressionAttributeValues"])
        key = typed(feedback_key(site))
        return {"Update": {"TableName": self._table, "Key": key, **update, "ExpressionAttributeValues": values}}
