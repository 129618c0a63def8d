"""A question, its lease, and the answer that came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.evidence import Evidence
from core.forms import Layout
from core.ids import CampaignId, ItemId, QuestionId, WorkerId


class QuestionState(StrEnum):
    LIVE = "live"  # its lease runs
    ANSWERED = "answered"
    SKIPPED = "skipped"
    EXPIRED = "expired"  # its lease ran out; a late answer is still taken
    WITHDRAWN = "withdrawn"  # answered by somebody who asked to be forgotten with their answers


@dataclass(frozen=True, slots=True)
class Question:
    """One ask about one item to one worker, in one form. The lease counts its undos: a tap on an older one is stale."""

    id: QuestionId
    campaign: CampaignId
    item: ItemId
    worker: WorkerId
    layout: Layout
    p_select: float  # probability with which this item was drawn for this worker
    lease: int
    state: QuestionState
    asked_at: datetime
    expires_at: datetime
    suggested: int | None = None  # label that a version thought likeliest, where `show_suggestion` draws an arm
    revealed: bool | None = None  # the worker was told of it; None: no arm was drawn


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a fact, never edited. It stands while its question is answered under the same lease."""

    question: QuestionId
    lease: int
    campaign: CampaignId
    item: ItemId
    worker: WorkerId
    evidence: Evidence
    answered_at: datetime
    latency_ms: int
    late: bool
    counted: bool  # false for a late answer to an item that had no seat left


class Press(StrEnum):
    """Buttons of a question that are not choices."""

    NOT_SURE = "u"
    DONE = "d"  # these are marked, and no others
    NONE = "n"  # none is marked
    SKIP = "s"
    PROBLEM = "p"
    UNDO = "z"


@dataclass(frozen=True, slots=True)
class Tap:
    """A press of a button: `choice` counts the choices from 0, or is one of the other buttons."""

    question: QuestionId
    lease: int
    choice: int | Press
