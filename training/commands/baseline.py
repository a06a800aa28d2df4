"""`baseline`: how a model's photos and answers used to be, for `watch`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.progress import on_terminal

if TYPE_CHECKING:
    from training.watch.baseline import Baseline


def baseline(  # noqa: PLR0913 - one parameter per option
    model: Annotated[Path, typer.Option(help="Released model: folder or model.tar.gz.", exists=True)],
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder that it was trained on; photos in originals/ are taken first.", exists=True),
    ] = None,
    *,
    captured: Annotated[
        str | None, typer.Option(help="Instead: captured traffic that is as it should be; a folder or s3:// address.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From when on: a time, or 90m, 24h, 7d ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, likewise.")] = None,
    out: Annotated[Path | None, typer.Option(help="File; without it, baseline.json in the model's folder.")] = None,
    seed: Annotated[int, typer.Option(help="The split's seed.")] = 1,
) -> None:
    """Write down how photos and answers are when all is well, as histograms: what `watch` compares with.

    From the training photos it becomes part of the released model, and `package` writes it of itself. From traffic of
    your own, once somebody has looked at it, it knows your cameras, and is sharper; it needs a file of its own.

        python -m training baseline --model models/bin-counter --data bins
        python -m training baseline --model models/bin-counter --captured s3://.../captured --since 7d --out ours.json
    """
    if (data is None) == (captured is None):
        raise typer.BadParameter("name either --data or --captured")
    if out is None and (captured is not None or not model.is_dir()):
        raise typer.BadParameter("--out is needed: what is made of traffic or for an archive is a file of its own")
    now = datetime.now(UTC)
    made = _of_photos(model, data, seed) if data is not None else _of_traffic(model, str(captured), since, until, now)
    file = out or model / "baseline.json"
    file.write_text(made.written() + "\n", encoding="utf-8")
    print(f"{file}: {made.model}, {made.made}")
    missing = _missing(made)
    if missing:
        print(f"no full-size photo was there, so {', '.join(missing)} will not be watched")


def _of_photos(model: Path, data: Path, seed: int) -> "Baseline":
    from training.records import read_folder
    from training.split import split
    from training.watch.make import ORIGINALS, of_training

    return of_training(model, split(read_folder(data), seed), data / ORIGINALS, on_terminal)


def _of_traffic(model: Path, address: str, since: str | None, until: str | None, now: datetime) -> "Baseline":
    from training.evaluate import load
    from training.watch.captured import captured_at, span
    from training.watch.make import of_traffic
    from training.watch.window import gathered

    facts = load(model).facts
    window = gathered(captured_at(address, _s3), span(since, until, now), f"{facts.name}/{facts.version}", facts.size)
    return of_traffic(model, window)


def _missing(made: "Baseline") -> list[str]:
    from training.watch.measures import NAMES

    return [name for name in NAMES if name not in made.references]


def _s3() -> Any:
    import boto3

    return boto3.client("s3")
