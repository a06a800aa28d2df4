"""What operators found in bins, exported as photos with their truth: new labels, for training alone.

    said       what the API tells that people said of bins
    truths     which of it stands, and of which photo it is true
    api        the API, as one small interface, and the adapter that asks it
    records    what is written down of a labelled photo, and of what was left out
    exporting  the loop: what stands is brought into a data folder, checked, and what no longer stands leaves it
    taking     which photos of such folders a training run may learn from

Nothing that an operator said is lost: each resolution and each reopening is either the truth of an exported photo or
a line of `left-out.jsonl` with the reason why it is not.
"""

from training.feedback.api import Api, HttpApi
from training.feedback.exporting import Choice, Summary, export
from training.feedback.said import Names
from training.feedback.truths import Which

__all__ = ["Api", "Choice", "HttpApi", "Names", "Summary", "Which", "export"]
