"""The API's own routes over a world in memory, behind an HTTP server on loopback, for whoever calls it as a client."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chalice import Chalice
from chalice.app import AuthResponse
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalDevServer

from chalicelib.api import register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes_api import FakeWorld

OPERATOR, VIEWER = "operators-token", "viewers-token"


class _Handler(ChaliceRequestHandler):  # type: ignore[misc]
    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


@contextmanager
def api_server(world: FakeWorld) -> Iterator[str]:
    """Serve a world until the block ends; yields the API's base address. The tokens are OPERATOR's and VIEWER's."""
    server = LocalDevServer(_app(world), Config.create(), "127.0.0.1", 0, _Handler)
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server.server_port}"
    finally:
        server.shutdown()
        server.server.server_close()
        thread.join()


def _app(world: FakeWorld) -> Chalice:
    app = Chalice(app_name="bincheck")

    @app.authorizer()
    def authorize(request: Any) -> AuthResponse:
        role = request.token.removeprefix("Bearer ")
        may_call = {OPERATOR: ["*"], VIEWER: ["*"] if "/GET/" in request.method_arn else []}
        return AuthResponse(routes=may_call.get(role, []), principal_id=role.removesuffix("s-token"))

    register(app, world, authorize)
    return app
