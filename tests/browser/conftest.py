"""The page in the system's own Chromium, before the whole system on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browsing import Desk, Warehouse, chromium, chromium_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from local.stack import Stack


@pytest.fixture(scope="session")
def executable() -> str:
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium on this machine: on Debian, apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def system(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from local.stack import stack  # noqa: PLC0415 - not before it is known that there is a browser

    assert executable

    with stack(tmp_path_factory.mktemp("page"), lambda _: None) as running:
        yield running


# Not for the whole run: as long as Playwright runs, no other test can have an event loop of its own.
@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    assert executable
    with sync_playwright() as playwright, chromium(playwright) as running:
        yield running


@pytest.fixture
def warehouse(system: Stack) -> Warehouse:
    return Warehouse.new(system)


@pytest.fixture
def desk(browser: Browser, system: Stack) -> Iterator[Callable[..., Desk]]:
    """Give people browsers of their own; afterwards none of those may have had anything to complain about."""
    desks: list[Desk] = []

    def sit_down(**settings: object) -> Desk:
        desks.append(Desk.at(browser, system, **settings))
        return desks[-1]

    yield sit_down
    complaints = [complaint for one in desks for complaint in one.complaints]
    for one in desks:
        one.context.close()
    assert complaints == []


@pytest.fixture
def operator(desk: Callable[..., Desk], system: Stack) -> Desk:
    return desk().sign_in(system.people["operator"])
