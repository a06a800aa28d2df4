"""The API's description of itself, open to anybody."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint


def routes() -> Blueprint:
    """Return the route `/openapi.json`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/openapi.json")
    def describe() -> dict[str, Any]:
        from chalicelib.api.openapi import document  # noqa: PLC0415 - slow to import, see chalicelib.api

        return document()

    return blueprint
