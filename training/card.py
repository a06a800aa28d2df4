"""The model card: what a person should know before relying on the model, from the facts in its model.json."""

from typing import Any, Final

from training.data_card_text import Source
from training.knobs import Knobs, as_options
from training.released import networks_of

PUBLISHED: Final = {"accuracy": 0.3584, "loss": 1.4073}
"""The run to beat by the seed's protocol: five classes, 10,441 photos, 20 epochs after a hyperparameter search."""

_CARD: Final = """\
# {name} {version}

Counts the items in a photo of a warehouse bin: a probability for each of {classes}.

## Licence and data

{licence}

{networks}{precision}

Beside the real photos it learnt from {drawn} drawn ones (`python -m training draw`), so that it also counts in
the demo's bins. Each figure below is for one kind only.

## Splits

Bins that share an ASIN are on one side of the split (`training/split.py`); stratified by count. Drawn bins come
from separate seeds. Photos per class:

{splits}

{feedback}Training used the train rows, calibration the real-calibration row, choices the validation rows; the test rows
serve for this card alone.

## Results

{results}

n counts the photos whose truth takes part. Protocol `seed` takes photos whose truth is 1 to 5, the distribution
restricted to 1 to 5 and renormalised; `zero-to-five` adds the empty bin; `all` is every photo and all seven classes.
Loss is the mean negative log probability in nats; RMSE is of the most probable class against the truth (`6+` as 6);
ECE has 15 equal-width bins. ± is one standard error. The published run was measured on a test split of its own: a
mark to compare with, not a paired comparison.

By the seed's protocol on real-test, per class:

{per_class}

## Probabilities

Calibrated by {method}, fitted on {calibration_n} photos of real-calibration. By cross-validation within that split, the
loss, and what each method gains over a temperature alone (± one standard error over groups that share goods):

{calibrations}

{drawn_temperature}`prior` in model.json is the class mix of real-train, to which the stratified real-calibration split
corresponds: {prior}. To use another mix, divide by it, multiply by yours and
renormalise.

## Intended use and limits

For finding bins whose content may differ from the consignment, with a person to look at what it flags. It is
wrong on its exact count more often than right above one item: use its probabilities, not its first choice.
Labels are what an inventory system believed; a few are wrong, and goods hidden behind goods cannot be counted by
anyone. It knows one kind of fabric bin under one kind of camera: on other shelves, cameras or light its figures do
not hold. It cannot tell which goods are in the bin, and says nothing about people.

## Making it again

{trainings}
    python -m training package{runs} --out models/{name} --version {version}{packaging}
    python -m training evaluate --model models/{name} --data $DATA --protocol seed

DATA is a folder with `bin-images/` and `metadata/` in the layout of the public bucket `aft-vbi-pds`, WEIGHTS a state
dict of the backbone (leave the option out and torchvision downloads its own), {folders}; a teacher is the folder
of a run or of an earlier release. The photos and their
split have the manifest hash `{manifest}`. Threads and
hardware change the last digits.
"""


_LICENCE: Final = {
    Source.ABID: """\
Trained on photos of the Amazon Bin Image Dataset (Amazon, DOI 10.60489/roda.fgtusx), licensed under
[CC BY-NC-SA 3.0 US](https://creativecommons.org/licenses/by-nc-sa/3.0/us/). The weights derive from those photos
and are passed on under the same terms: attribution, **no commercial use**, share alike. Before commercial use,
train on photos of your own; the code (Apache-2.0) is free for that. No photo of the data set is contained here.""",
    Source.DRAWN: """\
Trained on drawn bins alone (`python -m training draw`), photos of nothing. The weights stand under the terms of what
they started from.""",
    Source.OWN: """\
Trained on photos of the user's own: whoever passes the weights on states their terms here, which follow from those of
the photos and of the weights that training started from.""",
}


def model_card(facts: dict[str, Any]) -> str:
    """Write the card in Markdown, from the content of model.json."""
    networks = networks_of(facts)
    runs = ["$RUN"] if len(networks) == 1 else [f"$RUN{number}" for number, _ in enumerate(networks, start=1)]
    calibrated = facts["calibration"]
    return _CARD.format(
        name=facts["name"],
        version=facts["version"],
        licence=_LICENCE[Source(facts["data"]["source"])],
        classes=", ".join(facts["classes"]),
        networks=_networks(networks),
        precision=_precision(facts),
        drawn=networks[0]["hyperparameters"]["drawn"],
        splits=_table(
            ["", *facts["classes"], "all"],
            [[name, *counts, sum(counts)] for name, counts in facts["data"]["classes_per_split"].items()],
        ),
        results=_results(facts["metrics"]),
        per_class=_per_class(facts["metrics"]["real-test"]["seed"]["per_class"]),
        feedback=_feedback(facts["data"].get("feedback")),
        trainings="\n".join(
            _training(network, run, with_feedback="feedback" in facts["data"])
            for network, run in zip(networks, runs, strict=True)
        ),
        folders="RUN a new folder" if len(runs) == 1 else f"{', '.join(run[1:] for run in runs)} new folders",
        runs="".join(f" --run {run}" for run in runs),
        method=calibrated["method"],
        calibration_n=calibrated["n"],
        calibrations=_calibrations(calibrated["compared"]),
        drawn_temperature=_drawn_temperature(calibrated),
        prior=", ".join(f"{share:.3f}" for share in facts["prior"]),
        manifest=facts["data"]["manifest_sha256"],
        packaging=_packaging(facts, networks),
    )


def _networks(networks: list[dict[str, Any]]) -> str:
    """Say what each network is and came from."""
    if len(networks) == 1:
        return f"The network is {_network(networks[0])}"
    told = [f"- `{network['weights']}` is {_network(network)}" for network in networks]
    return "\n".join([f"{len(networks)} networks look at each photo, and their logits are averaged:", "", *told])


def _network(network: dict[str, Any]) -> str:
    teachers = " and ".join(network["teachers"])
    teaching, enlarge = network["hyperparameters"]["teaching"], network["viewing"]["enlarge"]
    told = [
        f"a `{network['hyperparameters']['architecture']}`, fine-tuned whole from: {network['backbone_source']}.",
        f"It sees photos enlarged by {enlarge:g}." if enlarge != 1 else "",
        f"{teaching:.0%} of each target came from {teachers}, trained on the same photos." if teachers else "",
        f"Its weights are the mean of {network['averaged']} runs." if network["averaged"] > 1 else "",
    ]
    return " ".join(sentence for sentence in told if sentence)


def _training(network: dict[str, Any], run: str, *, with_feedback: bool) -> str:
    """Spell the command that a network was trained with."""
    feedback = " --feedback $FEEDBACK" if with_feedback else ""
    options = as_options(network["hyperparameters"], Knobs())
    teachers = "".join(f" --teacher {teacher}" for teacher in network["teachers"])
    data = f"--data $DATA{feedback} --backbone-weights $WEIGHTS"
    return f"    python -m training train {data} --out {run}{options}{teachers}"


def _results(metrics: dict[str, Any]) -> str:
    rows: list[list[Any]] = [
        [
            part,
            protocol,
            scores["n"],
            f"{scores['accuracy']:.4f} ± {scores['accuracy_standard_error']:.4f}",
            f"{scores['loss']:.4f} ± {scores['loss_standard_error']:.4f}",
            f"{scores['rmse']:.3f}",
            f"{scores['ece']:.3f}",
        ]
        for part, protocols in metrics.items()
        for protocol, scores in protocols.items()
    ]
    published = ["published run", "seed", "", f"{PUBLISHED['accuracy']:.4f}", f"{PUBLISHED['loss']:.4f}", "", ""]
    return _table(["photos", "protocol", "n", "accuracy", "loss", "RMSE", "ECE"], [*rows, published])


def _per_class(per_class: dict[str, dict[str, float]]) -> str:
    rows = [[name, *(f"{scores[k]:.2f}" for k in ("precision", "recall", "f1"))] for name, scores in per_class.items()]
    return _table(["count", "precision", "recall", "F1"], rows)


def _drawn_temperature(calibrated: dict[str, Any]) -> str:
    if "drawn_temperature" not in calibrated:
        return ""
    return f"Drawn photos alone would ask for a temperature of {calibrated['drawn_temperature']:.3f}. "


def _calibrations(compared: list[dict[str, Any]]) -> str:
    rows = [
        [
            one["method"],
            f"{one['loss']:.4f} ± {one['loss_error']:.4f}",
            f"{one['gain']:.4f} ± {one['gain_error']:.4f}",
        ]
        for one in compared
    ]
    return _table(["method", "loss", "gain"], rows)


def _packaging(facts: dict[str, Any], networks: list[dict[str, Any]]) -> str:
    """Give the options of `package` with which it was made."""
    eight_bits = " --eight-bits" if "quantisation" in facts else ""
    return eight_bits if networks[0]["viewing"]["mirrored"] else f"{eight_bits} --one-view"


def _feedback(feedback: dict[str, Any] | None) -> str:
    """Tell what operators' labels it has learnt from, and how these differ from the others."""
    if feedback is None:
        return ""
    asked = ", ".join(f"{number} by {asked}" for asked, number in feedback["asked"].items())
    left_out = ", ".join(f"{number}: {why}" for why, number in feedback["left_out"].items())
    return (
        f"feedback-train are {feedback['photos']} photos of bins that operators resolved, with the count that they"
        f" found; they took part in training\nalone. They are no random sample: what made somebody look was"
        f" {asked or 'nothing'}. Left out of it were {left_out or 'none'}.\nOf {feedback['goods_unknown']} the"
        " consignment named no goods, so that nobody can tell whether some show goods that are held out.\n\n"
    )


def _precision(facts: dict[str, Any]) -> str:
    if "quantisation" not in facts:
        return ""
    changed = facts["quantisation"]
    (accuracy, accuracy_8), (loss, loss_8) = changed["seed_accuracy"], changed["seed_loss"]
    return (
        f"\n\nIts convolutions calculate in 8-bit integers, with ranges from {changed['photos']} training photos. On"
        f" the validation photos that changes a probability\nby {changed['mean_change']:.4f} in the mean and"
        f" {changed['largest_change']:.3f} at most, seed accuracy from {accuracy:.4f} to {accuracy_8:.4f} and loss from"
        f" {loss:.4f} to {loss_8:.4f}."
    )


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
