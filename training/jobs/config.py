"""The one file that says where jobs run, on what, and what they may cost; see `jobs.example.toml` beside this module.

Reads and checks, and talks to nobody: whether the role exists and the bucket is yours, only AWS knows.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.aws_place import Aws
from training.config_file import Table, dataclasses_of, fitting, read, require, require_known, section, table_of, texts
from training.knobs import Knobs

TORCH: Final = "2.13"
"""The torch that the image has to carry: the one that requirements/training.txt pins."""

_REGISTRY: Final = "763104351884"
_REGISTRY_SERVES: Final = re.compile(
    "us-(east|west)-[12]|ca-central-1|sa-east-1|eu-(central|north)-1|eu-west-[123]|ap-south-1|ap-(north|south)east-[12]"
)
"""Regions whose Deep Learning Containers lie in that account; the others have one each.

Source: docs/reference/region_availability.md of github.com/aws/deep-learning-containers.
"""

_MOST_CHANNELS: Final = 20
"""So many a SageMaker job may have."""

_WITHOUT_CUDA_13: Final = re.compile(r"ml\.(p2|p3|p3dn)\.")
"""CUDA 13 has no code for GPUs before Turing."""


@dataclass(frozen=True, slots=True)
class Data:
    """What jobs learn from, as S3 addresses."""

    photos: str
    backbone: str | None = None
    """Prefix that holds one file, the weights to start from; without one torchvision downloads its own."""
    backbone_source: str | None = None
    """Where those come from and their licence, for the model card."""
    feedback: tuple[str, ...] = ()
    """Prefixes of exported feedback, a folder each, to learn from as well."""
    teachers: tuple[str, ...] = ()
    """Prefixes of finished runs or released models, a folder each, whose opinion is taught as well."""

    def addresses(self) -> dict[str, str]:
        """Give every address by the name that its place in the container has: its channel's."""
        alone = {"training": self.photos, "backbone": self.backbone}
        several = {
            f"{name}_{number}": address
            for name, prefixes in (("feedback", self.feedback), ("teacher", self.teachers))
            for number, address in enumerate(prefixes, start=1)
        }
        return {name: address for name, address in (alone | several).items() if address}


@dataclass(frozen=True, slots=True)
class Machines:
    """What jobs run on and for how long."""

    type: str
    count: int = 1
    volume_gb: int = 100
    """Disk where the instance type has none of its own."""
    spot: bool = True
    max_runtime_hours: float = 4.0
    max_wait_hours: float = 8.0
    """Waiting for spot capacity and running together."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What jobs may cost, in USD."""

    max_usd: float
    """No job starts that could cost more; a tuning job counts as all of its trainings."""
    expected_hours: float | None = None
    """How long you think a training takes; without it the estimate is the bound."""
    spot_share: float = 0.4
    """What you expect spot to cost, as a share of the full price: a guess that nobody guarantees."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What one instance type costs and has."""

    usd_per_hour: float
    gpus: int
    local_disk: bool
    """NVMe of its own: SageMaker then mounts that, and accepts no key for it (it is always encrypted)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A VPC to run in; without one jobs run in SageMaker's own network."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far a tuning job goes."""

    space: str = "published"
    trainings: int = 12
    parallel: int = 2
    warm_start: tuple[str, ...] = ()
    """Earlier tuning jobs, of the same photos and the same space, whose trainings count as known."""


@dataclass(frozen=True, slots=True)
class JobsConfig:
    """All of it."""

    aws: Aws
    data: Data
    machines: Machines
    cost: Cost
    instances: Mapping[str, Instance]
    network: Network = field(default_factory=Network)
    tuning: Tuning = field(default_factory=Tuning)
    tags: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    image: str | None = None

    @property
    def instance(self) -> Instance:
        """What the chosen instance type costs and has."""
        return self.instances[self.machines.type]

    @property
    def processes(self) -> int:
        """How many processes train together: one for each GPU, one for an instance without."""
        return self.machines.count * max(self.instance.gpus, 1)

    @property
    def image_uri(self) -> str:
        """AWS's Deep Learning Container with our torch, for GPUs or for CPUs, unless the file names an image."""
        if self.image:
            return self.image
        accelerator = "cu133" if self.instance.gpus else "cpu"
        registry = f"{_REGISTRY}.dkr.ecr.{self.aws.region}.amazonaws.com"
        return f"{registry}/pytorch:{TORCH}-{accelerator}-amzn2023-sagemaker"

    def place(self, *parts: str) -> str:
        """Name the S3 prefix of these parts under ours. It ends in a slash: without it, `a/` would match `ab/`."""
        return "/".join((f"s3://{self.aws.bucket}", self.aws.prefix, *parts, ""))


def load(file: Path) -> JobsConfig:
    """Read and check a config file; raises UnusableConfigError with the place and what is expected there."""
    return read(file, parsed)


def parsed(tables: Table) -> JobsConfig:
    """Parse the file's tables; raises UnusableConfigError and, for the hyperparameters, BadKnobsError."""
    require_known(JobsConfig, tables)
    config = JobsConfig(
        aws=section(Aws, "aws", tables),
        data=section(Data, "data", tables),
        machines=section(Machines, "machines", tables),
        cost=section(Cost, "cost", tables),
        network=section(Network, "network", tables),
        tuning=section(Tuning, "tuning", tables),
        instances=known_instances() | dataclasses_of(Instance, "instances", tables.get("instances", {})),
        tags=texts("tags", tables.get("tags", {})),
        hyperparameters=dict(table_of("hyperparameters", tables.get("hyperparameters", {}))),
        image=fitting("image", str | None, tables.get("image")),
    )
    Knobs.of(config.hyperparameters)
    _check(config)
    return config


def known_instances() -> dict[str, Instance]:
    """Give the instance types that come with the project."""
    described = tomllib.loads(Path(__file__).with_name("instances.toml").read_text(encoding="utf-8"))
    return dataclasses_of(Instance, "instances", described)


def _check(config: JobsConfig) -> None:
    machines, cost, tuning = config.machines, config.cost, config.tuning
    needs_instance = (
        f"machines.type: nothing is known of {machines.type}; describe it under [instances.{machines.type!r}] with "
        f"usd_per_hour, gpus and local_disk, or choose one of {', '.join(config.instances)}"
    )
    require(machines.type in config.instances, needs_instance)
    require(machines.count > 0 and machines.volume_gb > 0, "machines: count and volume_gb start at 1")
    require(machines.max_runtime_hours > 0, "machines.max_runtime_hours: must be above 0")
    waits_long_enough = not machines.spot or machines.max_wait_hours >= machines.max_runtime_hours
    require(waits_long_enough, "machines.max_wait_hours: includes the runtime, so it cannot be less")
    require(0 < cost.spot_share <= 1, "cost.spot_share: a share of the full price, above 0 and up to 1")
    expected_in_time = cost.expected_hours is None or 0 < cost.expected_hours <= machines.max_runtime_hours
    require(expected_in_time, "cost.expected_hours: above 0, and at most machines.max_runtime_hours")
    require(0 < tuning.parallel <= tuning.trainings, "tuning.parallel: from 1 to tuning.trainings")
    require(bool(config.network.subnets) == bool(config.network.security_groups), "network: needs both or neither")
    for name in ("photos", "backbone", "feedback", "teachers"):
        told = getattr(config.data, name) or ()
        addresses = (told,) if isinstance(told, str) else told
        are_prefixes = all(re.fullmatch(r"s3://[^/]+/.*[^/]/", address) for address in addresses)
        require(are_prefixes, f"data.{name}: s3://…/…/")
    require(len(config.data.addresses()) <= _MOST_CHANNELS, f"data: more than {_MOST_CHANNELS} places to read from")
    told_apart = bool(config.data.backbone) == bool(config.data.backbone_source)
    require(told_apart, "data: backbone needs backbone_source, for the model card, and the other way round")
    knows_registry = bool(config.image or _REGISTRY_SERVES.fullmatch(config.aws.region))
    require(knows_registry, f"image: AWS's images for {config.aws.region} lie in another account; name one")
    too_old = _WITHOUT_CUDA_13.match(machines.type) and "-cu13" in config.image_uri
    require(not too_old, f"machines.type: the image's CUDA 13 does not run on the GPUs of {machines.type}")
