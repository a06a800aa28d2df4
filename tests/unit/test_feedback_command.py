"""The command line of `feedback` against an API over HTTP: what it asks with which token, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner
from urllib3.util import Retry

from tests.feedback_fixtures import SITE, TOKEN, Served, Site, served
from training.commands.feedback import feedback
from training.errors import BrokenRecordError, TrainingError, UnusableSourceError
from training.feedback import HttpApi
from training.feedback.api import LARGEST
from training.fetch.sources import MissingObjectError, UnreadObjectError
from training.records import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

app = typer.Typer()
app.command()(feedback)
AT_ONCE = Retry(total=2, backoff_factor=0, status_forcelist=(429, 503), redirect=False, raise_on_status=False)


@pytest.fixture
def running() -> Iterator[Served]:
    site = Site()
    for number in range(5):
        site.expect(f"A-{number}", 3)
        site.photograph(f"A-{number}")
        site.resolve(f"A-{number}", number)
    with served(site) as running:
        yield running


def invoked(running: Served, out: Path, *arguments: object, token: str = TOKEN) -> Result:
    environment = {"COLUMNS": "200", "TERM": "dumb", "BINCHECK_TOKEN": token}
    given = ["--api", f"{running.url}/", "--out", out, *arguments]
    return CliRunner().invoke(app, [str(argument) for argument in given], env=environment)


def printed(outcome: Result) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(outcome.stdout)
    return figures


def test_every_page_of_every_site_is_exported(running: Served, tmp_path: Path) -> None:
    outcome = invoked(running, tmp_path / "out", "--json")

    assert outcome.exit_code == 0
    assert printed(outcome)["photos"] == 5
    assert sorted(record.count for record in read_folder(tmp_path / "out")) == [0, 1, 2, 3, 4]


def test_the_summary_tells_what_became_of_everything_said(running: Served, tmp_path: Path) -> None:
    running.site.reopen("A-4")

    outcome = invoked(running, tmp_path / "out")

    assert all(text in outcome.stdout for text in ("things said", "6", "somebody took it back", "left-out.jsonl"))


def test_the_token_goes_to_the_api_and_not_to_the_bucket(running: Served, tmp_path: Path) -> None:
    invoked(running, tmp_path / "out")

    sent = {path.split("/")[1]: token for path, token in running.asked}
    assert sent == {"v1": f"Bearer {TOKEN}", "bucket": None}


def test_one_site_is_exported_where_it_is_named(running: Served, tmp_path: Path) -> None:
    assert printed(invoked(running, tmp_path / "one", "--site", SITE, "--json"))["photos"] == 5
    assert printed(invoked(running, tmp_path / "other", "--site", "MUC3", "--json"))["photos"] == 0


def test_a_busy_api_is_asked_again(running: Served, tmp_path: Path) -> None:
    running.refusals += [429, 503]

    assert invoked(running, tmp_path / "out", "--json").exit_code == 0


def test_without_a_token_nothing_is_asked(running: Served, tmp_path: Path) -> None:
    outcome = invoked(running, tmp_path / "out", token="")

    assert outcome.exit_code == 2
    assert (running.asked, (tmp_path / "out").exists()) == ([], False)


def test_a_token_that_is_not_accepted_is_told_with_what_to_do(running: Served, tmp_path: Path) -> None:
    outcome = invoked(running, tmp_path / "out", token="ended")

    assert isinstance(outcome.exception, TrainingError)
    assert "sign in anew" in str(outcome.exception)


def test_photos_that_did_not_arrive_end_in_an_exit_code_of_their_own(running: Served, tmp_path: Path) -> None:
    out = tmp_path / "out"
    image = next(iter(running.site.bodies))
    running.site.troubles[image] = UnreadObjectError("not now")

    outcome = invoked(running, out, "--json")

    assert (outcome.exit_code, printed(outcome)["left_out"]) == (3, {"not_read": 1})
    running.site.troubles.clear()
    again = invoked(running, out, "--json")
    assert (again.exit_code, printed(again)["fetched"], printed(again)["photos"]) == (0, 1, 5)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "no address"])
def test_an_address_without_an_api_is_told(address: str) -> None:
    with pytest.raises(UnusableSourceError, match=address):
        HttpApi(address, TOKEN, retries=AT_ONCE).sites()


def test_what_is_no_answer_of_the_api_is_told(running: Served) -> None:
    running.site.bodies["sites"] = b"<html>"
    api = HttpApi(f"{running.url}/bucket", TOKEN, retries=AT_ONCE)

    with pytest.raises(UnusableSourceError, match="is this the API"):
        api.sites()


def test_a_picture_is_there_gone_too_large_or_did_not_arrive(running: Served) -> None:
    api = HttpApi(running.url, TOKEN, retries=AT_ONCE)
    running.site.bodies |= {"small": b"x" * 9, "large": b"x" * (LARGEST + 1)}
    running.site.troubles["broken"] = ConnectionAbortedError("cable")

    assert api.picture(f"{running.url}/bucket/small") == b"x" * 9
    for name, problem in {"none": MissingObjectError, "large": BrokenRecordError, "broken": UnreadObjectError}.items():
        with pytest.raises(problem):
            api.picture(f"{running.url}/bucket/{name}")
