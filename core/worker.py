"""A worker: a person who answers, and what is believed of them in one campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from hashlib import sha256

from core.ids import Account, CampaignId, WorkerId
from core.reliability import Reliability

CONSENT_VERSION = 1  # raise it when what is stored or paid changes: everybody is asked again


@dataclass(frozen=True, slots=True)
class Worker:
    """A person behind an account."""

    id: WorkerId
    account: Account
    language: str
    consent: int  # version agreed to; 0: not yet
    campaign: CampaignId | None  # where they work now
    reachable: bool = True  # false after /stop, or when they blocked the bot

    @property
    def agreed(self) -> bool:
        return self.consent >= CONSENT_VERSION


class Reason(Enum):
    """Why somebody is suspected, in words; by itself it never keeps anybody from working."""

    RAPID = "answers faster than the question can be read"
    ALIKE = "answers do not depend on the item"
    RUNS = "the same button again and again"
    RING = "agrees with certain others more than honest work explains"
    MISSED = "misses controls as a random answerer would"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A reason with its strength: it asks a control first."""

    reason: Reason
    strength: float  # 0 none .. 1 certain


class Admission(StrEnum):
    """May this worker be asked?"""

    OPEN = "open"
    SUSPENDED = "suspended"  # by the sequential test on controls (`core/suspension.py`)
    DISPUTED = "disputed"  # suspended, the worker objects: an admin decides
    BANNED = "banned"  # by an admin
    RESTORED = "restored"  # by an admin: the test stops them no more
    FORGOTTEN = "forgotten"  # they asked for it: nobody is behind this place any more (`core/forgetting.py`)
    WITHDRAWN = "withdrawn"  # and their answers count no more

    @property
    def asks(self) -> bool:
        """Whether they get questions."""
        return self in (Admission.OPEN, Admission.RESTORED)

    @property
    def gone(self) -> bool:
        """Whether nobody is behind this place any more."""
        return self in (Admission.FORGOTTEN, Admission.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A worker in a campaign."""

    campaign: CampaignId
    worker: WorkerId
    reliability: Reliability
    joined_at: datetime
    answered: int = 0  # answers that stand, late ones too
    controls: int = 0  # controls answered
    controls_right: int = 0
    skipped: int = 0
    admission: Admission = Admission.OPEN
    surprise: float = 0.0  # nats by which the controls speak for a random answerer and against an honest worker
    suspicions: tuple[Suspicion, ...] = ()  # of the last refit

    @property
    def pseudonym(self) -> str:
        """What an admin calls this worker: another name in each campaign, and it tells nothing about the person."""
        return "w" + sha256(f"{self.campaign}:{self.worker}".encode()).hexdigest()[:8]
