"""What can go wrong in a backfill in a way that a person can mend; the message says what and how."""


class BackfillError(Exception):
    """Base of all of them; the command line prints the message and no traceback."""


class OtherBackfill(BackfillError):  # noqa: N818 - named for what was found
    """The folder holds a backfill of other photos."""


class InUse(BackfillError):  # noqa: N818
    """Another process works on this backfill."""


class NotReady(BackfillError):  # noqa: N818
    """A stage before this one has to be run first."""


class JobFailed(BackfillError):  # noqa: N818
    """A transform job gave no answers, or was stopped; the message has SageMaker's reason."""


class Outage(BackfillError):  # noqa: N818
    """So many photos in a row could not be recorded that something else is broken; the message has the last reason."""
