"""The commands `python -m ops policy ...`: ask, print; what they do is in `policies`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chalicelib.api import policy_shapes
from chalicelib.aws.history import DynamoHistory
from chalicelib.aws.policies import DynamoPolicyBook
from chalicelib.domain import BIN_ID
from chalicelib.site_policy import to_document
from chalicelib.wiring import learnt
from ops.policies import Proposal, newest_versions, propose, replay_since, rules_in_file, version_of
from ops.stack import Declined, outputs_of
from ops.terminal import AsJson, Stage, Yes, client, err, failures_told, out, stack_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.replay import Replayed
    from chalicelib.site_policy import SitePolicy, Standing

_MOST_REPLAYED_DAYS = 3650

app = typer.Typer(
    help="How the bins of a site are judged: costs, rates, bounds, and groups of bins that differ.\n\n"
    "`show --document` writes the document; edit it, see with `replay` what it would have changed, and bring it into "
    "force with `set`. Every version stays on file. docs/operations.md explains each setting.",
    no_args_is_help=True,
)


def _known_site(site: str) -> str:
    if BIN_ID.fullmatch(site) is None:
        raise typer.BadParameter("a site's name has 1 to 64 letters, digits, dots, hyphens and underscores")
    return site


Site = Annotated[str, typer.Option(help="The site, as consignments name it.", callback=_known_site)]
Document = Annotated[
    Path,
    typer.Argument(help="A file as `show --document` writes it, or the same as TOML.", exists=True, dir_okay=False),
]
Number = Annotated[int | None, typer.Option("--version", help="An earlier version of the site's policy.", min=1)]


@app.command()
def show(
    site: Site,
    stage: Stage = "dev",
    version: Number = None,
    document: Annotated[bool, typer.Option("--document", help="Print only what `set` takes, as JSON.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show the policy in force, or an earlier version, and from which probability on it reviews and alerts.

    Example: python -m ops policy show --site FRA1 --document > fra1.json
    """
    with failures_told():
        book = _book(stage)
        standing = book.standing(site)
        if version is not None:
            standing = replace(standing, policy=version_of(book, site, version))
    if document:
        out.print_json(json.dumps(to_document(standing.policy.rules)))
    elif as_json:
        out.print_json(json.dumps(policy_shapes.standing(standing)))
    else:
        _print_policy(standing)


@app.command("set")
def set_policy(  # noqa: PLR0913, PLR0917 - one parameter per option
    site: Site,
    document: Document,
    note: Annotated[str, typer.Option(help="Why; it stays with the version.")],
    stage: Stage = "dev",
    yes: Yes = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Bring a document into force: check it, show what will differ, ask, and write the next version.

    Example: python -m ops policy set --stage prod --site FRA1 fra1.json --note "reviews got cheaper"

    Photos are judged by it within half a minute. Should somebody else change the policy while you read, nothing is
    written (exit code 1). A document that changes nothing makes no version.
    """
    with failures_told():
        book = _book(stage)
        proposal = propose(book, site, rules_in_file(document))
        is_changed = bool(proposal.differences)
        if is_changed:
            (err if as_json else out).print(_difference_table(proposal))
            if not yes and not typer.confirm(f"Change the policy of {site}?", err=as_json):
                raise Declined("nothing was changed")
            proposal.put(book, client("sts").get_caller_identity()["Arn"], datetime.now(UTC), note)
        standing = book.standing(site)
    if as_json:
        out.print_json(json.dumps({"changed": is_changed, **policy_shapes.standing(standing)}))
    else:
        out.print(f"version {standing.policy.version} is in force" if is_changed else "nothing to change")


@app.command()
def versions(
    site: Site,
    stage: Stage = "dev",
    most: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1000)] = 20,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the versions of a site's policy: when, by whom and why each was made."""
    with failures_told():
        found = newest_versions(_book(stage), site, most)
    if as_json:
        out.print_json(json.dumps([policy_shapes.version(policy) for policy in found]))
        return
    table = Table("version", "made at", "by", "why")
    for policy in found:
        table.add_row(str(policy.version), *_made(policy))
    out.print(table)


@app.command("replay")
def replay_policy(  # noqa: PLR0913, PLR0917 - one parameter per option
    site: Site,
    document: Annotated[
        Path | None, typer.Argument(help="A file as `set` takes it.", exists=True, dir_okay=False)
    ] = None,
    stage: Stage = "dev",
    version: Number = None,
    days: Annotated[
        int, typer.Option(help="Replay the photos of so many days up to now.", min=1, max=_MOST_REPLAYED_DAYS)
    ] = 30,
    most_changes: Annotated[
        int, typer.Option("--changes", help="Name so many of the bins that end otherwise.", min=0)
    ] = 20,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tell what would have happened under a document, or under an earlier version, beside the policy in force.

    Example: python -m ops policy replay --site FRA1 fra1.json --days 7

    Judges the recorded photos anew and changes nothing; the model is not asked. A bin counts once for each time that it
    started afresh, and only by its photos of these days. Both sides use the rate of mismatches that the site has now.
    """
    if (document is None) == (version is None):
        raise typer.BadParameter("give a document or --version, one of the two")
    now = datetime.now(UTC)
    with failures_told():
        book = _book(stage)
        rules = rules_in_file(document) if document else version_of(book, site, version or 0).rules
        proposal = propose(book, site, rules)
        beginning = now - timedelta(days=days)
        with _progress(beginning, now) as reached:
            found = replay_since(
                DynamoHistory(client("dynamodb"), _table(stage)), proposal, beginning, most_changes, reached
            )
    if as_json:
        out.print_json(json.dumps(policy_shapes.replayed(site, found)))
    else:
        _print_replayed(site, days, found)


def _table(stage: str) -> str:
    return outputs_of(client("cloudformation"), stack_name(stage))["TableName"]


def _book(stage: str) -> DynamoPolicyBook:
    return DynamoPolicyBook(client("dynamodb"), _table(stage), learnt)


@contextmanager
def _progress(beginning: datetime, end: datetime) -> Iterator[Callable[[datetime, int], None]]:
    """Show on a terminal how far a replay has come, in time."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task("reading", total=(end - beginning).total_seconds())

        def reached(moment: datetime, number: int) -> None:
            done = (moment - beginning).total_seconds()
            bar.update(task, completed=done, description=f"{number:,} photos, up to {moment:%Y-%m-%d %H:%M}")

        yield reached


def _made(policy: SitePolicy) -> tuple[str, str, str]:
    at = f"{policy.at:%Y-%m-%d %H:%M:%S}Z" if policy.at else ""
    return at, escape(policy.author or ""), escape(policy.note or "")


def _print_policy(standing: Standing) -> None:
    policy = standing.policy
    if policy.at:
        at, by, why = _made(policy)
        out.print(f"{policy.site}, version {policy.version}, made {at} by {by}: {why}")
    else:
        out.print(
            f"{policy.site}: version {policy.version}" if policy.version else f"{policy.site}: the default policy"
        )
    out.print_json(json.dumps(to_document(policy.rules)))
    table = Table("bins", "policy", "rate of mismatches", "review from", "alert from")
    for row in policy_shapes.thresholds(standing):
        figures = (f"{row[name]:.4g}" for name in ("mismatch_rate", "review_from", "alert_from"))
        table.add_row(row["group"] or "all others", row["policy"], *figures)
    out.print(table)


def _difference_table(proposal: Proposal) -> Table:
    site = proposal.now.policy.site
    table = Table("setting", "now", "then", title=f"What will change at {site}")
    for place, before, after in proposal.differences:
        table.add_row(escape(place), *(escape("" if value is None else json.dumps(value)) for value in (before, after)))
    now, then = (
        {row["group"]: row for row in policy_shapes.thresholds(standing)} for standing in (proposal.now, proposal.then)
    )
    for group in [*now, *(group for group in then if group not in now)]:
        for name in ("review_from", "alert_from"):
            values = [f"{side[group][name]:.4g}" if group in side else "" for side in (now, then)]
            table.add_row(f"-> {name} of {group or 'all others'}", *values)
    return table


def _print_replayed(site: str, days: int, found: Replayed) -> None:
    told = policy_shapes.replayed(site, found)
    before, after = told["before"], told["after"]
    table = Table(
        "", "in force", "proposed", title=f"{site}, {days} days: {found.bins:,} bins, {found.inspections:,} photos"
    )
    for verdict in before["verdicts"]:
        table.add_row(f"end as {verdict}", *(f"{side['verdicts'][verdict]:,}" for side in (before, after)))
    for name, label in {"alerts": "alerted", "reviews": "sent to review"}.items():
        table.add_row(label, *(f"{side[name]:,}" for side in (before, after)))
    for name, label in {"precision": "alerts that were right", "found": "wrong bins that were alerted"}.items():
        table.add_row(f"{label}, of {found.resolved:,} resolved", *(_share(side[name]) for side in (before, after)))
    out.print(table)
    if not found.changed:
        out.print("no bin ends otherwise")
        return
    changes = Table(
        "bin", "expected", "truth", "photos", "in force", "proposed", title=f"{found.changed:,} bins end otherwise"
    )
    for change in told["changes"]:
        truth = "" if change["truth"] is None else str(change["truth"])
        sides = (_side(change[side]) for side in ("before", "after"))
        changes.add_row(change["bin_id"], str(change["expected"]), truth, str(change["photos"]), *sides)
    out.print(changes)
    if len(found.changes) < found.changed:
        out.print(f"and {found.changed - len(found.changes):,} more")


def _share(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"


def _side(side: dict[str, Any]) -> str:
    alerted = ", alerted" if side["alerted"] and side["verdict"] != "mismatch" else ""
    return f"{side['verdict']} ({side['probability_of_mismatch']:.3f}){alerted}"
