"""What can go wrong in the training room, each said in one sentence that an admin can act on."""

from core.errors import TrainingFailed, VersionRefused

__all__ = ["BadBase", "BadExamples", "BadTracker", "Diverged", "OutOfMemory", "TrainingFailed", "VersionRefused"]


class BadExamples(TrainingFailed):
    """The batch of labels is not one that can be learned from."""


class BadBase(TrainingFailed):
    """The pretrained network that the recipe names cannot be loaded here."""


class BadTracker(TrainingFailed):
    """The settings name a tracker that is not installed."""


class Diverged(TrainingFailed):
    """The loss became infinite or not a number."""


class OutOfMemory(TrainingFailed):
    """Even an eighth of a batch does not fit the device."""
