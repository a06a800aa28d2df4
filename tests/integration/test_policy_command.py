"""`python -m ops policy` as an operator types it, on a stack of the emulator that holds the table and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chalicelib.aws.bins import typed
from chalicelib.domain import Expectation
from chalicelib.feedback import Feedback
from chalicelib.feedback import with_rate as with_rate_learnt
from chalicelib.items import from_outcome
from chalicelib.items_people import feedback_key
from chalicelib.policy import DEFAULT
from chalicelib.site_policy import Rules, to_document
from ops.__main__ import app
from tests.examples import image_of, inspection_of, sure_of
from tests.policy_examples import document, group_named, with_rate
from tests.table import table_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from local.emulator import Emulator

    Run = Callable[..., Result]
    """Runs a command of `policy` for site FRA1; `answer` is typed when it asks."""

pytestmark = pytest.mark.integration

STACK = "bincheck-dev"
TEMPLATE = {
    "Resources": {"Bins": {"Type": "AWS::DynamoDB::Table", "Properties": table_shape()}},
    "Outputs": {"TableName": {"Value": {"Ref": "Bins"}}},
}


@pytest.fixture
def table_name(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    settings = {"AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**settings, "AWS_DEFAULT_REGION": "eu-central-1", "AWS_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    yield stack["Outputs"][0]["OutputValue"]
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


@pytest.fixture
def run(table_name: str) -> Run:  # noqa: ARG001
    def ops_policy(command: str, *arguments: str, answer: str | None = None) -> Result:
        given = ["policy", command, "--site", "FRA1", *arguments]
        return CliRunner().invoke(app, given, input=answer, env={"COLUMNS": "200", "NO_COLOR": "1"})

    return ops_policy


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    def write(content: dict[str, Any]) -> str:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps(content))
        return str(path)

    return write


def test_a_policy_is_shown_edited_set_and_shown_again(run: Run, file: Callable[..., str]) -> None:
    shown = told(run("show", "--document"))
    assert shown == to_document(Rules())
    shown["groups"].append(group_named("small-parts"))
    answer = told(run("set", file(shown), "--note", "small parts", "--yes", "--json"))
    assert (answer["changed"], answer["version"], answer["note"]) == (True, 1, "small parts")
    assert answer["author"].startswith("arn:aws:")
    assert [row["policy"] for row in answer["thresholds"]] == ["FRA1/1", "FRA1/1/small-parts"]
    assert told(run("show", "--document")) == shown
    assert "FRA1, version 1, made 2" in run("show").output
    assert "all others" in run("show").output


def test_the_thresholds_that_are_shown_follow_from_what_the_site_has_learnt(
    run: Run, emulator: Emulator, table_name: str
) -> None:
    as_set = told(run("show", "--json"))["thresholds"][0]["mismatch_rate"]
    resolved = {"rated": 400, "weight": 400, "weight_squared": 400, "weight_wrong": 80, "audit_bins": 40}
    sums = Feedback({name: Decimal(value) for name, value in resolved.items()})
    item = {**feedback_key("FRA1"), "type": "FEEDBACK", **sums.sums}
    emulator.client("dynamodb").put_item(TableName=table_name, Item=typed(item))
    learnt = with_rate_learnt(DEFAULT, sums).mismatch_rate
    assert learnt != as_set
    assert told(run("show", "--json"))["thresholds"][0]["mismatch_rate"] == pytest.approx(learnt)


def test_what_will_differ_is_shown_before_it_is_asked_and_no_means_no(run: Run, file: Callable[..., str]) -> None:
    refused = run("set", file(to_document(with_rate(0.05))), "--note", "why", answer="n\n")
    assert refused.exit_code == 3
    assert "default.mismatch_rate" in refused.output
    assert "alert_from of all others" in refused.output
    assert "Change the policy of FRA1?" in refused.output
    assert told(run("show", "--json"))["version"] == 0
    agreed = run("set", file(to_document(with_rate(0.05))), "--note", "why", answer="y\n")
    assert (agreed.exit_code, "version 1 is in force" in agreed.output) == (0, True)


def test_a_document_that_changes_nothing_makes_no_version(run: Run, file: Callable[..., str]) -> None:
    result = run("set", file(to_document(Rules())), "--note", "why")
    assert (result.exit_code, "nothing to change" in result.output) == (0, True)
    assert told(run("versions", "--json")) == []


def test_a_document_that_breaks_rules_is_refused_with_every_place(run: Run, file: Callable[..., str]) -> None:
    broken = document(groups=[group_named("a b")])
    broken["default"]["mismatch_rate"] = 2
    result = run("set", file(broken), "--note", "why", "--yes")
    assert result.exit_code == 1
    assert "default.mismatch_rate: " in result.output
    assert "groups[0].name: " in result.output


def test_versions_are_listed_newest_first_and_each_can_be_shown(run: Run, file: Callable[..., str]) -> None:
    for rate in (0.05, 0.1, 0.2):
        told(run("set", file(to_document(with_rate(rate))), "--note", f"rate {rate}", "--yes", "--json"))
    assert [entry["version"] for entry in told(run("versions", "--json", "--most", "2"))] == [3, 2]
    assert "rate 0.05" in run("versions").output
    assert told(run("show", "--version", "1", "--document")) == to_document(with_rate(0.05))
    first = told(run("show", "--version", "1", "--json"))
    assert (first["version"], first["note"], first["thresholds"][0]["policy"]) == (1, "rate 0.05", "FRA1/1")
    missing = run("show", "--version", "4")
    assert (missing.exit_code, "no version 4" in missing.output) == (1, True)


def test_a_replay_tells_what_would_have_happened_and_changes_nothing(
    run: Run, file: Callable[..., str], emulator: Emulator, table_name: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for number, days_ago in enumerate([1, 2, 3, 20]):
        at = now - timedelta(days=days_ago)
        held = Expectation(f"A-{number}", "C-1", "FRA1", 3)
        image = image_of(f"incoming/A-{number}/1.jpg", uploaded_at=at)
        one = inspection_of(image, bin_id=held.bin_id, expectation=held, estimate=sure_of(2), since=at, at=at)
        emulator.client("dynamodb").put_item(TableName=table_name, Item=typed(from_outcome(one)))
    careless = file(to_document(with_rate(1e-6)))
    found = told(run("replay", careless, "--days", "7", "--json"))
    assert (found["inspections"], found["changed"]) == (3, 3)
    assert (found["before"]["alerts"], found["after"]["alerts"]) == (3, 0)
    text = run("replay", careless, "--changes", "1").output
    assert "4 bins end otherwise" in text
    assert "and 3 more" in text
    assert "unknown" in text, "nobody has looked into these bins"
    assert told(run("show", "--json"))["version"] == 0


def test_a_replay_of_nothing_or_of_two_things_is_wrong_usage(run: Run, file: Callable[..., str]) -> None:
    assert run("replay").exit_code == 2
    assert run("replay", file(to_document(Rules())), "--version", "1").exit_code == 2


def test_a_stage_that_is_not_deployed_and_a_site_that_can_not_be_are_told(run: Run) -> None:
    nothing = run("show", "--stage", "prod")
    assert (nothing.exit_code, "there is no stack bincheck-prod" in nothing.output) == (1, True)
    assert run("show", "--site", "F 1").exit_code == 2
