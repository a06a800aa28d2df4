"""A report in words and rows, for the terminal and for the page alike."""

import math
from typing import Final

from training.watch.drift import Finding, State
from training.watch.measures import BY_NAME, Kind
from training.watch.report import Report
from training.watch.review import Share

MARKS: Final = {State.DRIFTED: "DRIFTED", State.MIX: "explained by the mix", State.MOVED: "moved a little"}
"""What is said of a measure beyond that it is steady."""

HEAD: Final = ("PSI", "chance", "with the mix", "KS", "median before", "now", "")


def rows(report: Report) -> list[list[str]]:
    """Give a row for each measure, as HEAD says."""
    return [[name, *_row(name, one)] for name, one in report.findings.items()]


def _row(name: str, one: Finding) -> list[str]:
    before, now = one.median
    middles = ["", ""] if BY_NAME[name].kind is Kind.MIX else [_number(before), _number(now)]
    figures = [f"{value:.3f}" for value in (one.psi, one.chance, one.psi_of_mix, one.ks)]
    return [*figures, *middles, MARKS.get(one.state, one.state.value)]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def stretch(report: Report) -> str:
    """Say in a sentence what was watched."""
    window = report.window
    if not len(window):
        return "No photo that this model answered."
    whose = ", ".join("/".join(one).strip("/") or "an unnamed endpoint" for one in sorted(window.sources))
    return f"{len(window)} photos of {whose}, {window.first} to {window.last}."


def passed_over(report: Report) -> list[list[str]]:
    """Give a row for each reason for which a line was passed over, and one for all lines."""
    tally = report.window.tally
    found = [
        ("all", tally.lines),
        ("no exchange", tally.broken),
        ("of another time", tally.outside),
        ("without an answer", tally.unanswered),
        *((f"refused: {reason}", number) for reason, number in sorted(tally.refused.items())),
        *((f"answered by {model}", number) for model, number in sorted(tally.other_models.items())),
        ("photo does not decode here", tally.undecodable),
        ("photo seen before", tally.repeated),
    ]
    return [[what, str(number)] for what, number in found if number or what == "all"]


def reviewed(share: Share) -> str:
    """Say in a sentence how many photos were left to a person."""
    if not share.judged:
        return "The app counted no verdict in this time."
    now = f"{share.review} of {share.judged} judged photos went to review ({share.now:.1%})"
    if not share.judged_before:
        return f"{now}; as long a stretch before, none was judged."
    return (
        f"{now}; as long a stretch before, {share.review_before} of {share.judged_before} ({share.before:.1%}): "
        f"{share.standard_errors:+.1f} standard errors. It depends on the consignments too, and never rings."
    )
