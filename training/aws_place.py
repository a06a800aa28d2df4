"""Where in an account things are made: the table `[aws]` that every config file for AWS has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aws:
    """Where jobs and endpoints are, as whom they run, and where their files lie."""

    region: str
    role_arn: str
    bucket: str
    prefix: str = "bincheck"
    kms_key: str | None = None
    """ARN of the key for everything that is written; without one it is S3's own."""
