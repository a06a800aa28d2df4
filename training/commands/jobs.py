"""`jobs`: the training stages on SageMaker. Makes the clients, asks, prints; all else is in `training.jobs`."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from training.commands.tables import table
from training.knobs import Knobs

if TYPE_CHECKING:
    from training.archive import Archive
    from training.jobs.config import JobsConfig
    from training.jobs.requests import Request
    from training.jobs.run import Training, Tuning

jobs = typer.Typer(
    name="jobs",
    no_args_is_help=True,
    help="Train and tune on SageMaker.\n\n"
    "Begin with a copy of training/jobs/jobs.example.toml and `jobs check`, which needs no account; docs/sagemaker.md "
    "goes through it. Nothing starts before it has said what it may cost and you have agreed. Never run on AWS so far: "
    "requests were validated against botocore's description of SageMaker and run against an emulation of it.",
)

ConfigFile = Annotated[
    Path, typer.Option("--config", help="Region, role, bucket, machines, limits.", exists=True, dir_okay=False)
]
JobName = Annotated[str, typer.Argument(help="The job's name, as `train` or `tune` printed it.")]
Label = Annotated[str, typer.Option(help="What the job's name begins with.")]
Best = Annotated[
    Path | None, typer.Option(help="Take the knobs of this best.json over the config's.", exists=True, dir_okay=False)
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="Take this knob over all others; repeatable.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the request and its price, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", help="Start without asking.")]
Follow = Annotated[bool, typer.Option("--follow", help="Stay, and print its log until it ends.")]


@jobs.command()
def check(config: ConfigFile) -> None:
    """Check the config, and hold what `train` and `tune` would send against SageMaker's rules.

    Needs no account and sends nothing. Whether the role, the bucket and your quotas exist shows only at the start.
    """
    from training.aws_requests import validate
    from training.jobs.config import load
    from training.jobs.costs import hold_to_budget, price
    from training.jobs.run import operation_of
    from training.jobs.source import bundle

    loaded, packed = load(config), bundle()
    print(f"image: {loaded.image_uri}")
    print(f"source: {packed.name}, {len(packed.body) / 1e3:.0f} kB")
    for request, trainings in (
        (_training_request(loaded, packed, "check", loaded.hyperparameters), 1),
        (_tuning_request(loaded, packed, "check", loaded.hyperparameters), loaded.tuning.trainings),
    ):
        validate(operation_of(request), request)
        cost = price(loaded, trainings)
        print(f"{operation_of(request)}: valid; {cost}")
        hold_to_budget(cost, loaded.cost.max_usd)


@jobs.command()
def train(  # noqa: PLR0913 - one parameter per option
    config: ConfigFile,
    *,
    best: Best = None,
    sets: Sets = None,
    label: Label = "bincheck",
    dry_run: DryRun = False,
    yes: Yes = False,
    follow: Follow = False,
) -> None:
    """Start a training job: `train` in AWS's image, on the photos in S3.

    Example: python -m training jobs train --config jobs.toml --best best.json --set epochs=20 --follow

    Leaves the run at s3://BUCKET/PREFIX/models/NAME/output/model.tar.gz; `fetch-model` brings it here.
    """
    from training.jobs.config import load
    from training.jobs.source import bundle

    loaded, packed = load(config), bundle()
    request = _training_request(loaded, packed, label, _knobs(loaded, best, sets))
    _start(loaded, packed, request, trainings=1, dry_run=dry_run, yes=yes, follow=follow)


@jobs.command()
def tune(  # noqa: PLR0913 - one parameter per option
    config: ConfigFile,
    *,
    sets: Sets = None,
    label: Label = "bincheck",
    dry_run: DryRun = False,
    yes: Yes = False,
    follow: Follow = False,
) -> None:
    """Start a tuning job: many trainings, their knobs chosen by SageMaker from the config's space.

    It makes val_all_loss small, as a training's last epoch reports it. `status` shows the table; `fetch-model` brings
    the best run, with a best.json for `train --best`.
    """
    from training.jobs.config import load
    from training.jobs.source import bundle

    loaded, packed = load(config), bundle()
    request = _tuning_request(loaded, packed, label, _knobs(loaded, None, sets))
    _start(loaded, packed, request, trainings=loaded.tuning.trainings, dry_run=dry_run, yes=yes, follow=follow)


@jobs.command()
def status(name: JobName, config: ConfigFile) -> None:
    """Show how far a job is, its figures, and why it failed if it did."""
    from training.jobs.config import load
    from training.jobs.run import status_of

    _show(status_of(_client("sagemaker", load(config)), name))


@jobs.command()
def logs(
    name: JobName,
    config: ConfigFile,
    *,
    follow: Follow = False,
) -> None:
    """Print a training's log: its metric lines, and the traceback where it failed."""
    from training.jobs.config import load
    from training.jobs.run import Log
    from training.jobs.run import follow as follow_job

    loaded = load(config)
    if follow:
        follow_job(_client("sagemaker", loaded), _client("logs", loaded), name, report=print, sleep=time.sleep)
        return
    for line in Log(_client("logs", loaded), name).news():
        print(line)


@jobs.command()
def stop(name: JobName, config: ConfigFile) -> None:
    """Ask a job to stop. Its last checkpoint and the model so far stay in S3; what ran until then is billed."""
    from training.jobs.config import load
    from training.jobs.run import stop as stop_job

    stop_job(_client("sagemaker", load(config)), name)
    print(f"{name} is stopping")


@jobs.command()
def fetch_model(
    name: JobName,
    config: ConfigFile,
    out: Annotated[Path, typer.Option(help="New folder for the run, as `package --run` takes it.")],
) -> None:
    """Bring the run that a training job left; of a tuning job the best one, with its table, plot and best.json."""
    from training.jobs.config import load
    from training.jobs.run import fetch_model as fetched

    loaded = load(config)
    training = fetched(_client("sagemaker", loaded), _client("s3", loaded), name, out)
    print(f"{training.name} is in {out}")


def _training_request(config: "JobsConfig", packed: "Archive", label: str, knobs: Mapping[str, Any]) -> "Request":
    from training.jobs.requests import job_name, training_request
    from training.jobs.run import source_address

    return training_request(config, job_name("train", label, _now()), source_address(config, packed), knobs)


def _tuning_request(config: "JobsConfig", packed: "Archive", label: str, knobs: Mapping[str, Any]) -> "Request":
    from training.jobs.requests import job_name, tuning_request
    from training.jobs.run import source_address
    from training.space import Space

    ranges = Space.load(config.tuning.space).parameter_ranges()
    return tuning_request(config, job_name("tune", label, _now()), source_address(config, packed), knobs, ranges)


def _start(  # noqa: PLR0913 - what the command line says
    config: "JobsConfig",
    packed: "Archive",
    request: "Request",
    *,
    trainings: int,
    dry_run: bool,
    yes: bool,
    follow: bool,
) -> None:
    from training.aws_requests import validate
    from training.jobs.costs import hold_to_budget, price
    from training.jobs.run import follow as follow_job
    from training.jobs.run import operation_of, submit

    validate(operation_of(request), request)
    cost = price(config, trainings)
    if dry_run:
        print(json.dumps(request, indent=1))
    print(cost)
    hold_to_budget(cost, config.cost.max_usd)
    name = request.get("TrainingJobName") or request["HyperParameterTuningJobName"]
    if dry_run or not (yes or typer.confirm(f"Start {name}?")):
        return
    sagemaker = _client("sagemaker", config)
    submit(_client("s3", config), sagemaker, config, packed, request)
    print(f"{name} has started")
    if follow:
        _show(follow_job(sagemaker, _client("logs", config), name, report=print, sleep=time.sleep))


def _knobs(config: "JobsConfig", best: Path | None, sets: list[str] | None) -> dict[str, Any]:
    """Give the knobs that the config, best.json and --set name, the later over the earlier, each with its type."""
    named = {**config.hyperparameters}
    if best:
        named |= json.loads(best.read_text(encoding="utf-8"))["knobs"]
    named |= dict(_assignment(text) for text in sets or [])
    typed = asdict(Knobs.of(named))
    return {name: typed[name] for name in named}


def _assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text}: write KNOB=VALUE")
    try:
        return name.replace("-", "_"), json.loads(value)
    except ValueError:
        return name.replace("-", "_"), value


def _show(job: "Training | Tuning") -> None:
    from training.jobs.run import Training

    if isinstance(job, Training):
        billed = f", {job.billed_seconds} s billed" if job.billed_seconds else ""
        print(f"{job.name}: {job.status}, {job.detail}{billed}")
        for name, value in job.metrics.items():
            print(f"  {name} {value:.4f}")
    else:
        print(f"{job.name}: {job.status}")
        shown = table(f"{len(job.trials)} trainings, best first", "training", "status", "val_all_loss", "knobs")
        for trial in job.trials:
            objective = "" if trial.objective is None else f"{trial.objective:.4f}"
            knobs = " ".join(f"{name}={value}" for name, value in trial.knobs.items())
            shown.add_row(escape(trial.name), trial.status, objective, escape(knobs))
        Console().print(shown)
    if job.failure:
        print(f"  {job.failure}")


def _client(service: str, config: "JobsConfig") -> Any:
    import boto3

    return boto3.client(service, region_name=config.aws.region)


def _now() -> datetime:
    return datetime.now(UTC)
