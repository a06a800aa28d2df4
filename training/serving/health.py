"""Whether the server in this container is ready: the image's health check. Ends with status 1 if it is not."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS: Final = 3


def healthy(environment: Mapping[str, str]) -> bool:
    """Ask for /ping on the port that the server was told to bind."""
    port = int(environment.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if healthy(os.environ) else 1)
