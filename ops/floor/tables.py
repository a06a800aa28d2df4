"""What the API's answers look like in a terminal. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

_WHEN_SHOWN = 16
"""Characters of a time: to the minute."""


def bins(entries: Iterable[dict[str, Any]], title: str | None = None) -> Table:
    """Return bins, one a row."""
    table = Table("bin", "status", "severity", "expected", "counted", "P(mismatch)", "since", "who", title=title)
    for bin_ in entries:
        table.add_row(
            bin_["bin_id"],
            escape(_status(bin_)),
            _text(bin_.get("severity")),
            _text(bin_["expected"]),
            _text(bin_["predicted"]),
            _probability(bin_["probability_of_mismatch"]),
            when(bin_["changed_at"]),
            escape(_who(bin_)),
        )
    return table


def bin_in_full(bin_: dict[str, Any], photos: list[dict[str, Any]], acts: list[dict[str, Any]]) -> RenderableType:
    """Return a bin, its newest photos, and what people said of it."""
    facts = Table(show_header=False, box=None)
    for name in (
        *("bin_id", "version", "status", "severity", "site", "consignment_id", "expected", "predicted", "reason"),
        *("probability_of_mismatch", "review_from", "alert_from", "policy", "photos", "since", "changed_at"),
        *("assignee", "photo_requested_at", "picture_url"),
    ):
        if bin_.get(name) is not None:
            facts.add_row(name, escape(str(bin_[name])))
    if bin_["alert"]:
        by = f" by {bin_['alert']['by']}" if bin_["alert"]["by"] else ""
        facts.add_row("alert", escape(f"{bin_['alert']['state']}{by}"))
    seen = Table("photo", "verdict", "counted", "P(mismatch)", "judged", title="Newest photos")
    for photo in photos:
        told = photo["verdict"] if photo["type"] == "inspection" else f"{photo['verdict']}: {photo['reason']}"
        probability = _probability(photo.get("probability_of_mismatch"))
        seen.add_row(
            escape(photo["image"]["key"]), escape(told), _text(photo.get("predicted")), probability, when(photo["at"])
        )
    said = Table("what", "true count", "reason", "note", "by", "at", title="What people said")
    for act in acts:
        cells = (act["type"], _text(act.get("true_count")), _text(act.get("reason")), act["note"], act["by"])
        said.add_row(*(escape(cell) for cell in cells), when(act["at"]))
    return Group(facts, *(table for table in (seen, said) if table.rows))


def consignments(entries: list[dict[str, Any]]) -> Table:
    """Return consignments, one a row, and how far their bins are where that is told, as of one by itself."""
    counted = ("waiting", "checked", "open", "resolved") if any("progress" in one for one in entries) else ()
    table = Table("consignment", "site", "state", "bins", *counted, "loaded")
    for one in entries:
        counts = (_text(one["progress"][name]) for name in counted)
        loaded_at = when(one["loaded_at"]) if one["loaded_at"] else ""
        table.add_row(one["consignment_id"], one["site"], one["state"], _text(one["bin_count"]), *counts, loaded_at)
    return table


def site(figures: dict[str, Any]) -> Table:
    """Return how a site is doing."""
    table = Table(show_header=False, title=f"{figures['site']}, since {when(figures['from'])}")
    for state, count in figures["open"].items():
        table.add_row(f"waits as {state}", f"{count:,}")
    load = figures["review_load"]
    if load["hours_to_clear"] is not None:
        table.add_row("hours to clear the reviews", f"{load['hours_to_clear']:.1f} at {load['per_hour']} an hour")
    table.add_row("photos a minute", f"{figures['photos_per_minute']:.2f}")
    for verdict, count in figures["verdicts"].items():
        table.add_row(f"judged {verdict}", f"{count:,}")
    for name, label in {"alert_precision": "alerts that were right", "review_yield": "reviews that were wrong"}.items():
        seen = figures[name]
        if seen and seen["share"]:
            table.add_row(label, f"{seen['share']['mean']:.0%} of {seen['bins']:,} resolved")
    for queue, count in (figures["dead_letters"] or {}).items():
        table.add_row(f"dead letters: {queue}", _text(count))
    return table


def alert(message: dict[str, Any]) -> str:
    """Return a message of the alerts' topic in one line, as markup."""
    at = when(message["at"])
    if message["kind"] == "digest":
        whose = message["consignment_id"] or message["site"] or "no site"
        return escape(f"{at}  digest      {message['alerts']} alerts of {whose}")
    if message["kind"] == "photo_request":
        return escape(
            f"{at}  photo       {message['bin_id']}  {message['by']} asks for another photo: {message['note']}"
        )
    told = " ".join(filter(None, (message["verdict"], message["direction"], message["reason"])))
    counts = f"{_text(message['predicted']) or '-'} counted, {_text(message['expected']) or '-'} expected"
    return escape(f"{at}  {message['severity']:10}  {message['bin_id'] or '-'}  {told}: {counts}")


def when(time: str) -> str:
    """Return a time of the API to the minute, in UTC."""
    return f"{time[:_WHEN_SHOWN].replace('T', ' ')}Z"


def _status(bin_: dict[str, Any]) -> str:
    more = (
        bin_["direction"] if bin_["status"] == "mismatch" else bin_["reason"] if bin_["status"] == "rejected" else None
    )
    return f"{bin_['status']} {more}" if more else str(bin_["status"])


def _who(bin_: dict[str, Any]) -> str:
    """Return who has the bin: whom it is assigned to, or else who has taken up its alert."""
    alert = bin_["alert"]
    taken_up = alert["by"] if alert and alert["state"] == "acknowledged" else None
    return bin_.get("assignee") or taken_up or ""


def _probability(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
