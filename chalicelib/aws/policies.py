"""The policies of sites in the table: as the checker asks for them, and as operators read and change them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.bins import NOT_ON_FILE, UNCHANGED, plain, typed
from chalicelib.aws.failures import MET_ANOTHER, cancellations_in, temporary
from chalicelib.aws.trail import record_write
from chalicelib.errors import Conflict, InvalidRequest
from chalicelib.items_policy import (
    CURRENT_POLICY,
    FEEDBACK,
    POLICY_VERSIONS,
    from_current_policy,
    from_site_policy,
    site_key,
    to_site_policy,
    version_key,
)
from chalicelib.policy import DEFAULT
from chalicelib.ports_api import Page
from chalicelib.site_policy import SitePolicy, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.items import Attributes
    from chalicelib.policy import Policy
    from chalicelib.ports_api import Position
    from chalicelib.site_policy import Limits
    from chalicelib.trail import AuditRecord

    Adapt = Callable[[Policy, Limits, Attributes | None], Policy]
    """Puts the rate of mismatches that a site has taught (its FEEDBACK item, None if there is none) into a policy."""

LIFETIME_S = 30.0
"""So long a change may take until every checker judges by it."""


class DynamoPolicies:
    """`ports.Policies` over a DynamoDB client; `clock` tells seconds that never go back.

    What was read of a site serves for `LIFETIME_S`, so that a photo costs no further call while photos keep coming.
    """

    def __init__(self, dynamodb: Any, table: str, clock: Callable[[], float], adapt: Adapt) -> None:
        self._book = DynamoPolicyBook(dynamodb, table, adapt)
        self._clock = clock
        self._kept: dict[str, tuple[float, Standing]] = {}

    def policy_for(self, site: str | None, bin_id: str) -> Policy:
        """Return the policy in force; a bin without an expectation belongs to no site and costs no call."""
        return DEFAULT if site is None else self.standing(site).policy_for(bin_id)

    def standing(self, site: str) -> Standing:
        """Return what a site's bins are judged by, as it was at most `LIFETIME_S` ago."""
        now = self._clock()
        read_at, standing = self._kept.get(site, (None, None))
        if standing is None or read_at is None or now - read_at >= LIFETIME_S:
            standing = self._book.standing(site)
            self._kept[site] = (now, standing)
        return standing


class DynamoPolicyBook:
    """`ports_api.PolicyBook` over a DynamoDB client."""

    def __init__(self, dynamodb: Any, table: str, adapt: Adapt) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._adapt = adapt

    def standing(self, site: str) -> Standing:
        """Read policy and feedback in one consistent query."""
        with temporary(f"reading the policy of site {site}"):
            reply = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="PK = :site AND SK BETWEEN :first AND :last",
                ExpressionAttributeValues=typed({":site": site_key(site), ":first": FEEDBACK, ":last": CURRENT_POLICY}),
                ConsistentRead=True,
            )
        items = {item["SK"]: item for item in map(plain, reply["Items"])}
        policy = to_site_policy(items[CURRENT_POLICY]) if CURRENT_POLICY in items else SitePolicy(site)
        return Standing(policy, partial(_adapted, self._adapt, items.get(FEEDBACK)))

    def version(self, site: str, number: int) -> SitePolicy | None:
        """Read the item of one version."""
        with temporary(f"reading version {number} of the policy of site {site}"):
            reply = self._dynamodb.get_item(
                TableName=self._table, Key=typed(version_key(site, number)), ConsistentRead=True
            )
        return to_site_policy(plain(reply["Item"])) if "Item" in reply else None

    def versions(self, site: str, limit: int, start: Position | None) -> Page[SitePolicy]:
        """Query the versions backwards."""
        if start is not None and not _is_version_of(site, start):
            raise InvalidRequest("the cursor does not belong to this list")
        with temporary(f"listing the policies of site {site}"):
            reply = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="PK = :site AND begins_with(SK, :version)",
                ExpressionAttributeValues=typed({":site": site_key(site), ":version": POLICY_VERSIONS}),
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": typed(start)} if start else {}),
            )
        last = reply.get("LastEvaluatedKey")
        entries = tuple(to_site_policy(plain(item)) for item in reply["Items"])
        return Page(entries, plain(last) if last else None)

    def put(self, policy: SitePolicy, record: AuditRecord) -> None:
        """Write the version twice, as the one in force and as one of all, and its record, unless another came first."""
        on_file = {
            "TableName": self._table,
            "Item": typed(from_site_policy(policy)),
            "ConditionExpression": NOT_ON_FILE,
        }
        in_force = {
            "TableName": self._table,
            "Item": typed(from_current_policy(policy)),
            **_replacing(policy.version - 1),
        }
        with temporary(f"changing the policy of site {policy.site}"):
            try:
                self._dynamodb.transact_write_items(
                    TransactItems=[{"Put": on_file}, {"Put": in_force}, record_write(self._table, record)]
                )
            except ClientError as error:
                if MET_ANOTHER.intersection(cancellations_in(error)):
                    raise Conflict(f"version {policy.version - 1} is not the one in force any more") from error
                raise


def _adapted(adapt: Adapt, feedback: Attributes | None, policy: Policy, limits: Limits) -> Policy:
    return adapt(policy, limits, feedback)


def _replacing(version: int) -> dict[str, Any]:
    if version == 0:
        return {"ConditionExpression": NOT_ON_FILE}
    return {"ConditionExpression": UNCHANGED, "ExpressionAttributeValues": typed({":revision": version})}


def _is_version_of(site: str, position: Position) -> bool:
    is_key = set(position) == {"PK", "SK"}
    return is_key and position["PK"] == site_key(site) and position["SK"].startswith(POLICY_VERSIONS)
