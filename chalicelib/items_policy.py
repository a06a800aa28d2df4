"""The table's shape of what belongs to a site, beside `items`, which has all the rest. Pure.

    PK           SK                      type
    SITE#<site>  POLICY                  POLICY  the policy in force
    SITE#<site>  POLICY#<8-digit number> POLICY  every version that ever was, the one in force too
    SITE#<site>  FEEDBACK                        what resolved bins have taught about the site

The checker reads FEEDBACK and POLICY in one query, because nothing else of a site sorts between them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.items import Attributes, moment, timestamp
from chalicelib.site_policy import SitePolicy, from_document, to_document

if TYPE_CHECKING:
    from collections.abc import Mapping

CURRENT_POLICY = "POLICY"
POLICY_VERSIONS = "POLICY#"
FEEDBACK = "FEEDBACK"


def site_key(site: str) -> str:
    """Return the partition that holds what belongs to a site."""
    return f"SITE#{site}"


def version_key(site: str, version: int) -> Attributes:
    """Return the primary key of one version of a site's policy; text order is the versions' order."""
    return {"PK": site_key(site), "SK": f"{POLICY_VERSIONS}{version:08d}"}


def from_site_policy(policy: SitePolicy) -> Attributes:
    """Return the item of one version, as it stays on file."""
    fields = {
        "site": policy.site,
        "revision": Decimal(policy.version),
        "author": policy.author,
        "at": timestamp(policy.at) if policy.at else None,
        "note": policy.note,
        "document": _with_decimals(to_document(policy.rules)),
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return {**version_key(policy.site, policy.version), "type": "POLICY", **present}


def from_current_policy(policy: SitePolicy) -> Attributes:
    """Return the item of the version that is in force."""
    return {**from_site_policy(policy), "SK": CURRENT_POLICY}


def to_site_policy(item: Mapping[str, Any]) -> SitePolicy:
    """Return the version that an item holds."""
    return SitePolicy(
        site=item["site"],
        version=int(item["revision"]),
        rules=from_document(item["document"]),
        author=item.get("author"),
        at=moment(item["at"]) if "at" in item else None,
        note=item.get("note"),
    )


def _with_decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_decimals(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_decimals(part) for part in value]
    return Decimal(repr(value)) if isinstance(value, int | float) else value
