"""People before a real browser, and the warehouse that they look at: what the page's tests are written in.

Everything is waited for by what can be seen or asked, within PATIENCE; nothing sleeps. Each test has sites and bins of
its own, so that no test sees another's.
"""

from __future__ import annotations

import json
import secrets
import shutil
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

from chalicelib.site_policy import Rules, to_document
from local.plan import POLICY, PREFIX
from tests.waiting import eventually
from training.drawn import draw_bin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Route

    from local.stack import Person, Stack

PATIENCE_MS = 60_000
"""How long anything may take on a busy machine; a quiet one needs a second or two."""

WIDE = {"width": 1280, "height": 900}
SESSION = "bincheck.session"
"""Where the page keeps its tokens, in the tab."""

IS_SHOWN = """() => !document.querySelector('.pending, [data-testid=failed]')
    && [...document.images].every((picture) => picture.complete || picture.loading === 'lazy')"""
"""Whether a view has nothing left to load, and nothing that failed."""


def chromium_path() -> str | None:
    """Return where the system's Chromium is; None where there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Run the system's Chromium without a window. It calls nobody but who the page calls."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=quiet)
    try:
        yield browser
    finally:
        browser.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: its status, and its decoded body."""

    status: int
    body: Any


@dataclass(slots=True)
class Warehouse:
    """A site with bins: consignments, photos, and what the API says of them."""

    system: Stack
    site: str

    @classmethod
    def new(cls, system: Stack) -> Self:
        """Return a site that nobody has seen yet, where one bin in six is wrong."""
        site = f"S{secrets.token_hex(3)}".upper()
        body = {"replaces": 0, "note": "as in the demo", "policy": to_document(Rules(POLICY))}
        system.call("PUT", f"/v1/policies/{site}", body)
        return cls(system, site)

    def expect(self, expected: Mapping[str, int], consignment: str | None = None) -> str:
        """Load a consignment of bins with what they should hold; returns its name."""
        name = consignment or f"C-{self.site}"
        bins = [{"bin_id": self.bin(short), "expected_quantity": number} for short, number in expected.items()]
        self.system.call("PUT", f"/v1/consignments/{name}", {"site": self.site, "bins": bins})
        return name

    def bin(self, short: str) -> str:
        """Return a bin's whole name: no other site has it."""
        return f"{self.site}-{short}"

    def drop(self, short: str, holds: int, seed: int = 1) -> None:
        """Drop a drawn photo of a bin into the bucket, as a camera does."""
        self.drop_file(short, photo_of(holds, seed))

    def drop_file(self, short: str, content: bytes) -> None:
        """Drop whatever a camera may write into the bucket."""
        key = f"{PREFIX}{self.bin(short)}/{secrets.token_hex(4)}.jpg"
        self.system.client("s3").put_object(Bucket=self.system.outputs["BucketName"], Key=key, Body=content)

    def said(self, short: str) -> Any:
        """Return the bin as the API shows it to the operator."""
        return self.system.call("GET", f"/v1/bins/{self.bin(short)}")


def photo_of(holds: int, seed: int = 1) -> bytes:
    """Draw a bin that holds so many goods, as JPEG."""
    content = BytesIO()
    draw_bin(seed, holds).image.save(content, "JPEG", quality=90)
    return content.getvalue()


@dataclass
class Desk:
    """One person at one browser."""

    context: BrowserContext
    page: Page
    system: Stack
    complaints: list[str] = field(default_factory=list)
    """What the browser complained about: errors of scripts, and what the content security policy refused."""

    @classmethod
    def at(cls, browser: Browser, system: Stack, **settings: Any) -> Self:
        """Give a person a browser of their own."""
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **settings})
        context.set_default_timeout(PATIENCE_MS)
        desk = cls(context, context.new_page(), system)
        desk.page.on("console", desk._hear)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        return desk

    def _hear(self, message: ConsoleMessage) -> None:
        # Refused and lost requests are what some tests are about; the browser tells of each.
        is_about_a_request = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not is_about_a_request:
            self.complaints.append(message.text)

    def open(self, place: str = "") -> None:
        """Open the page, or a place within it."""
        self.page.goto(f"{self.system.page_url}{place}")

    def sign_in(self, person: Person, place: str = "") -> Self:
        """Open the page and sign in as everybody does: at the issuer, by name and password."""
        self.open(place)
        self.see("sign-in").click()
        self.tell_the_issuer(person)
        self.see("me").wait_for()
        return self

    def tell_the_issuer(self, person: Person) -> None:
        """Fill in the issuer's form."""
        self.page.get_by_label("Username").fill(person.name)
        self.page.get_by_label("Password").fill(person.password)
        self.page.get_by_role("button", name="Sign in").click()

    def see(self, name: str) -> Locator:
        """Return what has a fixed name on the page."""
        return self.page.get_by_test_id(name)

    def show(self, place: str) -> None:
        """Go to a view within the page, and wait until it shows what it has."""
        self.page.evaluate("place => { location.hash = place }", place)
        name = place.removeprefix("#/").partition("/")[0].partition("?")[0]
        self.page.locator(f"[data-view={name}]").wait_for()
        # Not by Playwright's own waiting for a function: it evaluates texts, which the page's policy refuses.
        eventually(lambda: self.page.evaluate(IS_SHOWN), PATIENCE_MS / 1000)

    def row(self, place: int) -> Locator:
        """Return a bin of the queue by its place, the uppermost first."""
        return self.page.locator("[role=option]").and_(self.page.locator(f"[aria-posinset='{place + 1}']"))

    def choose(self, bin_id: str) -> None:
        """Choose a bin in the queue, once it is there."""
        self.see(f"bin-{bin_id}").click()
        self.see("pane").get_by_text(bin_id).first.wait_for()

    @property
    def token(self) -> str:
        """The token with which this tab calls the API."""
        return json.loads(self.page.evaluate(f"sessionStorage.getItem('{SESSION}')"))["access"]

    def let_the_token_expire(self) -> None:
        """From now on the API no longer takes this tab's token; it does take a new one.

        Real tokens last for an hour, and the gateway remembers them: what arrives there is a request without one, which
        it answers in the same way.
        """
        old = f"Bearer {self.token}"

        def send(route: Route) -> None:
            headers = route.request.headers
            if headers.pop("authorization", None) == old:
                route.continue_(headers=headers)
            else:
                route.continue_()

        self.context.route("**/v1/**", send)

    def hold_a_refresh_token_of(self, person: Person) -> None:
        """Have this tab hold a refresh token that the issuer gave out to a script, not to its sign-in page.

        Cognito keeps a person's groups in whatever it renews; the emulator forgets them for tokens of its own page.
        """
        reply = self.system.client("cognito-idp").admin_initiate_auth(
            UserPoolId=self.system.outputs["UserPoolId"],
            ClientId=self.system.outputs["UserPoolClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": person.name, "PASSWORD": person.password},
        )
        self.page.evaluate(
            """([name, refresh]) => {
                const tokens = JSON.parse(sessionStorage.getItem(name));
                sessionStorage.setItem(name, JSON.stringify({ ...tokens, refresh }));
            }""",
            [SESSION, reply["AuthenticationResult"]["RefreshToken"]],
        )
        self.page.reload()

    def sign_out_everywhere(self, person: Person) -> None:
        """Have the issuer end a person's sessions, as one who administers it: it renews no token of them any more."""
        cognito = self.system.client("cognito-idp")
        cognito.admin_user_global_sign_out(UserPoolId=self.system.outputs["UserPoolId"], Username=person.name)

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Call the API with this person's token, past the page."""
        request = urllib.request.Request(
            f"{self.system.api_url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Answer(reply.status, json.load(reply))
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.load(error))
