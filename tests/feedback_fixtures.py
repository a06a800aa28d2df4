"""A site where bins are photographed and resolved, in memory, told as the API tells it; and the same over HTTP.

Bins change as the checker and the resolver change them, and the API's own shapes tell of them, so that what an export
is tested on is what it will be told.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.api import shapes
from chalicelib.bin_status import Bin, BinStatus
from chalicelib.domain import BinImage, Expectation, Inspection, Item, Judgement, Rejection, Verdict
from chalicelib.resolution import Act, Cause, Finding, Resolution
from chalicelib.resolve import reopened, resolved
from tests.examples import NOON, sure_of
from tests.fetch_fixtures import jpeg
from training.fetch.sources import MissingObjectError, UnreadObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.domain import Outcome
    from chalicelib.ports_api import Pictures

SITE = "FRA1"
TOKEN = "opens-the-api"


class Links:
    """Links that name the photo: `ports_api.Pictures`."""

    def __init__(self, base: str = "bucket:") -> None:
        self._base = base

    def link(self, image: BinImage) -> str:
        return f"{self._base}/{image.image_id}"


@dataclass
class Site:
    """Bins, their photos and what people said of them; every call is a minute later than the one before."""

    name: str = SITE
    pictures: Pictures = field(default_factory=Links)
    bins: dict[str, Bin] = field(default_factory=dict)
    said: list[Act] = field(default_factory=list)
    ended: dict[str, list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    bodies: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    troubles: dict[str, Exception] = field(default_factory=dict)
    """What reading a photo raises, by its id."""
    beside: list[Mapping[str, Any]] = field(default_factory=list)
    """What the API tells among the acts and that is neither a resolution nor a reopening."""
    minute: int = 0

    def expect(self, bin_id: str, quantity: int, *items: tuple[str, int]) -> None:
        """A consignment names the bin."""
        lines = tuple(Item(*item) for item in items)
        expectation = Expectation(bin_id, "C-1", self.name, quantity, lines)
        self.bins[bin_id] = Bin(self._status(bin_id).expecting(expectation, self._now()), expectation)

    def photograph(
        self, bin_id: str, body: bytes | None = None, verdict: Verdict = Verdict.MISMATCH, **judged: Any
    ) -> BinImage:
        """A photo is judged, or refused where it is `REJECTED`."""
        now = self._now()
        number = f"{self.minute:04d}"
        image = BinImage("photos", f"incoming/{bin_id}/{number}.jpg", f"v{number}", "e", number, 1000, now)
        bin_ = self.bins.get(bin_id) or Bin(self._status(bin_id))
        judgement = Judgement(verdict, "FRA1/1", 0.7, **judged)
        outcome = (
            Rejection(bin_id, image, "too_dark", "nothing to see", now)
            if verdict is Verdict.REJECTED
            else Inspection(bin_id, image, bin_.expectation, sure_of(2), judgement, now, bin_.status.since)
        )
        self.bins[bin_id] = Bin(bin_.status.after(outcome, judgement), bin_.expectation)
        self.ended[bin_id].insert(0, outcome)
        self.bodies[image.image_id] = jpeg(self.minute) if body is None else body
        return image

    def resolve(self, bin_id: str, count: int, cause: Cause = Cause.COUNTED, by: str = "ann", note: str = "") -> int:
        """Somebody says what is in the bin; returns the version that this made."""
        finding = Finding(count, cause, note or f"minute {self.minute}")  # never twice the same, so never nothing
        return self._carry_out(bin_id, lambda s, last: resolved(s, last, finding, by, self._now()))

    def reopen(self, bin_id: str, by: str = "bob") -> int:
        """Somebody takes the resolution that stands back."""
        return self._carry_out(bin_id, lambda s, last: reopened(s, last, "no", by, self._now()))

    def can_be_reopened(self, bin_id: str, by: str = "bob") -> bool:
        status = self.bins[bin_id].status
        episode = status.episode
        is_done = episode is not None and episode.is_active and episode.reopened_by == by
        return status.resolution is not None and not is_done

    # As the API tells it

    def sites(self) -> list[str]:
        return [self.name]

    def acts(self, site: str) -> Iterator[Mapping[str, Any]]:
        return iter([*map(shapes.act, self.said), *self.beside] if site == self.name else [])

    def outcomes(self, bin_id: str) -> Iterator[Mapping[str, Any]]:
        return iter([shapes.outcome(outcome, self.pictures) for outcome in self.ended[bin_id]])

    def picture(self, link: str) -> bytes:
        image_id = link.rpartition("/")[2]
        self.read.append(image_id)
        if image_id in self.troubles:
            raise self.troubles[image_id]
        if image_id not in self.bodies:
            raise MissingObjectError(image_id)
        return self.bodies[image_id]

    def _carry_out(self, bin_id: str, decide: Any) -> int:
        bin_ = self.bins[bin_id]
        by_version = {(act.bin_id, act.version): act for act in self.said if isinstance(act, Resolution)}
        last = by_version.get((bin_id, bin_.status.resolution or -1))
        step = decide(bin_.status, last)
        self.bins[bin_id] = Bin(step.after, bin_.expectation)
        self.said.append(step.act)
        version: int = step.after.version
        return version

    def _status(self, bin_id: str) -> BinStatus:
        return self.bins[bin_id].status if bin_id in self.bins else BinStatus(bin_id)

    def _now(self) -> Any:
        self.minute += 1
        return NOON + timedelta(minutes=self.minute)


@dataclass
class Served:
    """The site's API over HTTP, with pages of a few entries."""

    site: Site
    url: str
    page: int = 2
    refusals: list[int] = field(default_factory=list)
    """Statuses that answer the next requests to the API, one each."""
    stuck: threading.Event = field(default_factory=threading.Event)
    """While it is clear and `stuck_at` names a photo, reading that photo waits."""
    stuck_at: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths with the authorization that came along."""


@contextmanager
def served(site: Site) -> Iterator[Served]:
    """Answer as `/v1/sites`, `/v1/sites/{site}/resolutions` and `/v1/bins/{bin_id}/inspections` do, and as S3."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append((self.path, self.headers.get("Authorization")))
            status, body = _photo(running, self.path) if self.path.startswith("/bucket/") else _api(running, self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked was killed meanwhile
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    running = Served(site, url)
    site.pictures = Links(f"{url}/bucket")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running
    finally:
        running.stuck.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _photo(running: Served, path: str) -> tuple[int, bytes]:
    if path.rpartition("/")[2] == running.stuck_at:
        running.stuck.wait(120)
        return 400, b""
    try:
        return 200, running.site.picture(path)
    except MissingObjectError:
        return 404, b"<Error><Code>NoSuchKey</Code></Error>"
    except UnreadObjectError:
        return 400, b"<Error><Code>RequestTimeout</Code></Error>"


def _api(running: Served, request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return 401, b'{"message": "Unauthorized"}'
    if running.refusals:
        return running.refusals.pop(0), b'{"error": "busy", "message": "later"}'
    address = urlsplit(request.path)
    query = dict(parse_qsl(address.query))
    match address.path.split("/"):
        case ["", "v1", "sites"]:
            sites = [{"site": name, "bins_waiting": None} for name in running.site.sites()]
            return 200, json.dumps({"sites": sites, "cursor": None}).encode()
        case ["", "v1", "sites", site, "resolutions"]:
            acts = [{**act, "picture_url": None} for act in running.site.acts(site)]
            return _page(running, "resolutions", acts, query)
        case ["", "v1", "bins", bin_id, "inspections"]:
            return _page(running, "inspections", list(running.site.outcomes(bin_id)), query)
    return 404, b'{"error": "not_found", "message": "no such route"}'


def _page(running: Served, plural: str, entries: Sequence[Any], query: Mapping[str, str]) -> tuple[int, bytes]:
    first = int(query.get("cursor", "0"))
    after = first + running.page
    cursor = str(after) if after < len(entries) else None
    return 200, json.dumps({plural: entries[first:after], "cursor": cursor}).encode()
