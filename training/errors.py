"""What can go wrong on the way to a model in a way that its user can mend; the message says what and where."""


class TrainingError(Exception):
    """Base of all of them; the command line prints the message and no traceback."""


class BrokenRecordError(TrainingError):
    """A photo that does not decode, or whose metadata holds no usable count."""


class NothingToScoreError(TrainingError):
    """No photo has a truth that takes part in the protocol."""


class UnusableBackboneError(TrainingError):
    """The named architecture or the given weights cannot become a bin counter."""


class OtherRunError(TrainingError):
    """The run folder holds a run with other knobs."""


class UnfinishedRunError(TrainingError):
    """The run folder holds no checkpoint after the last epoch."""


class ExportMismatchError(TrainingError):
    """The exported graph does not say what the network says."""


class UnusableModelError(TrainingError):
    """What should be a released model is none, or counts in other classes than the protocols."""
