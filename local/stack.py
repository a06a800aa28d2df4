"""The whole system on this machine: emulator, model server, and the app deployed as to a real account.

Template, Lambda package and model server are the very ones that an account gets; only addresses differ.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local.emulator import Emulator, emulator
from local.processes import free_port, running
from ops.deploy import deploy_with_page
from ops.package import package
from ops.subscription import subscribe as attach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROJECT: Final = Path(__file__).parent.parent
MODEL: Final = PROJECT / "models" / "bin-counter"
ENDPOINT: Final = "bin-counter"
STACK: Final = "bincheck-local"
_POLL_SECONDS: Final = 0.2

_SUBSCRIBER: Final = "alerts-subscriber"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who may sign in, under a name that tells the role."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The running system: addresses, people, an operator's token, and a queue that is subscribed to the alerts."""

    emulator: Emulator
    outputs: Mapping[str, str]
    people: Mapping[str, Person]
    """By role: operator, viewer."""
    token: str
    subscriber_url: str
    sagemaker_url: str
    name: str = STACK

    @property
    def faults_url(self) -> str:
        """Where faults of the endpoint are planned."""
        return f"{self.sagemaker_url}/faults"

    def client(self, service: str) -> Any:
        """Return a boto3 client as the account's root; SageMaker's clients speak to its stand-in."""
        address = self.sagemaker_url if service.startswith("sagemaker") else self.emulator.url
        return replace(self.emulator, url=address).client(service)

    @property
    def api_url(self) -> str:
        """The API's base, without a slash at its end."""
        return api_url(self.emulator, self.outputs)

    @property
    def page_url(self) -> str:
        """The operators' page."""
        return f"{self.api_url}/page"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API as the operator; returns the decoded answer.

        Raises:
            urllib.error.HTTPError: the API answered with an error.
        """
        request = urllib.request.Request(
            f"{self.api_url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the endpoint's requests and replies are kept, and which share of them."""

    folder: Path
    percentage: int = 100


@contextmanager
def stack(
    folder: Path, tell: Callable[[str], None], *, model: Path = MODEL, captured: Kept | None = None
) -> Iterator[Stack]:
    """Run the system until the block ends; `folder` takes logs and packages, `tell` hears of each step.

    With `captured`, the endpoint's traffic is kept there as SageMaker's data capture does.

    Raises:
        NotReady: a process did not start.
        PackagingFailed: the app could not be packaged.
        StackFailed: the template could not be deployed.
    """
    with ExitStack() as running_processes:
        start = running_processes.enter_context
        tell("starting the model server")
        model_url = start(_model_server(folder, model))
        port = free_port()
        sagemaker_url = start(_sagemaker(folder, model_url, f"http://127.0.0.1:{port}", captured))
        tell("starting the emulator")
        cloud = start(emulator(folder, port=port, extra={"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker_url}))
        tell("packaging the app")
        packaged = package(PROJECT, folder / "package", "local")
        tell("deploying the template")
        outputs = deploy_with_page(
            cloud.client,
            packaged,
            STACK,
            _parameters(cloud),
            poll_seconds=_POLL_SECONDS,
            page_url=lambda made: f"{api_url(cloud, made)}/page",
        )
        people = {role: add_person(cloud, outputs, role, role) for role in ("operator", "viewer")}
        yield Stack(
            emulator=cloud,
            outputs=outputs,
            people=people,
            token=_token(cloud, outputs, people["operator"]),
            subscriber_url=subscribe(cloud, outputs["AlertsTopicArn"]),
            sagemaker_url=sagemaker_url,
        )


def _parameters(cloud: Emulator) -> dict[str, str]:
    """Return what differs from a real account: plain HTTP on loopback, and few workers on few cores."""
    return {
        "EndpointName": ENDPOINT,
        "Throughput": "small",
        "RequireTls": "false",
        "TableDeletionProtection": "false",
        "UserPoolEndpoint": cloud.url,
    }


@contextmanager
def _model_server(folder: Path, model: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "training.serving", "--model", str(model), "--port", url.rpartition(":")[2]]
    with running(command, ready_url=f"{url}/ping", log=folder / "model-server.log", environment=os.environ):
        yield url


@contextmanager
def _sagemaker(folder: Path, model_url: str, s3_url: str, captured: Kept | None) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "local.sagemaker", "--port", url.rpartition(":")[2]),
        *("--endpoint", ENDPOINT, "--model-server", model_url, "--s3", s3_url),
    ]
    if captured is not None:
        command += ["--capture", str(captured.folder), "--capture-percentage", str(captured.percentage)]
    with running(command, ready_url=f"{url}/ping", log=folder / "sagemaker.log", environment=os.environ):
        yield url


def api_url(cloud: Emulator, outputs: Mapping[str, str]) -> str:
    """Return where the emulator serves a deployed API."""
    return f"{cloud.url}/restapis/{outputs['RestAPIId']}/api/_user_request_"


def add_person(cloud: Emulator, outputs: Mapping[str, str], name: str, role: str) -> Person:
    """Make somebody in the user pool, as one who administers it, with a password that nobody knows before."""
    cognito = cloud.client("cognito-idp")
    person = Person(f"{name}@example.org", f"{secrets.token_urlsafe(12)}aA1")
    about = {"UserPoolId": outputs["UserPoolId"], "Username": person.name}
    cognito.admin_create_user(
        **about,
        TemporaryPassword=person.password,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": person.name}, {"Name": "email_verified", "Value": "true"}],
    )
    cognito.admin_set_user_password(**about, Password=person.password, Permanent=True)
    cognito.admin_add_user_to_group(**about, GroupName=role)
    return person


def _token(cloud: Emulator, outputs: Mapping[str, str], person: Person) -> str:
    """Sign in as scripts do, which may administer the pool; people do it on the page."""
    reply = cloud.client("cognito-idp").admin_initiate_auth(
        UserPoolId=outputs["UserPoolId"],
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.name, "PASSWORD": person.password},
    )
    token: str = reply["AuthenticationResult"]["AccessToken"]
    return token


def subscribe(cloud: Emulator, topic_arn: str) -> str:
    """Subscribe a queue to the alerts, as any receiver would; returns its URL."""
    return attach(cloud.client("sqs"), cloud.client("sns"), topic_arn, _SUBSCRIBER).queue_url
