"""What the parts of a transaction share."""

from __future__ import annotations

from dataclasses import dataclass

from core.campaign import Campaign
from core.ids import CampaignId
from core.ports import Letter
from core.worker import Enrolment
from storage.sql import Cursor

Remembered = dict[CampaignId, tuple[int, Campaign]]  # campaign -> (its revision, itself)


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter with its number in the outbox."""

    id: int
    letter: Letter


class Part:
    """One topic of a transaction."""

    __slots__ = ("altered", "cursor", "enrolled", "posted", "remembered", "seen")

    def __init__(self, cursor: Cursor, remembered: Remembered) -> None:
        self.cursor = cursor
        self.remembered = remembered
        self.altered = False  # a campaign was: what is read from now on may be rolled back, so it is not remembered
        self.posted: list[Posted] = []
        self.enrolled: Enrolment | None = None  # as last read or saved in this transaction
        self.seen: dict[CampaignId, Campaign] = {}  # read in this transaction, which alters none
