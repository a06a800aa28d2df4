from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.serving.__main__ import arguments


@pytest.mark.parametrize(
    ("argv", "environment", "expected"),
    [
        (["serve"], {}, {"command": "serve", "model": Path("/opt/ml/model"), "port": 8080, "host": None}),
        ([], {"SAGEMAKER_BIND_TO_PORT": "9000"}, {"port": 9000}),
        (["--port", "1"], {"SAGEMAKER_BIND_TO_PORT": "9000"}, {"port": 1}),
        (["--model", "m"], {"SM_MODEL_DIR": "/elsewhere"}, {"model": Path("m")}),
        ([], {"SM_MODEL_DIR": "/elsewhere"}, {"model": Path("/elsewhere")}),
        ([], {"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}, {"threads": 3}),
    ],
)
def test_what_is_left_out_comes_from_sagemaker_and_then_from_the_defaults(
    argv: list[str], environment: dict[str, str], expected: dict[str, Any]
) -> None:
    given = vars(arguments(argv, environment))
    assert {name: given[name] for name in expected} == expected


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(SystemExit):
        arguments([], {"SAGEMAKER_BIND_TO_PORT": "http"})
