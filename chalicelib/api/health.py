"""Whether the API answers; the only open route, and it calls nothing."""

from __future__ import annotations

from chalice.app import Blueprint


def routes() -> Blueprint:
    """Return the route `/health`."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    return blueprint
