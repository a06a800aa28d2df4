"""`package`: from finished runs to the released model."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands.tables import show_scores
from training.data_card_text import Source
from training.progress import on_terminal

if TYPE_CHECKING:
    from training.run import Run


def package(  # noqa: PLR0913 - one parameter per option
    *,
    run: Annotated[
        list[Path],
        typer.Option(help="Folder of a finished run; repeat it, and the networks answer together.", exists=True),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the released model.")],
    data: Annotated[
        Path | None, typer.Option(help="Data folder, where it is not where the run found it.", exists=True)
    ] = None,
    feedback: Annotated[
        list[Path] | None,
        typer.Option(help="Exported feedback that it learnt from, likewise; repeated as for the run.", exists=True),
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Cache, where the run's is of no use here.")] = None,
    archive: Annotated[
        Path | None, typer.Option(help="Also write the release as one file, model.tar.gz, as SageMaker takes it.")
    ] = None,
    source: Annotated[
        Source, typer.Option(help="Whose photos it learnt from: the card states their licence.")
    ] = Source.ABID,
    eight_bits: Annotated[
        bool,
        typer.Option("--eight-bits", help="Calculate in 8-bit integers: faster, and a little off; the card tells."),
    ] = False,
    one_view: Annotated[
        bool,
        typer.Option("--one-view", help="Look at the photo alone, not in the mirror as well: half the time."),
    ] = False,
    version: Annotated[str, typer.Option(help="What the endpoint calls it, after the name.")] = "1",
) -> None:
    """Calibrate, export and test finished runs, and write the released model with its card.

    Several runs make one model: the mean of their networks' logits, at the cost of all. `ensemble` tells what that
    gains. A run that came from another machine needs the same photos here: say where with --data, --feedback and
    --cache.
    """
    from training.endpoint.package import packed
    from training.package import package as released
    from training.run import Run

    metrics = released(
        [_here(Run.recorded(folder), data, feedback, cache) for folder in run],
        out,
        version,
        datetime.now(UTC),
        source=source,
        eight_bits=eight_bits,
        mirrored=not one_view,
        progress=on_terminal,
    )
    for photos, scores in metrics.items():
        show_scores(scores, photos)
    if archive is not None:
        archive.write_bytes(packed(out).archive.body)


def _here(run: "Run", data: Path | None, feedback: list[Path] | None, cache: Path | None) -> "Run":
    """Say where a run finds its photos on this machine."""
    return replace(
        run,
        data=data or run.data,
        feedback=tuple(feedback or run.feedback),
        cache=cache or run.cache,
    )
