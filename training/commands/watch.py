"""`watch`: whether what the endpoint sees and says is still what its model was made for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from training.commands.tables import table

if TYPE_CHECKING:
    from training.watch.captured import Span
    from training.watch.report import Report
    from training.watch.review import Share
    from training.watch.window import Window


def watch(  # noqa: PLR0913 - one parameter per option
    captured: Annotated[str, typer.Option(help="Where capture writes: a folder or s3://bucket/prefix.")],
    model: Annotated[Path, typer.Option(help="The model that serves: folder or model.tar.gz.", exists=True)],
    *,
    since: Annotated[str | None, typer.Option(help="From when on: a time, or 90m, 24h, 7d ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, likewise.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Another baseline than the model's own, as of your own traffic.", exists=True)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for watch.md, watch.html, watch.json and their picture.")
    ] = None,
    limit: Annotated[float, typer.Option(help="Index from which on a difference matters.", min=0.0)] = 0.25,
    false_alarms: Annotated[
        float, typer.Option(help="Share of reports that may ring though nothing has drifted.", min=0.0001, max=0.5)
    ] = 0.01,
    stack: Annotated[
        str | None, typer.Option(help="The app's stack: adds the share of photos left to a person, from its metrics.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Send the figures to CloudWatch.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    r"""Compare captured photos and answers with the model's baseline: brightness, size, confidence, mix of counts.

    A measure has drifted where its population stability index is above what matters and above what chance gives so few
    photos. That the bins hold other counts than before is told apart. Exit code 1 where something has drifted, or could
    not be found out; 0 where nothing has, or there were too few photos to tell.

        python -m training watch --captured s3://models/bincheck/endpoint/captured/bin-counter/champion \
          --model models/bin-counter --since 24h --publish
    """
    from training.watch.baseline import read
    from training.watch.captured import captured_at
    from training.watch.captured import span as span_of
    from training.watch.drift import Rule
    from training.watch.report import compare
    from training.watch.window import gathered

    now = datetime.now(UTC)
    known, span = read(model, baseline), span_of(since, until, now)
    window = gathered(captured_at(captured, lambda: _client("s3")), span, known.model, known.size)
    share = _share(stack, span, window, now) if stack else None
    report = compare(known, window, Rule(limit, false_alarms), share)
    written = _written(report, out) if out else None
    sent = _published(report, now) if publish else None
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _show(report)
        for line in (f"{written} and its HTML written" if written else "", sent):
            if line:
                print(line)
    raise typer.Exit(1 if report.drifted else 0)


def _share(stack: str, span: "Span", window: "Window", now: datetime) -> "Share | None":
    """Ask for the verdicts of the span, or of the photos' own time where it is open."""
    from training.watch.review import share_of

    since, until = span.since or window.first, span.until or now
    return None if since is None else share_of(_client("cloudwatch"), stack, since, until, now)


def _written(report: "Report", out: Path) -> Path:
    from training.watch.page import write

    return write(report, out)


def _published(report: "Report", now: datetime) -> str:
    from training.watch.metrics import publish

    if not len(report.window):
        return "nothing published: there is no photo"
    endpoint, variant = publish(_client("cloudwatch"), report, now)
    return f"published for {endpoint}/{variant}"


def _show(report: "Report") -> None:
    from training.watch.report import ADVICE
    from training.watch.summary import HEAD, passed_over, reviewed, rows, stretch

    print(f"{stretch(report)}\nbaseline of {report.model}: {report.baseline}")
    measures = table("measures", "", *HEAD)
    for row in rows(report):
        measures.add_row(*row)
    Console().print(measures)
    print("; ".join(f"{what}: {number}" for what, number in passed_over(report)))
    if report.unwatched:
        print(f"not in the baseline: {', '.join(report.unwatched)}")
    if report.review:
        print(reviewed(report.review))
    print(f"{report.verdict}. {ADVICE[report.verdict]}")


def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)
