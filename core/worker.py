"""A worker: a person who answers, and what is believed of them in one campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
