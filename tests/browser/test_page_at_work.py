"""Operators and viewers at work on the page: real Chromium, real API, real issuer, photos through S3."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from local.stack import add_person
from tests.browsing import PATIENCE_MS, Desk, Warehouse
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.stack import Person, Stack

pytestmark = pytest.mark.integration

expect.set_options(timeout=PATIENCE_MS)

DOUBTED = {"A": 6}
"""A bin that should hold six goods and will be seen to hold one."""


@pytest.fixture
def viewer(desk: Callable[..., Desk], system: Stack) -> Desk:
    return desk().sign_in(system.people["viewer"])


@pytest.fixture
def doubted(warehouse: Warehouse) -> str:
    """A bin that waits for a person: the consignment says six, its photo shows one."""
    warehouse.expect(DOUBTED)
    warehouse.drop("A", 1)
    eventually(lambda: warehouse.said("A")["status"] == "mismatch", 60)
    return warehouse.bin("A")


def queue_of(warehouse: Warehouse) -> str:
    return f"#/queue/{warehouse.site}"


def resolution_of(warehouse: Warehouse) -> dict[str, Any]:
    """What was last said of the bin."""
    acts = warehouse.system.call("GET", f"/v1/bins/{warehouse.bin('A')}/resolutions")["resolutions"]
    act: dict[str, Any] = acts[0]
    return act


# Signing in ------------------------------------------------------------------------------------------------------


def test_signing_in_leads_back_to_the_place_that_was_asked_for(
    desk: Callable[..., Desk], system: Stack, warehouse: Warehouse, doubted: str
) -> None:
    here = desk().sign_in(system.people["operator"], f"#/bins/{doubted}")
    expect(here.see("me")).to_contain_text("operator@example.org")
    assert here.page.url == f"{system.page_url}#/bins/{doubted}", "the code and the state are gone from the address"
    expect(here.page.get_by_role("heading", name=doubted)).to_be_visible()
    assert warehouse.site in here.page.inner_text("body")


def test_a_wrong_password_leads_nowhere(desk: Callable[..., Desk], system: Stack) -> None:
    here = desk()
    here.open()
    here.see("sign-in").click()
    here.page.get_by_label("Username").fill(system.people["operator"].name)
    here.page.get_by_label("Password").fill("guessed")
    here.page.get_by_role("button", name="Sign in").click()
    expect(here.page.get_by_text("Incorrect username or password")).to_be_visible()


def test_a_code_that_this_tab_did_not_ask_for_is_not_taken(desk: Callable[..., Desk]) -> None:
    here = desk()
    here.open("?code=stolen&state=theirs")
    expect(here.page.get_by_role("alert").filter(has_text="was not begun in this tab")).to_be_visible()
    expect(here.see("sign-in")).to_be_visible()


def test_whoever_signs_out_is_out(operator: Desk, system: Stack) -> None:
    operator.page.get_by_role("button", name="Sign out").click()
    expect(operator.see("sign-in")).to_be_visible()
    operator.open("#/")
    operator.page.reload()
    expect(operator.see("sign-in")).to_be_visible()
    assert operator.page.url.startswith(system.page_url)


# The queue -------------------------------------------------------------------------------------------------------


def test_a_planted_mismatch_appears_by_itself_and_leaves_when_it_is_resolved(
    operator: Desk, warehouse: Warehouse
) -> None:
    warehouse.expect(DOUBTED)
    operator.open(queue_of(warehouse))
    expect(operator.see("empty")).to_be_visible()
    loaded = operator.page.evaluate("performance.timeOrigin")

    warehouse.drop("A", 1)
    row = operator.see(f"bin-{warehouse.bin('A')}")
    expect(row).to_contain_text("1 of 6")
    picture = row.locator("img")
    eventually(lambda: picture.evaluate("picture => picture.complete && picture.naturalWidth > 0"), 60)

    operator.choose(warehouse.bin("A"))
    operator.see("true-count").fill("2")
    operator.see("note").fill("one behind the flap")
    operator.see("resolve").click()
    expect(row).to_have_count(0)
    expect(operator.see("empty")).to_be_visible()
    assert operator.page.evaluate("performance.timeOrigin") == loaded, "nothing was loaded anew"
    assert warehouse.said("A")["status"] == "resolved"
    act = resolution_of(warehouse)
    assert (act["true_count"], act["note"]) == (2, "one behind the flap")


def test_what_cameras_and_people_write_is_shown_as_text(operator: Desk, warehouse: Warehouse, doubted: str) -> None:
    markup = "<img src=x onerror=\"document.title='taken over'\"><b>bold</b>"
    operator.open(queue_of(warehouse))
    operator.choose(doubted)
    operator.see("true-count").fill("1")
    operator.see("note").fill(markup)
    operator.see("resolve").click()
    expect(operator.see(f"bin-{doubted}")).to_have_count(0)
    operator.open(f"#/bins/{doubted}")
    expect(operator.page.get_by_text(markup)).to_be_visible()
    assert "taken over" not in operator.page.title()


def test_a_viewer_sees_everything_and_can_change_nothing(viewer: Desk, warehouse: Warehouse, doubted: str) -> None:
    viewer.open(queue_of(warehouse))
    viewer.choose(doubted)
    expect(viewer.see("viewer")).to_be_visible()
    for control in ("true-count", "resolve", "acknowledge", "mine", "reopen"):
        expect(viewer.see(control)).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="photo")).to_have_count(0)
    viewer.page.keyboard.type("2")
    viewer.page.keyboard.press("Enter")
    for act, body in (("resolution", {"true_count": 2, "reason": "counted"}), ("acknowledgement", {})):
        assert viewer.call("POST", f"/v1/bins/{doubted}/{act}", body).status == 403
    assert warehouse.said("A")["status"] == "mismatch"


def test_everything_can_be_done_with_the_keyboard_alone(
    desk: Callable[..., Desk], system: Stack, warehouse: Warehouse
) -> None:
    warehouse.expect({"A": 6, "B": 5})
    for name in ("A", "B"):
        warehouse.drop(name, 1)
    eventually(lambda: all(warehouse.said(name)["status"] == "mismatch" for name in ("A", "B")), 60)
    here = desk()
    keys = here.page.keyboard
    here.open(queue_of(warehouse))
    here.see("sign-in").wait_for()
    keys.press("Tab")
    expect(here.see("sign-in")).to_be_focused()
    keys.press("Enter")
    here.page.get_by_label("Username").wait_for()
    person = system.people["operator"]
    for text in (person.name, person.password):
        keys.type(text)
        keys.press("Tab")
    keys.press("Enter")

    first, second = here.row(0), here.row(1)
    expect(first).to_have_attribute("aria-selected", "true")
    chosen = first.get_attribute("data-bin")
    keys.press("j")
    expect(second).to_have_attribute("aria-selected", "true")
    keys.press("k")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(here.see("acknowledge")).to_be_enabled()
    keys.press("a")
    expect(here.see("acknowledge")).to_be_disabled()
    keys.press("2")
    expect(here.see("true-count")).to_have_value("2")
    keys.press("Enter")
    expect(here.see(f"bin-{chosen}")).to_have_count(0)
    assert system.call("GET", f"/v1/bins/{chosen}")["status"] == "resolved"


# What may go wrong -----------------------------------------------------------------------------------------------


def test_a_token_that_runs_out_is_renewed_without_a_word(
    operator: Desk, system: Stack, warehouse: Warehouse, doubted: str
) -> None:
    operator.open(queue_of(warehouse))
    operator.hold_a_refresh_token_of(system.people["operator"])
    operator.choose(doubted)
    old = operator.token
    operator.let_the_token_expire()
    operator.see("true-count").fill("2")
    operator.see("resolve").click()
    expect(operator.see(f"bin-{doubted}")).to_have_count(0)
    expect(operator.see("session-ended")).to_have_count(0)
    assert operator.token != old
    assert warehouse.said("A")["status"] == "resolved"


def test_a_session_that_ends_keeps_what_was_typed_and_goes_on_where_it_was(
    desk: Callable[..., Desk], warehouse: Warehouse, doubted: str, someone: Person
) -> None:
    here = desk().sign_in(someone, queue_of(warehouse))
    here.choose(doubted)
    here.see("true-count").fill("4")
    here.see("note").fill("half behind the label")
    here.sign_out_everywhere(someone)
    here.let_the_token_expire()
    here.see("resolve").click()
    here.see("sign-in-again").click()
    here.tell_the_issuer(someone)
    expect(here.see("true-count")).to_have_value("4")
    expect(here.see("note")).to_have_value("half behind the label")
    assert warehouse.said("A")["status"] == "mismatch", "nothing was sent without a token"
    here.see("resolve").click()
    expect(here.see(f"bin-{doubted}")).to_have_count(0)
    act = resolution_of(warehouse)
    assert (act["true_count"], act["note"]) == (4, "half behind the label")


def test_a_lost_connection_is_told_and_what_happened_meanwhile_is_shown_afterwards(
    operator: Desk, warehouse: Warehouse, doubted: str
) -> None:
    operator.open(queue_of(warehouse))
    operator.choose(doubted)
    operator.context.set_offline(True)
    expect(operator.see("offline")).to_be_visible()
    operator.see("true-count").fill("3")
    operator.see("resolve").click()
    expect(operator.see("notice")).to_be_visible()
    assert warehouse.said("A")["status"] == "mismatch"

    warehouse.expect({**DOUBTED, "B": 5})
    warehouse.drop("B", 1)
    eventually(lambda: warehouse.said("B")["status"] == "mismatch", 60)
    operator.context.set_offline(False)
    expect(operator.see("offline")).to_be_hidden()
    operator.see("again").click()
    expect(operator.see(f"bin-{doubted}")).to_have_count(0)
    expect(operator.see(f"bin-{warehouse.bin('B')}")).to_be_visible()
    assert resolution_of(warehouse)["true_count"] == 3


def test_of_two_operators_at_one_bin_the_second_is_told_and_asked(
    desk: Callable[..., Desk], operator: Desk, warehouse: Warehouse, doubted: str, someone: Person
) -> None:
    other = desk().sign_in(someone, queue_of(warehouse))
    operator.open(queue_of(warehouse))
    for one in (operator, other):
        one.choose(doubted)
        one.see("true-count").wait_for()
    other.see("true-count").fill("5")
    operator.see("true-count").fill("2")
    operator.see("resolve").click()
    expect(operator.see(f"bin-{doubted}")).to_have_count(0)

    expect(other.see("notice")).to_contain_text("has changed meanwhile")
    assert resolution_of(warehouse)["true_count"] == 2, "nobody was overwritten"
    other.see("keep-theirs").click()
    expect(other.see("notice")).to_have_count(0)
    assert resolution_of(warehouse)["true_count"] == 2


@pytest.fixture
def someone(system: Stack) -> Person:
    """Another operator, whom no other test knows."""
    return add_person(system.emulator, system.outputs, f"op-{secrets.token_hex(3)}", "operator")
