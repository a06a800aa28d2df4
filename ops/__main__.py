"""The operator's command line: `python -m ops --help`. Asks and prints; all else is in its neighbours.

What exit codes say stands in `ops.terminal.Exit`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the options' types
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ops.backfill.commands import backfill
from ops.dead_letters import DeadLetter, dead_letters
from ops.dead_letters import redrive as send_back
from ops.deploy import ChangeSummary
from ops.deploy import deploy_with_page as deploy_stack
from ops.floor.commands import app as floor_app
from ops.floor.commands import site_status
from ops.floor.consignments import app as consignments_app
from ops.floor.export import app as export_app
from ops.floor.options import AnySite  # noqa: TC001 - typer reads the options' types
from ops.package import package as package_stage
from ops.policy import app as policy_app
from ops.reindex import reindex as rewrite
from ops.stack import Farewell, outputs_of
from ops.stack import destroy as destroy_stack
from ops.status import status_of
from ops.tail import app as tail_app
from ops.terminal import EXIT_CODES, FAILED, PROJECT, AsJson, Stage, Yes, client, err, failures_told, out, stack_name

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(
    help="Package, deploy, watch, mend and take down a stage of Bincheck, and work with what it found.\n\n"
    "Commands with --stage work on the stack bincheck-STAGE in the account and region that your AWS settings name "
    "(AWS_PROFILE, AWS_REGION, or `aws configure`). Commands with --url and --token call the API instead; both may "
    f"stand in the environment as URL and TOKEN.\n\nExit codes: {EXIT_CODES}.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
letters_app = typer.Typer(help="Messages that could not be worked off, each with its reason.", no_args_is_help=True)
app.add_typer(letters_app, name="dead-letters")
app.add_typer(policy_app, name="policy")
app.add_typer(backfill, name="backfill")
for unnamed in (floor_app, consignments_app, export_app, tail_app):
    app.add_typer(unnamed)


@app.command()
def package(
    stage: Stage = "dev",
    folder: Annotated[Path | None, typer.Option("--out", help="Where to; build/STAGE if not given.")] = None,
) -> None:
    """Make template.json and package.zip, which `deploy` would upload. Needs no account.

    The first run downloads the dependencies; later ones take a second.
    """
    with failures_told():
        packaged = package_stage(PROJECT, folder or _build_folder(stage), stage)
    megabytes = packaged.zip.stat().st_size / 1e6
    out.print(f"{packaged.zip} ({megabytes:.1f} MB) and template.json beside it")


@app.command()
def deploy(
    stage: Stage = "dev",
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="Set a parameter of .chalice/resources.yaml, as often as needed. What you don't set stays as it is.",
        ),
    ] = None,
    yes: Yes = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Package, upload, show what will change, ask, change it, and print the addresses.

    Example: python -m ops deploy --stage prod -p EndpointName=bin-counter -p AlarmEmail=you@example.com

    Makes the bucket bincheck-artifacts-ACCOUNT-REGION if it is missing. When a change fails, CloudFormation goes
    back to what was before, and you see why. Photos and records survive everything.

    The first deployment asks twice: only once the API has its address can signing in lead back to the page.
    """
    parameters = dict(_assignment(text) for text in parameter or [])

    def agreed(summary: ChangeSummary) -> bool:
        out.print(_change_table(summary))
        return yes or typer.confirm(f"Change {summary.stack_name}?")

    with failures_told():
        packaged = package_stage(PROJECT, _build_folder(stage), stage)
        outputs = deploy_stack(client, packaged, stack_name(stage), parameters, confirm=agreed)
    _print_outputs(outputs)


@app.command()
def destroy(stage: Stage = "dev", yes: Yes = False) -> None:  # noqa: FBT002
    """Take the stack down: show what goes and what stays, ask, and delete.

    The bucket with the photos and the table with the records stay in the account until you delete them yourself; a
    later deployment makes new ones. The artifact bucket stays too: other stages share it.
    """

    def agreed(farewell: Farewell) -> bool:
        out.print(_farewell_table(farewell))
        return yes or typer.confirm(f"Delete {farewell.stack_name}?")

    with failures_told():
        farewell = destroy_stack(client("cloudformation"), stack_name(stage), agreed)
    for resource in farewell.kept:
        out.print(f"kept: {resource.type} {resource.physical_name}")


@app.command()
def status(
    stage: Stage = "dev",
    site: AnySite = None,
    url: Annotated[str | None, typer.Option("--url", envvar="URL", help="With --site: the API's base address.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", envvar="TOKEN", show_default=False, help="With --site: a caller's token.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show how a stage is doing, or with --site how a site is. Exit code 1 when something needs attention.

    Example: python -m ops status --stage prod

    Of a stage: the stack's state and addresses, what waits in its queues, and which alarms ring. Of a site, over the
    API (python -m ops status --site FRA1): what waits for people, the last day's figures, and dead letters.
    """
    if site is not None:
        if not url or not token:
            raise typer.BadParameter("--site is asked over the API: give --url and --token, or set URL and TOKEN")
        site_status(site, url.rstrip("/"), token, as_json=as_json)
    with failures_told():
        now = status_of(client, stack_name(stage))
    if as_json:
        out.print_json(json.dumps({**asdict(now), "is_well": now.is_well}))
        raise typer.Exit(0 if now.is_well else FAILED)
    _print_outputs(now.outputs)
    out.print(f"stack: {now.stack_status}")
    for queue, count in now.waiting.items():
        out.print(f"{queue}: {count}")
    out.print(f"alarms: {', '.join(now.alarms) or 'none'}")
    raise typer.Exit(0 if now.is_well else FAILED)


@app.command()
def reindex(stage: Stage = "dev") -> None:
    """Write bins and statements of earlier releases anew, so that they stand in the lists that came since.

    Reads the whole table once. May be repeated at will; what is as it should be is not written.
    """
    with failures_told():
        outputs = outputs_of(client("cloudformation"), stack_name(stage))
        done = rewrite(client("dynamodb"), outputs["TableName"])
    out.print(f"{done.written} of {done.seen} items written anew")


@letters_app.command("list")
def list_letters(stage: Stage = "dev", as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the messages: which photos, why, how often tried, since when. They stay where they are."""
    with failures_told():
        outputs = outputs_of(client("cloudformation"), stack_name(stage))
        letters = dead_letters(client("sqs"), outputs["DeadLettersUrl"])
    _print_letters(letters, as_json=as_json)


@app.command()
@letters_app.command()
def redrive(
    stage: Stage = "dev",
    message_id: Annotated[
        list[str] | None, typer.Option("--id", help="Only this message, as `list` names it; repeatable.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Send messages back to the inbox, all or those named by --id, to be tried again.

    Example: python -m ops redrive --stage prod

    Mend first what the reasons tell. A message is deleted only after it has been sent, and a photo that had been
    recorded after all is not recorded twice, so this may be repeated at will.
    """
    with failures_told():
        outputs = outputs_of(client("cloudformation"), stack_name(stage))
        letters = send_back(client("sqs"), outputs["DeadLettersUrl"], outputs["InboxUrl"], message_id)
    _print_letters(letters, as_json=as_json)
    missing = set(message_id or ()) - {letter.message_id for letter in letters}
    if missing:
        err.print(f"no such dead letter: {', '.join(sorted(missing))}")
        raise typer.Exit(FAILED)


def _build_folder(stage: str) -> Path:
    return PROJECT / "build" / stage


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text}: write NAME=VALUE")
    return name, value


def _change_table(summary: ChangeSummary) -> Table:
    table = Table("change", "resource", "type", "replaced", title=f"What will change in {summary.stack_name}")
    for change in summary.changes:
        replaced = {"True": "yes", "Conditional": "perhaps"}.get(change.replacement, "")
        table.add_row(change.action, change.name, change.type, replaced)
    return table


def _farewell_table(farewell: Farewell) -> Table:
    table = Table("", "resource", "type", "name", title=f"What becomes of {farewell.stack_name}")
    for fate, resources in (("deleted", farewell.deleted), ("kept", farewell.kept)):
        for resource in resources:
            table.add_row(fate, resource.name, resource.type, resource.physical_name)
    return table


def _print_outputs(outputs: dict[str, str]) -> None:
    for name, value in sorted(outputs.items()):
        out.print(f"{name}: {value}", soft_wrap=True, highlight=False, markup=False)


def _print_letters(letters: Iterable[DeadLetter], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps([_as_json(letter) for letter in letters]))
        return
    table = Table("id", "photos", "reason", "tries", "since")
    for letter in letters:
        photos = "\n".join(letter.photos) or "none: not an S3 event"
        since = f"{letter.sent_at:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(letter.message_id, escape(photos), escape(letter.reason), str(letter.receives), since)
    out.print(table)


def _as_json(letter: DeadLetter) -> dict[str, object]:
    fields = {**asdict(letter), "sent_at": letter.sent_at.isoformat()}
    # The receipt is of no use to anybody else, and the body is long.
    return {name: value for name, value in fields.items() if name not in {"receipt", "body"}}


if __name__ == "__main__":
    app(prog_name="python -m ops")
