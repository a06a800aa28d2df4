"""The one file that says what the endpoint is and what it may cost; see `endpoint.example.toml` beside this module.

Reads and checks, and talks to nobody: whether the role exists and the image can be pulled, only AWS knows.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from training.aws_place import Aws
from training.config_file import Table, dataclasses_of, read, require, require_known, section, texts

SERVERLESS_MEMORY: Final = (1024, 2048, 3072, 4096, 5120, 6144)
"""MB that a serverless endpoint can have; source: ProductionVariantServerlessConfig in SageMaker's API reference."""


class Mode(StrEnum):
    """How the endpoint is run; a deployed endpoint cannot change it."""

    REAL_TIME = "real-time"
    SERVERLESS = "serverless"
    ASYNCHRONOUS = "asynchronous"


class Metric(StrEnum):
    """What scaling holds steady, for each instance."""

    INVOCATIONS = "invocations"
    """Photos a minute."""
    CONCURRENCY = "concurrency"
    """Photos at the same time; known every ten seconds, so it reacts sooner."""
    BACKLOG = "backlog"
    """Photos that wait: what there is for an asynchronous endpoint."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is served, and how."""

    image: str
    """Our own image in ECR; name it by digest, a tag may point elsewhere tomorrow."""
    name: str = "bin-counter"
    """As the checker's template knows it (EndpointName)."""
    mode: str = "real-time"
    package: str = "models/bin-counter"
    """Folder of the released model."""
    registry: str = "bin-counter"
    """Model package group in which its versions are kept."""
    approval: str = "Approved"
    """What a new version is registered as: Approved, or PendingManualApproval to have somebody look first."""


@dataclass(frozen=True, slots=True)
class Machines:
    """What a real-time or asynchronous endpoint runs on."""

    type: str = "ml.c5.large"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Serverless:
    """What a serverless endpoint may take."""

    memory_mb: int = 2048
    max_concurrency: int = 5


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """How an asynchronous endpoint works and whom it tells."""

    max_concurrent: int = 4
    """Photos that one instance is given at a time."""
    success_topic: str | None = None
    error_topic: str | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """Between which numbers of instances the endpoint moves, and why."""

    min: int
    max: int
    target: float
    metric: str
    scale_in_seconds: int = 300
    """How long to wait after one change before taking instances away."""
    scale_out_seconds: int = 60
    scale_in: bool = True
    """False adds instances and never takes one away: that is then yours."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Which share of requests and replies of a real-time endpoint is kept in S3."""

    percentage: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """When somebody should look; the first two also end a rollout."""

    errors_per_minute: int = 5
    latency_ms: float = 1000.0
    """Of 95 % of requests, in the container."""
    quiet_minutes: int = 0
    """No request for so long is an alarm; 0 for none."""
    drift_hours: int = 0
    """How often `watch --publish` runs; what it finds drifted is an alarm. 0 for none."""
    topic: str | None = None
    """SNS topic that is told; an alarm without one is only red."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a change reaches the photos."""

    canary_percent: int = 20
    """Share of the new instances that gets photos first, where there are at least two."""
    bake_minutes: int = 10
    """How long alarms are watched before the change goes on, and before the old instances go."""
    max_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Shadow:
    """A challenger that gets copies of photos; nobody gets its answers, they are only captured."""

    package: str
    percentage: int = 100
    count: int = 1


@dataclass(frozen=True, slots=True)
class Expected:
    """The traffic that the estimate is made for."""

    photos_per_month: int = 100_000
    seconds_per_photo: float = 0.1
    kilobytes_per_photo: float = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the endpoint may cost, in USD."""

    max_usd_per_month: float


@dataclass(frozen=True, slots=True)
class Instance:
    """What one instance type costs in SageMaker Hosting."""

    usd_per_hour: float


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """All of it; sections that may be left out are None."""

    aws: Aws
    endpoint: Endpoint
    cost: Cost
    instances: Mapping[str, Instance]
    machines: Machines = field(default_factory=Machines)
    serverless: Serverless = field(default_factory=Serverless)
    asynchronous: Asynchronous = field(default_factory=Asynchronous)
    alarms: Alarms = field(default_factory=Alarms)
    rollout: Rollout = field(default_factory=Rollout)
    expected: Expected = field(default_factory=Expected)
    scaling: Scaling | None = None
    capture: Capture | None = None
    shadow: Shadow | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def mode(self) -> Mode:
        """How the endpoint is run."""
        return Mode(self.endpoint.mode)

    @property
    def scales_to_zero(self) -> bool:
        """Tell whether an instance has to be woken by a waiting photo."""
        return self.scaling is not None and self.scaling.min == 0

    @property
    def key_prefix(self) -> str:
        """The prefix of everything in the bucket that is the endpoint's, ending in a slash."""
        return f"{self.aws.prefix}/endpoint/"

    def place(self, *parts: str) -> str:
        """Name an S3 address below the endpoint's prefix."""
        return f"s3://{self.aws.bucket}/{self.key_prefix}{'/'.join(parts)}"


def load(file: Path) -> EndpointConfig:
    """Read and check a config file; raises UnusableConfigError with the place and what is expected there."""
    return read(file, parsed)


def parsed(tables: Table) -> EndpointConfig:
    """Parse the file's tables; raises UnusableConfigError."""
    require_known(EndpointConfig, tables)
    config = EndpointConfig(
        aws=section(Aws, "aws", tables),
        endpoint=section(Endpoint, "endpoint", tables),
        cost=section(Cost, "cost", tables),
        instances=known_instances() | dataclasses_of(Instance, "instances", tables.get("instances", {})),
        machines=section(Machines, "machines", tables),
        serverless=section(Serverless, "serverless", tables),
        asynchronous=section(Asynchronous, "asynchronous", tables),
        alarms=section(Alarms, "alarms", tables),
        rollout=section(Rollout, "rollout", tables),
        expected=section(Expected, "expected", tables),
        scaling=section(Scaling, "scaling", tables) if "scaling" in tables else None,
        capture=section(Capture, "capture", tables) if "capture" in tables else None,
        shadow=section(Shadow, "shadow", tables) if "shadow" in tables else None,
        environment=texts("environment", tables.get("environment", {})),
        tags=texts("tags", tables.get("tags", {})),
    )
    _check(config)
    return config


def known_instances() -> dict[str, Instance]:
    """Give the instance types that come with the project."""
    prices = tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
    return dataclasses_of(Instance, "instances", prices["instances"])


def _check(config: EndpointConfig) -> None:
    endpoint, alarms, rollout = config.endpoint, config.alarms, config.rollout
    modes, approvals = [mode.value for mode in Mode], ("Approved", "PendingManualApproval")
    require(endpoint.mode in modes, f"endpoint.mode: one of {', '.join(modes)}")
    require(endpoint.approval in approvals, f"endpoint.approval: one of {', '.join(approvals)}")
    # What is made for it carries its name, a dash and twelve letters; SageMaker allows 63 in all.
    fits = re.fullmatch("[a-z0-9](-*[a-z0-9]){0,49}", endpoint.name) is not None
    require(fits, "endpoint.name: lower-case letters, digits and dashes, 50 at most")
    require(alarms.errors_per_minute > 0 and alarms.latency_ms > 0, "alarms: limits start above 0")
    require(alarms.quiet_minutes >= 0, "alarms.quiet_minutes: 0 for none, or how many")
    require(0 <= alarms.drift_hours <= 24, "alarms.drift_hours: 0 for none, or from 1 to 24")
    is_captured = config.capture is not None or alarms.drift_hours == 0
    require(is_captured, "alarms.drift_hours: without [capture] there is nothing to watch")
    require(0 < rollout.canary_percent <= 50, "rollout.canary_percent: from 1 to 50")
    require(0 < rollout.bake_minutes <= 60, "rollout.bake_minutes: from 1 to 60")
    long_enough = max(10, 2 * rollout.bake_minutes) <= rollout.max_minutes <= 480
    require(long_enough, "rollout.max_minutes: at least twice bake_minutes and 10, at most 480")
    if config.mode is Mode.SERVERLESS:
        _check_serverless(config)
    else:
        _check_machines(config)
    if config.capture is not None:
        require(config.mode is Mode.REAL_TIME, "capture: only a real-time endpoint's photos can be captured")
        require(0 < config.capture.percentage <= 100, "capture.percentage: from 1 to 100")
    if config.shadow is not None:
        _check_shadow(config, config.shadow)


def _check_serverless(config: EndpointConfig) -> None:
    memory = ", ".join(map(str, SERVERLESS_MEMORY))
    require(config.serverless.memory_mb in SERVERLESS_MEMORY, f"serverless.memory_mb: one of {memory}")
    require(1 <= config.serverless.max_concurrency <= 200, "serverless.max_concurrency: from 1 to 200")
    require(config.scaling is None, "scaling: a serverless endpoint scales by itself, from zero to max_concurrency")


def _check_machines(config: EndpointConfig) -> None:
    machines, scaling = config.machines, config.scaling
    needs_price = (
        f"machines.type: nothing is known of {machines.type}; give its usd_per_hour under "
        f"[instances.{machines.type!r}], or choose one of {', '.join(config.instances)}"
    )
    require(machines.type in config.instances, needs_price)
    require(machines.count > 0, "machines.count: starts at 1")
    require(1 <= config.asynchronous.max_concurrent <= 1000, "asynchronous.max_concurrent: from 1 to 1000")
    if scaling is None:
        return
    is_asynchronous = config.mode is Mode.ASYNCHRONOUS
    metrics = [Metric.BACKLOG] if is_asynchronous else [Metric.INVOCATIONS, Metric.CONCURRENCY]
    require(scaling.metric in metrics, f"scaling.metric: {' or '.join(metrics)} for a {config.mode} endpoint")
    require(scaling.target > 0, "scaling.target: above 0")
    require(0 <= scaling.min <= scaling.max and scaling.max > 0, "scaling: min is at least 0, max at least min and 1")
    stays_up = is_asynchronous or scaling.min > 0
    require(
        stays_up,
        "scaling.min: a real-time endpoint keeps one instance; to pay nothing while no photo comes, choose "
        "serverless or asynchronous",
    )
    require(scaling.scale_in_seconds >= 0 and scaling.scale_out_seconds >= 0, "scaling: cooldowns start at 0")


def _check_shadow(config: EndpointConfig, shadow: Shadow) -> None:
    require(config.mode is Mode.REAL_TIME, "shadow: only a real-time endpoint can have one")
    require(config.capture is not None, "shadow: without [capture] nobody would ever see the challenger's answers")
    require(0 < shadow.percentage <= 100 and shadow.count > 0, "shadow: percentage from 1 to 100, count from 1")
