"""The API's description as an OpenAPI 3.1 document, from one declaration of what there is.

Slow to import (pydantic, whose models describe the bodies): only from within the route that answers with it. To
describe a new route, add an `Operation` to the part that it belongs to; a test compares parts and routes both ways, and
others hold the answers of all routes against what is said of them here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic.json_schema import models_json_schema

from chalicelib.api.openapi import bins, consignments, policies, problems, service, sites
from chalicelib.api.openapi.operation import SCHEME

if TYPE_CHECKING:
    from pydantic import BaseModel

    from chalicelib.api.openapi.operation import Operation
    from chalicelib.api.openapi.vocabulary import Schema

_PARTS: Final = (service, bins, consignments, sites, policies)
_TAGS: Final = {
    "bins": "Bins, their photos, and what people do about them.",
    "reviews": "What to look at next.",
    "rejections": "Photos that could not be judged.",
    "consignments": "What bins should hold.",
    "sites": "How a site is doing, and what it has learnt.",
    "policies": "By what a site's bins are judged.",
    "audit": "Who changed what, and when.",
    "me": "Who calls.",
    "service": "The API itself.",
}

OPERATIONS: Final[tuple[Operation, ...]] = tuple(one for part in _PARTS for one in part.OPERATIONS)


@cache
def document() -> dict[str, Any]:
    """Return the document; made once, and not to be changed."""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = one.described(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bincheck",
            "version": "1",
            "summary": "Tells from photos of bins whether they hold what the consignments say.",
            "description": (
                "Times are RFC 3339 in UTC, with milliseconds; what is unknown is null, never left out. Lists hand "
                f"back a `cursor`. All callers together may make {problems.RATE} requests a second, and "
                f"{problems.BURST} at once; beyond that they get a 429."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Beside the document, wherever that was had from.
        "servers": [{"url": "."}],
        "tags": [{"name": name, "description": what} for name, what in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems.responses(),
            "securitySchemes": {
                SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the OIDC issuer. Its groups say what it allows: `viewer` may read, "
                    "`operator` may do everything.",
                }
            },
        },
    }


def _schemas() -> dict[str, Schema]:
    described = {name: schema for part in (*_PARTS, problems) for name, schema in part.SCHEMAS.items()}
    models: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (one.body.model, "validation") for one in OPERATIONS if one.body
    ]
    _, defined = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return dict(sorted((described | defined["$defs"]).items()))
