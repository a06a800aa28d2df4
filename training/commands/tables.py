"""Figures as tables on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from training.scores import Scores


def table(title: str, *columns: str) -> Table:
    """Make an empty table of right-aligned columns."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right")
    return made


def show_scores(scores: Sequence[Scores], photos: str) -> None:
    """Print the figures: one line per protocol, then one line per class of the first."""
    whole = table(photos, "protocol", "n", "accuracy", "loss", "RMSE", "ECE")
    for s in scores:
        whole.add_row(
            s.protocol,
            str(s.n),
            f"{s.accuracy:.4f} ± {s.accuracy_standard_error:.4f}",
            f"{s.loss:.4f} ± {s.loss_standard_error:.4f}",
            f"{s.rmse:.3f}",
            f"{s.ece:.3f}",
        )
    classes = table(f"per class, {scores[0].protocol}", "count", "precision", "recall", "F1")
    for name, one in scores[0].per_class.items():
        classes.add_row(name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}")
    Console().print(whole, classes)
