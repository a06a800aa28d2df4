"""Start the model server, by hand or as SageMaker starts the container.

    python -m training.serving --model models/bin-counter --port 8080
    python -m training.serving serve        SageMaker's way: model in /opt/ml/model, bound to every address

The only place of the server that reads the environment. Ends with status 1 if the model cannot be served.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from training.serving.allocator import give_back
from training.serving.images import MAX_MEMORY
from training.serving.logs import json_lines
from training.serving.model import CountModel
from training.serving.room import Room
from training.serving.server import BoundedPool, ModelServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DRAIN_SECONDS: Final = 25
"""Time for the answers in progress after SIGTERM: SageMaker kills the container after 30."""

KEEP_ALIVE_SECONDS: Final = 75
"""For a connection without a photo: longer than callers keep theirs, so that none sends into one that just closes."""


def main(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    given = arguments(argv, environment)
    logging.basicConfig(level=logging.INFO, handlers=[json_lines(sys.stdout)])
    give_back()

    def give_up() -> None:
        server.should_exit = True

    front = ModelServer(
        load=partial(CountModel.load, given.model, threads=given.inference_threads, hold=Room(MAX_MEMORY).hold),
        pool=BoundedPool(threads=given.threads, queue=given.queue),
        give_up=give_up,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            front.app(),
            host=given.host or ("0.0.0.0" if given.command else "127.0.0.1"),  # noqa: S104 - SageMaker's contract
            port=given.port,
            log_config=None,  # one format for all lines, ours
            access_log=False,  # the server writes a richer line for each photo
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    server.run()
    return 1 if front.failed else 0


def arguments(argv: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Read the command line; what it leaves out comes from SageMaker's variables, then from the defaults."""
    parser = argparse.ArgumentParser(prog="python -m training.serving", description="Count objects in photos of bins.")
    parser.add_argument("command", nargs="?", choices=["serve"], help="the word that SageMaker adds")
    parser.add_argument(
        "--model",
        type=Path,
        default=environment.get("SM_MODEL_DIR", "/opt/ml/model"),
        help="folder or model.tar.gz (default: %(default)s)",
    )
    parser.add_argument("--host", help="address to bind (default: loopback; with serve, every address)")
    parser.add_argument(
        "--port",
        type=int,
        default=environment.get("SAGEMAKER_BIND_TO_PORT", "8080"),
        help="default: %(default)s",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", str(os.cpu_count() or 1)),
        help="photos worked on at once (default: %(default)s, one for each processor)",
    )
    parser.add_argument(
        "--inference-threads",
        type=int,
        default=2,
        help="threads that share one photo's way through the network: more than one answers a lone photo sooner "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--queue",
        type=int,
        default=32,
        help="photos that may wait before others get 503 (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
