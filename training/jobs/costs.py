"""What a job may cost, before it starts: a bound that holds and an estimate that is one.

Instances only: disks, S3, logs and the key come on top, cents beside them. Billing is by the second of training,
which MaxRuntimeInSeconds limits, retries and goings-on after an interruption included.
"""

from dataclasses import dataclass

from training.errors import TooExpensiveError
from training.jobs.config import JobsConfig


@dataclass(frozen=True, slots=True)
class Price:
    """What the trainings of a job cost, in USD."""

    trainings: int
    instances: int
    """In each training."""
    usd_per_hour: float
    """For one instance, on demand."""
    bound_hours: float
    expected_hours: float
    spot_share: float
    """Expected share of the full price; 1 without spot."""

    @property
    def bound(self) -> float:
        """The most it can cost: every training runs until it is stopped, at the full price."""
        return self._full_price(self.bound_hours)

    @property
    def estimate(self) -> float:
        """What it should cost, if the expected hours and the guess about spot are right."""
        return self._full_price(self.expected_hours) * self.spot_share

    def _full_price(self, hours: float) -> float:
        return self.trainings * self.instances * hours * self.usd_per_hour

    def __str__(self) -> str:
        trainings = f"{self.trainings} trainings x " if self.trainings > 1 else ""
        spot = f", spot at {self.spot_share:.0%} of that" if self.spot_share < 1 else ""
        return (
            f"about {self.estimate:.2f} USD, at most {self.bound:.2f} USD: {trainings}{self.instances} x "
            f"{self.usd_per_hour:g} USD/h x {self.expected_hours:g} h expected ({self.bound_hours:g} h at most){spot}"
        )


def price(config: JobsConfig, trainings: int = 1) -> Price:
    """Price a job of so many trainings."""
    bound_hours = config.machines.max_runtime_hours
    return Price(
        trainings=trainings,
        instances=config.machines.count,
        usd_per_hour=config.instance.usd_per_hour,
        bound_hours=bound_hours,
        expected_hours=config.cost.expected_hours or bound_hours,
        spot_share=config.cost.spot_share if config.machines.spot else 1.0,
    )


def hold_to_budget(price: Price, max_usd: float) -> None:
    """Raise TooExpensiveError where the bound, not only the estimate, is above the budget."""
    if price.bound > max_usd:
        raise TooExpensiveError(f"{price}; cost.max_usd is {max_usd:g} USD")
