"""The table, as the alerter uses it: one read to know some alerts and their gates, one transaction to record them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import NOT_ON_FILE, UNCHANGED, typed
from chalicelib.aws.failures import MET_ANOTHER, cancellations_in, code_of, temporary
from chalicelib.aws.reading import read_items
from chalicelib.digest import GateName, Scope
from chalicelib.errors import Conflict
from chalicelib.items import consignment_key
from chalicelib.items_alerts import alert_key, from_ruling, from_tally, gate_key, to_ruling, to_tally
from chalicelib.items_consignments import to_consignment
from chalicelib.ports import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from chalicelib.digest import Ruling, Tally
    from chalicelib.items import Attributes
    from chalicelib.photo_call import Raised


class DynamoLedger:
    """`ports.Ledger` over a DynamoDB client; `sleep` takes seconds."""

    def __init__(self, dynamodb: Any, table: str, sleep: Callable[[float], None]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def read(self, alerts: Sequence[Raised], gates: Collection[GateName], consignments: Collection[str]) -> Standing:
        """Read everything in one batch."""
        names = [*gates, *(GateName(Scope.CONSIGNMENT, one) for one in consignments)]
        keys = [*map(alert_key, alerts), *map(gate_key, names), *map(consignment_key, consignments)]
        items = read_items(self._dynamodb, self._table, keys, "alerts", self._sleep)
        found = {_primary(item): item for item in items}
        return Standing(
            rulings={
                alert.alert_id: to_ruling(found[key])
                for alert in alerts
                if (key := _primary(alert_key(alert))) in found
            },
            tallies={name: to_tally(found[key]) for name in names if (key := _primary(gate_key(name))) in found},
            consignments={
                one: to_consignment(found[key])
                for one in consignments
                if (key := _primary(consignment_key(one))) in found
            },
        )

    def record(
        self,
        rulings: Sequence[tuple[Raised, Ruling]],
        before: Mapping[GateName, Tally],
        after: Mapping[GateName, Tally],
    ) -> None:
        """Put the alerts, unless one is on file, and the tallies, unless one has changed: all or none."""
        records = [self._put(from_ruling(*ruled), {"ConditionExpression": NOT_ON_FILE}) for ruled in rulings]
        tallies = [self._put(from_tally(name, tally), _unchanged(before.get(name))) for name, tally in after.items()]
        with temporary("recording alerts"):
            try:
                self._dynamodb.transact_write_items(TransactItems=[*records, *tallies])
            except ClientError as error:
                codes = set(cancellations_in(error))
                if codes & MET_ANOTHER and codes <= {*MET_ANOTHER, "None"}:
                    raise Conflict("alerts or their gates changed meanwhile") from error
                raise

    def mark_sent(self, alert: Raised) -> None:
        """Set the mark on the alert's record; one that has expired meanwhile needs none."""
        with temporary(f"marking alert {alert.alert_id} as sent"):
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=typed(alert_key(alert)),
                    UpdateExpression="SET is_sent = :true",
                    ConditionExpression="attribute_exists(PK)",
                    ExpressionAttributeValues=typed({":true": True}),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def _put(self, item: Attributes, condition: dict[str, Any]) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": typed(item), **condition}}


def _unchanged(tally: Tally | None) -> dict[str, Any]:
    """Return the condition under which a gate's tally may be written: it is still this one."""
    if tally is None:
        return {"ConditionExpression": NOT_ON_FILE}
    return {
        "ConditionExpression": UNCHANGED,
        "ExpressionAttributeValues": {":revision": {"N": str(tally.revision)}},
    }


def _primary(item: Attributes) -> tuple[str, str]:
    return (item["PK"], item["SK"])
