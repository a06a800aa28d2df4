"""`costs`: what counting a million photos costs, in each way of running the model server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from training.commands.tables import table

if TYPE_CHECKING:
    from training.endpoint.per_million import Machines, Option, Work

_PHOTOS: Final = 200
"""To measure with."""


def costs(  # noqa: PLR0913 - the inputs of the formula
    core_seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Processor seconds for one photo; without it, those measured for the docs."),
    ] = None,
    kilobytes: Annotated[float | None, typer.Option(min=0, help="Size of a photo.")] = None,
    instance: Annotated[str | None, typer.Option(help="Instance type of endpoints and jobs.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of JPEG files to measure with; drawn ones without it.", exists=True)
    ] = None,
    model: Annotated[Path, typer.Option(help="The released model to measure.")] = Path("models/bin-counter"),
    *,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the processor seconds on this machine.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as docs/backfill.md has it.")] = False,
) -> None:
    """Price a million photos: serverless, real-time at two loads, asynchronous, batch transform, Lambda.

    Each line has its formula. Prices are copies of public tables, dated, never compared with a bill: correct them in
    training/endpoint/prices.toml before you rely on them.

        python -m training costs
        python -m training costs --measure --photos folder/of/photos
        python -m training costs --core-seconds 0.02 --instance ml.c5.xlarge
    """
    from dataclasses import replace

    from training.endpoint.per_million import Machines, Work, batch_instances, options

    known = batch_instances()
    if instance is not None and instance not in known:
        raise typer.BadParameter(f"{instance}: training/endpoint/prices.toml has {', '.join(known)}")
    work, machines = Work(), Machines()
    if measure:
        core_seconds, kilobytes = _measured(model, photos)
    given = {"core_seconds": core_seconds, "kilobytes": kilobytes}
    work = replace(work, **{name: value for name, value in given.items() if value is not None})
    machines = replace(machines, instance=instance) if instance else machines
    priced = options(work, machines)
    print(as_markdown(priced)) if markdown else _show(priced, work, machines)


def as_markdown(priced: "tuple[Option, ...]") -> str:
    """Return the table as it stands in the documents."""
    lines = ["| option | USD for a million photos | formula |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {one.name} | {one.usd:.2f} | {one.formula} |" for one in priced)])


def _show(priced: "tuple[Option, ...]", work: "Work", machines: "Machines") -> None:
    from training.endpoint.per_million import MILLION, recording

    shown = table("A million photos", "option", "USD", "formula")
    shown.columns[0].justify = shown.columns[2].justify = "left"
    for one in priced:
        shown.add_row(one.name, f"{one.usd:.2f}", one.formula)
    shared = recording(MILLION)
    Console().print(
        f"{work.core_seconds:.4g} s of a processor and {work.kilobytes:.0f} KB for a photo, {machines.instance}", shown
    )
    Console().print(f"In every option: about {shared.usd:.2f} USD for recording: {shared.formula}")


def _measured(model: Path, folder: Path | None) -> tuple[float, float]:
    """Return the processor seconds for a photo, and its kilobytes, both medians."""
    from statistics import median

    from training.endpoint.per_million import measured
    from training.serving.model import CountModel

    files = _photos(folder)
    seconds = round(measured(CountModel.load(model), files), 4)
    return seconds, round(median(len(file) for file in files) / 1000, 1)


def _photos(folder: Path | None) -> list[bytes]:
    import tempfile

    from training.drawn import drawn_counts, write_bins

    if folder is not None:
        found = sorted(folder.glob("*.jpg"))[:_PHOTOS]
        if not found:
            raise typer.BadParameter(f"{folder} holds no *.jpg")
        return [file.read_bytes() for file in found]
    with tempfile.TemporaryDirectory() as drawn:
        write_bins(Path(drawn), drawn_counts(_PHOTOS // 4, 1), 1)
        return [file.read_bytes() for file in sorted(Path(drawn, "bin-images").glob("*.jpg"))]
