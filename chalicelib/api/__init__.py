"""The REST API: parse and validate a request, call one function, shape the reply. AWS is out of reach here.

Every function of the application imports this package, because Chalice wants all routes on one app. What only
some requests need and what is slow to import therefore stays in modules that are imported where they are used:
`bodies` and `openapi` (pydantic, 270 ms on a 2-core server) inside the routes that read a body or describe the API,
`auth` (PyJWT and cryptography, 140 ms) inside the authorizer's function. The rest adds 30 ms to Chalice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.api import (
    bins,
    consignments,
    description,
    errors,
    health,
    me,
    page,
    people,
    policies,
    rejections,
    reviews,
    sites,
    trail,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Chalice

    from chalicelib.api.world import World


def register(
    app: Chalice,
    world: Callable[[], World],
    authorizer: Any,
    page_settings: Callable[[], page.PageSettings] = page.PageSettings,
) -> None:
    """Mount all routes on an app: `/health`, `/openapi.json` and the page open, all else closed by the authorizer.

    `world` and `page_settings` are called by each request that needs them, so that importing the app makes no client
    and reads no environment.
    """
    app.register_middleware(errors.in_one_shape, "http")
    app.register_blueprint(health.routes())
    app.register_blueprint(description.routes())
    app.register_blueprint(page.routes(page_settings))
    parts = (bins, consignments, me, people, policies, rejections, reviews, sites, trail)
    for routes in (part.routes for part in parts):
        app.register_blueprint(routes(world, authorizer))
