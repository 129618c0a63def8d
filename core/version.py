"""A version: a trained network on disk, what it is taught, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.ids import CampaignId, VersionId
from core.item import Content

Floats = NDArray[np.float64]
Rows = NDArray[Any]  # floats of any width


class VersionState(StrEnum):
    CANDIDATE = "candidate"
    SERVING = "serving"
    RETIRED = "retired"
    SHADOW = "shadow"  # judged better, watched for some nights before it serves


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a version is taught: contents with soft labels. Audit items are never among them."""

    contents: Sequence[Content]  # N of them
    targets: Floats  # (N, K), rows sum to 1; chances of each where several labels may hold
    weights: Floats  # (N,), 0..1
    voices: Sequence[Sequence[int]] = ()  # N of them: who has answered each content, by number; () where unknown
    withdrawn: int = 0  # people whose answers are left out because they asked for it
    likelihoods: Floats | None = None  # (N, K) of the answers under each label, up to a factor; None: unknown

    def __post_init__(self) -> None:
        if not len(self.contents) == len(self.targets) == len(self.weights):
            raise ValueError("one target and one weight for each content")


@dataclass(frozen=True, slots=True)
class Scores:
    """What a version thinks of n contents."""

    probabilities: Floats  # (n, K), calibrated; rows sum to 1, or chances of each where several labels may hold
    embeddings: Rows  # (n, D)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A version judged on audit items by the crowd's answers to them (`core.promotion.judge`)."""

    items: int
    accuracy: float  # under which the answers are likeliest
    low: float  # 95 % interval of the accuracy
    high: float
    log_loss: float  # nats
    ece: float  # expected calibration error, 0..1


@dataclass(frozen=True, slots=True)
class Version:
    """A trained network on disk, named by the hash of its content."""

    id: VersionId
    campaign: CampaignId
    state: VersionState
    created_at: datetime
    taught: int  # items it was trained on
    judgement: Judgement | None
    withdrawn: int = 0  # people whose answers it learned from and who have withdrawn them since


class Trainer(Protocol):
    """Teaches networks; the versions lie in its own folder, each under its id."""

    def cross_fit(self, lessons: Lessons) -> Floats: ...  # (N, K): each row by what did not learn it; TrainingFailed
    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId: ...  # TrainingFailed
    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]: ...  # in the order given
