"""`deploy`: the endpoint on SageMaker. Makes the clients, asks, prints; all else is in `training.endpoint`."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from training.commands.tables import table

if TYPE_CHECKING:
    from training.endpoint.account import Farewell, Status, Watch
    from training.endpoint.config import EndpointConfig
    from training.endpoint.plan import Plan
    from training.endpoint.requests import Desired

DECLINED: Final = 3

deploy = typer.Typer(name="deploy", invoke_without_command=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="What the endpoint is (default: endpoint.toml).", exists=True, dir_okay=False),
]
Yes = Annotated[bool, typer.Option("--yes", help="Go ahead without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the requests and the price, and stop.")]


@deploy.callback()
def bring(
    context: typer.Context,
    config: ConfigFile = None,
    *,
    all_at_once: Annotated[
        bool,
        typer.Option("--all-at-once", help="No canary, and no way back by itself: when alarms ring already."),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Deploy the released model as a SageMaker endpoint.

    Makes it what its config file says: shows what will change and what it costs, asks, changes it, waits.

    Begin with a copy of training/endpoint/endpoint.example.toml and `deploy check`, which needs no account;
    docs/endpoint.md goes through it. What is as wanted already stays untouched, so this may be run again at any time.
    Never run on AWS so far: requests were validated against botocore's description of the services and run against
    an emulation of them. Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong usage; 3 you said no.

        python -m training deploy --config endpoint.toml
        python -m training deploy status --config endpoint.toml
        python -m training deploy query photo.jpg --config endpoint.toml
        python -m training deploy rollback --config endpoint.toml
    """
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    from training.endpoint.account import carry_out, look
    from training.endpoint.plan import plan

    desired = _desired(_loaded(context, config))
    clients = _clients(desired.config)
    planned = plan(desired, look(clients, desired), guarded=not all_at_once)
    _show_plan(desired, planned, dry_run=dry_run)
    _hold_to_budget(desired.config)
    if dry_run or not planned.steps:
        return
    _agree(f"Change {desired.config.endpoint.name}?", yes=yes)
    carry_out(clients, desired.config, planned, _watch())
    print(planned.held or f"{desired.config.endpoint.name} is as its config says")


@deploy.command()
def check(context: typer.Context, config: ConfigFile = None) -> None:
    """Check the config, and hold what a first deployment would send against AWS's rules. Needs no account."""
    from training.endpoint.plan import State, plan

    desired = _desired(_loaded(context, config))
    _show_plan(desired, plan(desired, State()), dry_run=False)
    _hold_to_budget(desired.config)


@deploy.command()
def status(
    context: typer.Context,
    config: ConfigFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what serves, with how many instances, what failed last, and which alarms ring.

    Exit code 1 when something needs attention.
    """
    from training.endpoint.account import status_of

    loaded = _loaded(context, config)
    now = status_of(_clients(loaded), loaded)
    if as_json:
        print(json.dumps(asdict(now), indent=1))
    else:
        _show_status(now)
    raise typer.Exit(0 if now.is_well else 1)


@deploy.command()
def query(
    context: typer.Context,
    photos: Annotated[list[Path], typer.Argument(help="JPEG or PNG files.")],
    config: ConfigFile = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for an asynchronous answer.")] = 600.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print each answer in full, one line of JSON each.")] = False,
) -> None:
    """Send photos to the endpoint and print how many items it counts, and how sure it is.

    Exit code 1 when a photo got no answer; the others are answered all the same.
    """
    from training.endpoint.query import ask, probability
    from training.errors import NoAnswerError

    loaded, failed = _loaded(context, config), False
    clients = _clients(loaded)
    for photo in photos:
        try:
            answer = ask(clients, loaded, photo, _watch(every=2.0), patience)
        except NoAnswerError as problem:
            failed = True
            typer.echo(f"{problem}", err=True)
            continue
        if as_json:
            print(json.dumps({"photo": str(photo), **answer}))
        else:
            print(f"{photo}: {answer['prediction']} ({probability(answer):.0%}, {answer['model']})")
    raise typer.Exit(1 if failed else 0)


@deploy.command()
def rollback(
    context: typer.Context,
    config: ConfigFile = None,
    to: Annotated[str | None, typer.Option(help="A configuration; without it, the one before the last change.")] = None,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Bring back what served before the last change, at once. Run it again and you are where you were.

    The config file stays what it is: put the older package back into it, or the next `deploy` changes forward again.
    """
    from training.aws_requests import validate
    from training.endpoint.account import roll_back, rollback_request

    loaded = _loaded(context, config)
    clients = _clients(loaded)
    request = rollback_request(clients, loaded, to)
    validate("UpdateEndpoint", request)
    if dry_run:
        print(json.dumps(request, indent=1))
        return
    _agree(f"Bring {loaded.endpoint.name} back to {request['EndpointConfigName']}?", yes=yes)
    roll_back(clients, loaded, request, _watch())
    print(f"{loaded.endpoint.name} serves {request['EndpointConfigName']}")


@deploy.command()
def destroy(context: typer.Context, config: ConfigFile = None, *, yes: Yes = False) -> None:
    """Take the endpoint down: endpoint, configurations, models, alarms, scaling. Shows them and asks.

    The registry with its versions and the bucket with packages and captured photos stay; nothing bills by the hour.
    """
    from training.endpoint.account import destroy as take_down
    from training.endpoint.account import farewell

    loaded = _loaded(context, config)
    clients = _clients(loaded)
    gone = farewell(clients, loaded)
    if not gone:
        print(f"there is nothing of {loaded.endpoint.name}")
        return
    _show_farewell(gone)
    _agree(f"Delete {loaded.endpoint.name}?", yes=yes)
    take_down(clients, loaded, gone, _watch())
    print(f"{loaded.endpoint.name} is gone; the registry {loaded.endpoint.registry} and {loaded.place('')} stay")


def _loaded(context: typer.Context, config: Path | None) -> "EndpointConfig":
    """Load the file named after the command, before it, or by default."""
    from training.endpoint.config import load

    return load(config or context.obj or Path("endpoint.toml"))


def _desired(config: "EndpointConfig") -> "Desired":
    from training.endpoint.package import packed
    from training.endpoint.requests import Desired

    challenger = packed(Path(config.shadow.package)) if config.shadow else None
    return Desired(config, packed(Path(config.endpoint.package)), challenger)


def _show_plan(desired: "Desired", planned: "Plan", *, dry_run: bool) -> None:
    from training.endpoint.costs import price
    from training.endpoint.plan import shown

    if not planned.steps and not planned.held:
        print(f"{desired.config.endpoint.name} is as its config says; nothing to do")
    for step in planned.steps:
        print(shown(step) if dry_run else f"- {step.what}")
    for remark in (planned.held, planned.note):
        if remark:
            print(remark)
    print(price(desired.config))


def _hold_to_budget(config: "EndpointConfig") -> None:
    from training.endpoint.costs import hold_to_budget, price

    hold_to_budget(price(config), config.cost.max_usd_per_month)


def _show_status(now: "Status") -> None:
    print(f"{now.name}: {now.status}, {now.mode}, {now.configuration}")
    shown = table("variants", "variant", "model", "approval", "weight", "instances", "doing")
    for one in now.variants:
        instances = "" if one.instances is None else f"{one.instances} of {one.desired_instances}"
        weight = "" if one.weight is None else f"{one.weight:g}"
        shown.add_row(one.name, escape(one.model), one.approval, weight, instances, one.status)
    Console().print(shown)
    if now.scaling:
        print(f"scales from {now.scaling[0]} to {now.scaling[1]} instances")
    print(f"before: {now.previous or 'nothing to go back to'}")
    if now.last_failure:
        print(f"last failure: {now.last_failure}")
    print(f"alarms: {', '.join(now.ringing) or 'none'}")


def _show_farewell(gone: "Farewell") -> None:
    for what, names in (
        ("endpoint", (gone.endpoint,) if gone.endpoint else ()),
        ("endpoint configuration", gone.configurations),
        ("model", gone.models),
        ("alarm", gone.alarms),
    ):
        for name in names:
            print(f"- delete {what} {name}")
    if gone.scaled:
        print("- end scaling")


def _agree(question: str, *, yes: bool) -> None:
    if not (yes or typer.confirm(question)):
        raise typer.Exit(DECLINED)


def _watch(every: float = 15.0) -> "Watch":
    from training.endpoint.account import Watch

    return Watch(print, time.sleep, every)


def _clients(config: "EndpointConfig") -> Callable[[str], Any]:
    import boto3

    @cache
    def client(service: str) -> Any:
        return boto3.client(service, region_name=config.aws.region)

    return client
