"""What the commands over the API share: how they reach it, and what most of them ask for."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from chalicelib.domain import BIN_ID
from ops.floor.api import Api, connection


def _name(text: str | None) -> str | None:
    if text is not None and BIN_ID.fullmatch(text) is None:
        raise typer.BadParameter("a name has 1 to 64 letters, digits, dots, hyphens and underscores")
    return text


def _base(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise typer.BadParameter("an address that begins with https:// is needed")
    return text.rstrip("/")


Url = Annotated[
    str,
    typer.Option("--url", envvar="URL", callback=_base, help="The API's base address, as `status --stage` prints it."),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="TOKEN",
        show_default=False,
        help="A token of whoever calls. Better in the environment: others see command lines.",
    ),
]
BinId = Annotated[str, typer.Argument(metavar="BIN", help="The bin.", callback=_name)]
ConsignmentId = Annotated[str, typer.Argument(metavar="CONSIGNMENT", help="The consignment.", callback=_name)]
Site = Annotated[str, typer.Option(help="The site, as consignments name it.", callback=_name)]
AnySite = Annotated[str | None, typer.Option("--site", help="Only of this site.", callback=_name)]
Note = Annotated[str, typer.Option(help="In your own words; it stays on file.")]
Version = Annotated[
    int | None,
    typer.Option("--if-version", min=1, help="Only if the bin is still at this version, as `show` prints it."),
]
Key = Annotated[
    str | None,
    typer.Option("--key", help="Names this request: given again, it is not carried out twice. A new one if not given."),
]
Most = Annotated[int, typer.Option(help="At most so many.", min=1)]


def api(url: str, token: str) -> Api:
    """Return the API at an address, for the holder of a token."""
    return Api(url, token, connection())


def key_of(given: str | None) -> str:
    """Return the key that a request goes under, however often it has to be sent."""
    return given or str(uuid4())
