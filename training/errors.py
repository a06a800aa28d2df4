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


class UnusableSpaceError(TrainingError):
    """What should say which values tuning may try does not."""


class OtherStudyError(TrainingError):
    """The study folder holds trials of other photos, another space or other fixed knobs."""


class BadKnobsError(TrainingError):
    """A knob that does not exist, has a value it cannot take, or contradicts another."""


class OtherPhotosError(TrainingError):
    """A teacher, or what the starting weights come from, has learnt from other photos than this run may see."""


class CollapsedError(TrainingError):
    """A pretraining has lost what tells photos apart: all look alike to its network."""


class NothingToSplitError(TrainingError):
    """A data folder without a single usable bin."""


class OtherSplitError(TrainingError):
    """The folder holds another split, or files that are not of this one."""


class UnfinishedSplitError(TrainingError):
    """What should be uploaded has no manifest, or is not what its manifest says."""


class UnsafeBucketError(TrainingError):
    """The bucket is missing, may be public, or does not encrypt."""


class OtherUploadError(TrainingError):
    """Below the address lies something else."""


class UploadFailedError(TrainingError):
    """S3 refused or could not be reached."""


class UnusableConfigError(TrainingError):
    """The file that says where and how jobs or the endpoint run lacks something, or has what does not belong there."""


class InvalidRequestError(TrainingError):
    """A request breaks rules that SageMaker publishes, so it was not sent."""


class TooExpensiveError(TrainingError):
    """A job could cost more than its budget, so it was not started."""


class JobRefusedError(TrainingError):
    """AWS refused a call about a job: a name that is taken or unknown, a permission, a quota."""


class NoModelError(TrainingError):
    """The job has left no model: it has not ended yet, or failed."""


class UnusableSourceError(TrainingError):
    """The bucket, folder or API cannot be read at all: a wrong name, no permission, or it answers nobody any more."""


class BadSelectionError(TrainingError):
    """What should say which bins to fetch does not."""


class FolderInUseError(TrainingError):
    """Another process is filling the same folder."""


class UnwritableFolderError(TrainingError):
    """The data folder takes no more files."""


class NoAnswerError(TrainingError):
    """A model that was asked for a photo's count refused, failed or could not be reached."""


class EndpointRefusedError(TrainingError):
    """AWS refused a call about the endpoint: a name, a permission, a quota."""


class NotApprovedError(TrainingError):
    """The registry's version of a model has not been approved, so nothing serves it."""


class EndpointStateError(TrainingError):
    """The endpoint is missing, is being changed right now, or is beyond what an update can mend."""


class RolloutFailedError(TrainingError):
    """SageMaker could not bring the change about and, where it could, went back to what served before."""


class UnreadableCaptureError(TrainingError):
    """Captured traffic that cannot be read: no such folder or bucket, or no permission."""


class UnusableBaselineError(TrainingError):
    """What should say how photos and answers used to be does not, or says it of another model."""


class NothingPublishedError(TrainingError):
    """CloudWatch took no metric, gave none, or it is not clear whose they would be."""


class UnfinishedExportError(TrainingError):
    """A folder of feedback whose export has not ended, or whose files are not those of its manifest."""


class OtherExportError(TrainingError):
    """The folder holds what another command has put there, or an export of other sites or with other choices."""
