"""The page for whoever uses it: assistive technology, small screens, slow lines, and a browser that trusts nobody."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browsing import PATIENCE_MS, Desk, Warehouse
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Response

    from local.stack import Stack

pytestmark = pytest.mark.integration

expect.set_options(timeout=PATIENCE_MS)

VIEWS = {
    "queue": "#/queue/{site}",
    "chosen": "#/queue/{site}/{bin}",
    "bin": "#/bins/{bin}",
    "consignments": "#/consignments?site={site}",
    "consignment": "#/consignments/{consignment}",
    "site": "#/site/{site}",
    "policy": "#/policy/{site}",
    "rejections": "#/rejections",
    "trail": "#/trail/{site}",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def filled(system: Stack) -> dict[str, str]:
    """A site in which every view has something to show; the names of its parts, as VIEWS needs them."""
    warehouse = Warehouse.new(system)
    consignment = warehouse.expect({"A": 6, "B": 5, "C": 1, "D": 3, "E": 2})
    for seed in (1, 2):
        warehouse.drop("A", 1, seed)
    for name, holds in {"B": 1, "C": 1, "D": 3}.items():
        warehouse.drop(name, holds)
    warehouse.drop_file("E", b"The camera's lens is dirty.")
    eventually(lambda: all(warehouse.said(name)["status"] != "waiting" for name in "ABCDE"), 60)
    system.call("POST", f"/v1/bins/{warehouse.bin('A')}/acknowledgement", {})
    return {
        "site": warehouse.site,
        "bin": warehouse.bin("A"),
        "consignment": consignment,
        "no_picture": warehouse.bin("E"),
    }


@pytest.fixture(scope="module")
def operator(browser: Browser, system: Stack) -> Iterator[Desk]:
    """One operator for all tests of this file, who only look."""
    desk = Desk.at(browser, system).sign_in(system.people["operator"])
    yield desk
    assert desk.complaints == []
    desk.context.close()


def serious(desk: Desk) -> list[str]:
    """Return what axe finds that keeps people out, each with the places."""
    found = Axe().run(desk.page, options={"runOnly": RULES}).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_that_keeps_people_out(
    operator: Desk, filled: dict[str, str], view: str, scheme: str
) -> None:
    operator.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    operator.show(VIEWS[view].format(**filled))
    assert serious(operator) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_people_sign_in_and_ask_for_help(
    desk: Callable[..., Desk], operator: Desk, scheme: str
) -> None:
    here = desk(color_scheme=scheme)
    here.open()
    here.see("sign-in").wait_for()
    assert serious(here) == []
    operator.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    operator.page.keyboard.press("?")
    operator.page.get_by_role("dialog").wait_for()
    assert serious(operator) == []
    operator.page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_has_to_be_scrolled_sideways(operator: Desk, filled: dict[str, str], view: str, width: int) -> None:
    operator.page.set_viewport_size({"width": width, "height": 800})
    operator.show(VIEWS[view].format(**filled))
    inside = operator.page.evaluate("document.documentElement.scrollWidth")
    operator.page.set_viewport_size({"width": 1280, "height": 900})
    assert inside <= width


def test_the_ways_are_named_in_full_on_the_smallest_screen(operator: Desk, filled: dict[str, str]) -> None:
    operator.page.set_viewport_size({"width": 360, "height": 800})
    operator.show(VIEWS["queue"].format(**filled))
    names = operator.page.locator(".nav a span")
    cut_off = names.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    )
    operator.page.set_viewport_size({"width": 1280, "height": 900})
    assert names.count() >= 6
    assert cut_off == []


def test_a_queue_is_drawn_from_its_list_without_asking_for_each_bin(operator: Desk, filled: dict[str, str]) -> None:
    operator.show(VIEWS["trail"].format(**filled))
    asked: list[str] = []
    operator.page.on("request", lambda request: asked.append(request.url))
    operator.show(VIEWS["queue"].format(**filled))
    expect(operator.row(0).locator(".shape svg")).to_be_visible()
    expect(operator.row(0).locator(".thumb img")).to_be_visible()
    about_bins = [url for url in asked if "/inspections" in url]
    assert [url for url in about_bins if filled["no_picture"] not in url] == [], (
        "one link is tried anew: the broken one"
    )


def test_a_queue_that_is_longer_than_the_screen_begins_at_its_beginning(operator: Desk, filled: dict[str, str]) -> None:
    operator.page.set_viewport_size({"width": 1280, "height": 300})
    operator.show(VIEWS["trail"].format(**filled))
    operator.show(VIEWS["queue"].format(**filled))
    expect(operator.row(0)).to_have_attribute("aria-selected", "true")
    operator.see("pane").wait_for()
    expect(operator.row(0)).to_be_in_viewport(ratio=1)
    operator.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("who", ["somebody new", "somebody signed in"])
def test_the_first_load_is_light(desk: Callable[..., Desk], system: Stack, filled: dict[str, str], who: str) -> None:
    """As the gateway sends it: compressed, which the emulator does not do (`MinimumCompressionSize`)."""
    here = desk()
    if who == "somebody signed in":
        here.sign_in(system.people["operator"], VIEWS["queue"].format(**filled))
    here.page.goto("about:blank")
    here.context.new_cdp_session(here.page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    answers: list[Response] = []
    here.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright marks what it is given
    here.open(VIEWS["queue"].format(**filled))
    (here.row(0) if who == "somebody signed in" else here.see("sign-in")).wait_for()
    timing = here.page.evaluate("Math.round(performance.now())")
    files = {one.url.removeprefix(system.api_url): one.body() for one in answers if "/page" in one.url}
    assert set(files) >= {"/page", "/page/main.js", "/page/page.css", "/page/config.json"}
    assert len(files) <= 6, "few requests: each may be a cold start"
    plain, sent = (sum(map(len, bodies)) for bodies in (files.values(), map(gzip.compress, files.values())))
    print(f"{who}: {len(files)} files, {plain} bytes, {sent} compressed, usable within {timing} ms")
    assert sent < MOST_BYTES


def test_the_browser_refuses_what_the_page_was_not_made_for(desk: Callable[..., Desk]) -> None:
    here = desk()
    here.open()
    here.see("sign-in").wait_for()
    assert here.complaints == []
    refused = here.page.evaluate(
        """async () => {
            const refused = [];
            addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
            const picture = new Image();
            try { document.body.innerHTML = "<b>markup</b>"; } catch { refused.push("innerHTML"); }
            picture.src = "https://elsewhere.example.org/picture.png";
            document.body.append(picture);
            await fetch("https://elsewhere.example.org/").catch(() => {});
            return new Promise((resolve) => setTimeout(() => resolve(refused), 0));
        }"""
    )
    assert {"innerHTML", "img-src", "connect-src"} <= set(refused)
    here.complaints.clear()
