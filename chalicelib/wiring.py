"""The only place that reads the environment and makes boto3 clients. Nothing happens at import."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.alerting import Alerter
from chalicelib.check import Checker
from chalicelib.digest import DigestLimits
from chalicelib.feedback import Adaptation, with_rate
from chalicelib.inbox import RetryRule
from chalicelib.items_people import to_feedback
from chalicelib.site_policy import Limits
from chalicelib.telemetry import TimedCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.api.auth import Authorizer
    from chalicelib.api.page import PageSettings
    from chalicelib.api.world import World
    from chalicelib.aws.policies import DynamoPolicies
    from chalicelib.items import Attributes
    from chalicelib.policy import Policy
    from chalicelib.ports import Counters, Inbox
    from chalicelib.ports_api import Part, PolicyBook, Result, SiteRules
    from chalicelib.receive import Receiver

_MODEL_TIMEOUT_SECONDS = 8
"""Ten photos that all run into it still end within the function's two minutes."""


_MOST_FILE_BYTES = 8 * 1024 * 1024
"""A consignment's file; read and checked, it takes some ten times as much memory."""


class NotConfigured(Exception):  # noqa: N818
    """An environment variable that a function needs is missing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, by name; each access says which variable is missing."""

    environment: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return the variable BINCHECK_<name>."""
        try:
            return self.environment[f"BINCHECK_{name}"]
        except KeyError as missing:
            raise NotConfigured(f"the environment variable {missing} is not set; the template sets it") from missing

    @property
    def retry_rule(self) -> RetryRule:
        """How photos that failed are tried again."""
        return RetryRule(int(self.text("MAX_RECEIVES")), int(self.text("FIRST_PAUSE_SECONDS")))


def settings() -> Settings:
    """Return the settings of this process."""
    return Settings(os.environ)


@cache
def client(service: str, *, patience: int = 10, attempts: int = 3) -> Any:
    """Return this process's client for a service, made once; `patience` is seconds for one attempt.

    boto3 is loaded here and not above: a function that calls no service starts without it.
    """
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": attempts}
    # Unless it is told, S3 still signs links the old way, without an end of their own, and for its global address: a
    # young bucket elsewhere answers there with a redirect to a host that was not signed.
    config = Config(
        connect_timeout=2,
        read_timeout=patience,
        retries=retries,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "virtual"} if service == "s3" else None,
        # Items are typed by boto3 itself, and the service checks them: checking them here as well takes a third of the
        # processor time of writing a consignment.
        parameter_validation=service != "dynamodb",
    )
    return boto3.client(service, config=config)


def policies_in(dynamodb: Any, table: str) -> DynamoPolicies:
    """Return by what photos are judged, as a table has it."""
    from chalicelib.aws.policies import DynamoPolicies

    return DynamoPolicies(dynamodb, table, time.monotonic, learnt)


def learnt(policy: Policy, limits: Limits, feedback: Attributes | None) -> Policy:
    """Put the rate of mismatches that a site has taught into its policy."""
    return with_rate(policy, to_feedback(feedback) if feedback else None, Adaptation.of(limits))


def _rules(book: PolicyBook, site: str) -> SiteRules:
    """Return what a site's operators have set, as the lists and figures need it."""
    from chalicelib.ports_api import SiteRules

    policy = book.standing(site).policy
    (_, by_default), *_ = policy.policies()
    return SiteRules(by_default, Adaptation.of(policy.limits), policy.limits.review_per_hour)


@cache
def checker() -> Checker:
    """Return what checks photos."""
    from chalicelib.aws.bins import DynamoBins
    from chalicelib.aws.counter import SageMakerCounter
    from chalicelib.aws.images import S3Images

    here = settings()
    runtime = client("sagemaker-runtime", patience=_MODEL_TIMEOUT_SECONDS, attempts=1)
    dynamodb, table = client("dynamodb"), here.text("TABLE")
    return Checker(
        images=S3Images(client("s3"), int(here.text("MAX_PHOTO_BYTES"))),
        counter=TimedCounter(SageMakerCounter(runtime, here.text("ENDPOINT")), time.perf_counter),
        bins=DynamoBins(dynamodb, table),
        policies=policies_in(dynamodb, table),
        prefix=here.text("PREFIX"),
        clock=now,
    )


@cache
def receiver() -> Receiver:
    """Return what loads consignments from files."""
    from chalicelib.aws.bins import DynamoBins
    from chalicelib.aws.consignments import DynamoConsignments
    from chalicelib.aws.images import S3Images
    from chalicelib.load import Loader
    from chalicelib.receive import Receiver

    here = settings()
    dynamodb, table = client("dynamodb"), here.text("TABLE")
    consignments = DynamoConsignments(dynamodb, table, time.sleep)
    return Receiver(
        files=S3Images(client("s3"), _MOST_FILE_BYTES),
        loader=Loader(consignments, now, time.sleep, side_by_side),
        consignments=consignments,
        bins=DynamoBins(dynamodb, table),
        prefix=here.text("CONSIGNMENTS_PREFIX"),
        clock=now,
    )


@cache
def inbox() -> Inbox:
    """Return the queue that announces photos."""
    from chalicelib.aws.inbox import SqsInbox

    here = settings()
    return SqsInbox(client("sqs"), here.text("INBOX_URL"), here.text("DEAD_LETTERS_URL"))


@cache
def alerter() -> Alerter:
    """Return what sends alerts."""
    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.aws.topic import SnsTopic

    here = settings()
    dynamodb, table = client("dynamodb"), here.text("TABLE")
    policies = policies_in(dynamodb, table)
    return Alerter(
        ledger=DynamoLedger(dynamodb, table, time.sleep),
        topic=SnsTopic(client("sns"), here.text("ALERTS_TOPIC"), here.text("API_URL").rstrip("/")),
        limits_for=lambda site: DigestLimits.of(policies.standing(site).limits if site else Limits()),
        sleep=time.sleep,
    )


@cache
def counters() -> Counters:
    """Return what counts for the dashboards."""
    from chalicelib.aws.statistics import DynamoCounters

    return DynamoCounters(client("dynamodb"), settings().text("TABLE"), time.sleep)


@cache
def world() -> World:
    """Return what the API's routes may reach."""
    from chalicelib.api.world import World
    from chalicelib.aws.bins import DynamoBins
    from chalicelib.aws.consignment_lists import DynamoConsignmentLists
    from chalicelib.aws.consignments import DynamoConsignments
    from chalicelib.aws.directory import DynamoDirectory
    from chalicelib.aws.history import DynamoHistory
    from chalicelib.aws.people import DynamoPeople
    from chalicelib.aws.pictures import S3Pictures
    from chalicelib.aws.policies import DynamoPolicyBook
    from chalicelib.aws.queues import SqsDeadLetters
    from chalicelib.aws.statistics import DynamoStatistics
    from chalicelib.aws.trail import DynamoTrail
    from chalicelib.load import Loader
    from chalicelib.resolve import Resolver

    here = settings()
    dynamodb, table = client("dynamodb"), here.text("TABLE")
    bins, people = DynamoBins(dynamodb, table), DynamoPeople(dynamodb, table)
    book = DynamoPolicyBook(dynamodb, table, learnt)
    consignments = DynamoConsignments(dynamodb, table, time.sleep)
    return World(
        bins=bins,
        directory=DynamoDirectory(dynamodb, table, time.sleep),
        consignments=consignments,
        consignment_lists=DynamoConsignmentLists(dynamodb, table),
        loader=Loader(consignments, now, time.sleep, side_by_side),
        pictures=S3Pictures(client("s3")),
        people=people,
        trail=DynamoTrail(dynamodb, table),
        resolver=Resolver(bins, people, now, time.sleep),
        rules_of=lambda site: _rules(book, site),
        policies=book,
        history=DynamoHistory(dynamodb, table),
        statistics=DynamoStatistics(dynamodb, table),
        dead_letters=SqsDeadLetters(
            client("sqs"),
            {"inbox": here.text("DEAD_LETTERS_URL"), "alerts": here.text("ALERTS_DEAD_LETTERS_URL")},
        ),
        clock=now,
    )


@cache
def authorizer() -> Authorizer:
    """Return what verifies callers' tokens."""
    from chalicelib.api.auth import Authorizer, keys_at

    here = settings()
    return Authorizer(
        keys_at(here.text("JWKS_URL")), here.text("ISSUER"), here.text("AUDIENCE"), here.text("ROLES_CLAIM")
    )


def page_settings() -> PageSettings:
    """Return what the operators' page depends on."""
    from chalicelib.api.page import PageSettings, SignIn

    here = settings()
    sign_in = SignIn.of(lambda name: here.text(f"SIGN_IN_{name}"))
    return PageSettings(sign_in, tuple(here.text("PHOTO_ORIGINS").split()))


def side_by_side(do: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Do the same with several parts, each in a thread of its own (a `ports_api.SideBySide`)."""
    if len(parts) < 2:
        return [do(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor

    from chalicelib.ports_api import LANES

    with ThreadPoolExecutor(LANES) as threads:
        return list(threads.map(do, parts))


def now() -> datetime:
    """Return the time, as precise as it is recorded."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
