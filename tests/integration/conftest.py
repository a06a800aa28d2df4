"""The app as it is deployed, once for all tests of this folder that ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.emulator import Emulator
    from ops.package import Packaged

PROJECT = Path(__file__).parents[2]
STACK = "bincheck-local"
EMULATED = {"RequireTls": "false", "TableDeletionProtection": "false", "Throughput": "small"}
"""What the template is told where there is no TLS, nothing to protect, and two processors."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack: where it runs, its template, and its outputs."""

    emulator: Emulator
    template: dict[str, Any]
    outputs: dict[str, str]

    def physical_name(self, resource: str) -> str:
        """Return what a resource of the template is called in the account."""
        cloudformation = self.emulator.client("cloudformation")
        found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=resource)
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    from ops.package import package  # noqa: PLC0415 - the training environment, which collects this too, lacks it

    return package(PROJECT, tmp_path_factory.mktemp("package"), "local")


@pytest.fixture(scope="session")
def deployed(emulator: Emulator, packaged: Packaged) -> Iterator[Deployed]:
    from ops.deploy import deploy  # noqa: PLC0415
    from ops.stack import destroy  # noqa: PLC0415

    parameters = {**EMULATED, "UserPoolEndpoint": emulator.url}
    outputs = deploy(emulator.client, packaged, STACK, parameters, poll_seconds=0.1)
    yield Deployed(emulator, packaged.template, outputs)
    destroy(emulator.client("cloudformation"), STACK, lambda _: True, poll_seconds=0.1)
