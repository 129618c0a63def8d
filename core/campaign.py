"""A campaign: a set of items, a label set, instructions, a policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import BadInput
from core.ids import CampaignId, VersionId
from core.reliability import Pool

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Kind(StrEnum):
    """What an answer is; each kind has its own belief."""

    SINGLE = "single"
    RATING = "rating"  # labels in order


class CampaignState(StrEnum):
    OPEN = "open"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers, how sure, how fast, how much."""

    confidence: float = 0.95  # calibrated belief at which an item is settled
    min_overlap: int = 2  # answers before an item may be settled
    max_overlap: int = 7  # answers an item never exceeds
    lease: timedelta = timedelta(minutes=20)  # how long a question waits for its answer
    undo: timedelta = timedelta(minutes=10)  # how long an answer can be taken back
    control_share: float = 0.05  # share of questions to known workers whose truth is known
    newcomer_controls: int = 4  # controls among a newcomer's first answers
    audit_share: float = 0.1  # share of items kept from training, by hash of their name
    head: int = 32  # how many of the best open items a question is drawn from
    network_weight: float = 0.5  # voice of the serving version in an item's belief; 0 is silent
    pay: int = 0  # for each answer, in thousandths of the currency's unit
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise BadInput("policy.confidence", "must lie between 0.5 and 1.")
        if not 2 <= self.min_overlap <= self.max_overlap:
            raise BadInput(
                "policy.min_overlap", "must be at least 2 (one answer settles nothing) and at most max_overlap."
            )
        if self.lease <= timedelta(0) or self.pay < 0 or self.head < 1 or self.newcomer_controls < 0:
            raise BadInput("policy", "lease and head must be positive, pay and newcomer_controls not negative.")
        for name in ("control_share", "audit_share", "network_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"policy.{name}", "must lie between 0 and 1.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign that an admin describes, before it exists."""

    slug: str
    title: str
    instructions: str
    labels: tuple[str, ...]
    kind: Kind = Kind.SINGLE
    policy: Policy = Policy()
    wordings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # language -> the labels' words there
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.slug):
            raise BadInput("name", f"'{self.slug}' must be 1-32 of a-z, 0-9, - and _, as it becomes a link.")
        if len(self.labels) < 2:
            raise BadInput("labels", "a campaign needs at least two labels.")
        if len(set(self.labels)) < len(self.labels) or any(not label.strip() for label in self.labels):
            raise BadInput("labels", "each label must be there once and not be empty.")
        if any(len(label) > 64 for label in self.labels):
            raise BadInput("labels", "a label is at most 64 characters long, to fit on a button.")
        for language, words in self.wordings.items():
            if len(words) != len(self.labels):
                raise BadInput(f"wordings.{language}", f"needs {len(self.labels)} words, one for each label.")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it runs."""

    id: CampaignId
    draft: Draft
    state: CampaignState
    created_at: datetime
    pool: Pool  # the belief about its workers in common, from the last refit
    serving: VersionId | None = None

    @property
    def slug(self) -> str:
        return self.draft.slug

    @property
    def labels(self) -> tuple[str, ...]:
        return self.draft.labels

    @property
    def policy(self) -> Policy:
        return self.draft.policy

    def choices(self, language: str) -> tuple[str, ...]:
        """(K,) the labels' words on buttons in a language."""
        return self.draft.wordings.get(language, self.draft.labels)
