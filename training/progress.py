"""Progress bars, without the code that makes progress knowing what a terminal is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

Progress = Callable[[int, str], AbstractContextManager[Callable[[], None]]]
"""Opens a bar of so many steps under a label; what it yields is called after each step."""


@contextmanager
def silent(_total: int, _label: str) -> Iterator[Callable[[], None]]:
    """Show nothing: for tests and for callers without a reader."""
    yield lambda: None


@contextmanager
def on_terminal(total: int, label: str) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error where that is a terminal, and nothing in a log file."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


class _RateColumn(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.3g}/s")
