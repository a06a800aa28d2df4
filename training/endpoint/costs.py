"""What the endpoint may cost in a month, before it is there: a bound that holds and an estimate that is one.

Instances, serverless seconds and traffic; S3, logs, alarms and the key come on top. A rollout runs old and new
instances beside each other for its length: an hour at most, which the bound does not count.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from training.endpoint.config import EndpointConfig, Mode
from training.errors import TooExpensiveError

HOURS: Final = 730.0
"""Of a month."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a month costs, in USD, and how that comes about."""

    estimate: float
    bound: float
    formula: str

    def __str__(self) -> str:
        return f"about {self.estimate:.2f} USD a month, at most {self.bound:.2f} USD and traffic: {self.formula}"


def price(config: EndpointConfig) -> Price:
    """Price a month of the endpoint, for the traffic that the config expects."""
    return _serverless(config) if config.mode is Mode.SERVERLESS else _instances(config)


def hold_to_budget(price: Price, max_usd_per_month: float) -> None:
    """Raise TooExpensiveError where the bound, not only the estimate, is above the budget."""
    if price.bound > max_usd_per_month:
        raise TooExpensiveError(f"{price}; cost.max_usd_per_month is {max_usd_per_month:g} USD")


def _serverless(config: EndpointConfig) -> Price:
    expected, per_gb_second = config.expected, _prices()["serverless"]["usd_per_gb_second"]
    gigabytes, most = config.serverless.memory_mb / 1024, config.serverless.max_concurrency
    busy = expected.photos_per_month * expected.seconds_per_photo
    formula = (
        f"{expected.photos_per_month:,} photos x {expected.seconds_per_photo:g} s x {gigabytes:g} GB x "
        f"{per_gb_second:g} USD per GB-second, {_traffic_formula(config)}; the bound is {most} at work all month"
    )
    return Price(
        estimate=busy * gigabytes * per_gb_second + _traffic(config),
        bound=most * HOURS * 3600 * gigabytes * per_gb_second,
        formula=formula,
    )


def _instances(config: EndpointConfig) -> Price:
    per_hour, scaling = config.instances[config.machines.type].usd_per_hour, config.scaling
    least, most = (scaling.min, scaling.max) if scaling else (config.machines.count, config.machines.count)
    shadows = config.shadow.count if config.shadow else 0
    hours = (least + shadows) * HOURS
    told = f"{least + shadows} instances x {HOURS:g} h"
    if config.scales_to_zero:
        hours = _busy_hours(config)
        told = f"{hours:.1f} h of work"
    return Price(
        estimate=hours * per_hour + _traffic(config),
        bound=(most + shadows) * HOURS * per_hour,
        formula=f"{told} x {per_hour:g} USD/h ({most + shadows} instances at most), {_traffic_formula(config)}",
    )


def _busy_hours(config: EndpointConfig) -> float:
    """Estimate how long instances work for a month's photos, if those come together; idle minutes come on top."""
    return config.expected.photos_per_month * config.expected.seconds_per_photo / 3600


def _traffic(config: EndpointConfig) -> float:
    usd: float = _gigabytes(config) * _prices()["traffic"]["usd_per_gb"]
    return usd


def _traffic_formula(config: EndpointConfig) -> str:
    return f"{_gigabytes(config):.1f} GB x {_prices()['traffic']['usd_per_gb']:g} USD"


def _gigabytes(config: EndpointConfig) -> float:
    return config.expected.photos_per_month * config.expected.kilobytes_per_photo / 1e6


@cache
def _prices() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
