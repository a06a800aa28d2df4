"""Pictures of the page, to be looked at: every view, at three widths, in light and dark, of drawn bins.

    .venv-dev/bin/python -m tests.screenshots --out build/screenshots

starts the whole system on this machine, fills a site as the demo does, and photographs what an operator sees.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from local.plan import CONSIGNMENT, SITE, consignment_of, drawn_plan, policy_change
from local.stack import stack
from tests.browsing import Desk, chromium
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.plan import Photo
    from local.stack import Stack

SIZES = {360: 740, 1024: 768, 1920: 1080}
"""Heights by widths, in pixels."""
SCHEMES = ("light", "dark")
VIEWS = {
    "queue": f"#/queue/{SITE}",
    "bin": "#/bins/{bin}",
    "consignments": f"#/consignments?site={SITE}",
    "consignment": f"#/consignments/{CONSIGNMENT}",
    "site": f"#/site/{SITE}",
    "policy": f"#/policy/{SITE}",
    "rejections": "#/rejections",
    "trail": f"#/trail/{SITE}",
}
_PHOTOS = 50
_SEED = 2026


def fill(system: Stack, folder: Path) -> str:
    """Fill a site as the demo does; returns a bin that waits for a person."""
    plan = drawn_plan(folder, _PHOTOS, _SEED)
    system.call("PUT", f"/v1/policies/{SITE}", policy_change())
    system.call("PUT", f"/v1/consignments/{CONSIGNMENT}", consignment_of(plan))
    s3, bucket = system.client("s3"), system.outputs["BucketName"]
    for photo in plan:
        s3.put_object(Bucket=bucket, Key=photo.key, Body=photo.path.read_bytes())
    eventually(lambda: _are_judged(system, plan), 300)
    first, second, *_ = system.call("GET", f"/v1/bins?site={SITE}&status=mismatch")["bins"]
    system.call("POST", f"/v1/bins/{second['bin_id']}/acknowledgement", {})
    name: str = first["bin_id"]
    return name


def _are_judged(system: Stack, plan: list[Photo]) -> bool:
    """Tell whether every photo of the plan has ended."""
    bins: list[Any] = system.call("GET", f"/v1/consignments/{CONSIGNMENT}")["bins"]
    return len(bins) < len(plan) and all(bin_["status"] != "waiting" for bin_ in bins)


def photograph(desk: Desk, bin_id: str, out: Path) -> Iterator[Path]:
    """Photograph every view; gives the files."""
    for (width, height), scheme, (name, place) in itertools.product(SIZES.items(), SCHEMES, VIEWS.items()):
        desk.page.set_viewport_size({"width": width, "height": height})
        desk.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        desk.show(place.format(bin=bin_id))
        file = out / f"{name}-{width}-{scheme}.png"
        desk.page.screenshot(path=file)
        yield file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bincheck-") as name, stack(Path(name), print) as system:
        bin_id = fill(system, Path(name) / "photos")
        with sync_playwright() as playwright, chromium(playwright) as browser:
            desk = Desk.at(browser, system).sign_in(system.people["operator"])
            files = list(photograph(desk, bin_id, out))
            print(json.dumps({"pictures": len(files), "complaints": desk.complaints}))


if __name__ == "__main__":
    main()
