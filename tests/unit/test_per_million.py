"""What a million photos cost follows its formula, and the document says what the command says."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from training.__main__ import app
from training.commands.costs import as_markdown
from training.endpoint.per_million import (
    LOADS,
    Machines,
    Option,
    Work,
    batch,
    batch_instances,
    measured,
    options,
    recording,
)

if TYPE_CHECKING:
    from training.serving.model import CountModel

DOCUMENT = Path(__file__).parents[2] / "docs" / "backfill.md"
works = st.builds(Work, st.floats(0.001, 1.0), st.floats(1.0, 6000.0), st.floats(0.0, 1.0), st.floats(0.1, 1.0))


def named(work: Work, name: str) -> Option:
    (found,) = [one for one in options(work, Machines()) if one.name == name]
    return found


def test_the_document_has_the_table_that_the_command_prints() -> None:
    told = DOCUMENT.read_text(encoding="utf-8").partition("<!-- costs -->\n")[2].partition("\n<!-- /costs -->")[0]
    assert told == as_markdown(options(Work(), Machines()))


def test_the_document_states_the_measured_inputs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"{Work().core_seconds:g} s of one processor and {Work().kilobytes:g} KB" in text
    assert f"about {recording(10**6).usd:.0f} USD for a million photos" in text


@pytest.mark.parametrize("option", options(Work(), Machines()), ids=lambda option: option.name)
def test_the_figure_is_what_its_formula_comes_to(option: Option) -> None:
    assert option.usd == pytest.approx(value_of(option.formula), rel=0.01)


def value_of(formula: str) -> float:
    """Work a formula out as a reader would: its words and units dropped."""
    bare = re.sub(r"\(ml\.[\w.]+\)", "", formula.replace("photos", "1000000"))
    bare = re.sub(r"\b(s|GB|USD/h|USD|cores|starts|min|h to start and to go)(?=[ )]|$)", "", bare)
    assert re.fullmatch(r"[\d.e\-+*/() x]+", bare), bare
    return float(eval(bare.replace("x", "*")))  # noqa: S307 - our own text, of digits and signs alone


@given(works)
def test_the_busier_a_real_time_endpoint_the_less_a_photo_costs(work: Work) -> None:
    idle, busy = (named(work, f"real-time endpoint, {load:.0%} busy").usd for load in LOADS)
    assert busy < idle


@given(works, st.integers(1, 10**6), st.integers(1, 20))
def test_a_batch_costs_more_with_more_photos_and_with_more_jobs(work: Work, photos: int, jobs: int) -> None:
    usd = batch(photos, work, "ml.c6i.large", jobs=jobs).usd
    assert usd < batch(photos + 1000, work, "ml.c6i.large", jobs=jobs).usd
    assert usd < batch(photos, work, "ml.c6i.large", jobs=jobs + 1).usd


def test_no_photos_cost_nothing() -> None:
    assert batch(0, Work(), "ml.c6i.large", jobs=0).usd == 0
    assert recording(0).usd == 0


def test_every_batch_instance_is_one_that_sagemaker_knows() -> None:
    import botocore.session  # noqa: PLC0415

    known = botocore.session.get_session().get_service_model("sagemaker").shape_for("TransformInstanceType").enum
    assert set(batch_instances()) <= set(known)


def test_the_time_of_a_photo_is_the_median_of_the_threads_own_time() -> None:
    ticks = iter([0.0, 0.1, 1.0, 1.5, 2.0, 2.2])
    model = cast("CountModel", SimpleNamespace(warm_up=lambda: None, answer=lambda _: None))
    assert measured(model, [b"1", b"2", b"3"], lambda: next(ticks)) == pytest.approx(0.2)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["costs", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_the_command_prices_other_inputs() -> None:
    shown = run("--core-seconds", "0.1", "--kilobytes", "10", "--instance", "ml.c5.xlarge", "--markdown").stdout
    assert shown.strip() == as_markdown(options(Work(0.1, 10.0), Machines("ml.c5.xlarge")))


def test_the_command_knows_which_instances_have_a_price() -> None:
    result = run("--instance", "ml.x1.huge")
    assert result.exit_code == 2
    assert "ml.c6i.large" in result.output
