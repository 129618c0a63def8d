"""What every handler needs, in one value."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.figures import Figures
from core.ids import Account, CampaignId, ItemId
from core.ports import Ledger


class Errands(Protocol):
    """Long jobs that a chat command only starts; each tells the admin's chat when it is done."""

    def train(self, slug: str, chat: int) -> Awaitable[None]: ...  # a night, in a subprocess
    def export(self, slug: str, chat: int) -> Awaitable[None]: ...  # files, in a thread
    def telling(self, item: ItemId, chat: int) -> Awaitable[None]: ...  # words, in the process where versions speak


@dataclass(frozen=True, slots=True)
class House:
    """The doors of the handlers: store, time, chance, and who is an admin."""

    ledger: Ledger
    errands: Errands
    admins: frozenset[int]  # Telegram user ids
    username: str  # of the bot, without @: for deep links
    now: Callable[[], datetime]
    rng: random.Random
    figures: Callable[[CampaignId], Figures | None] = lambda _: None  # of the last refit

    def account(self, number: int) -> Account:
        """A Telegram user as the core knows them."""
        return Account("telegram", number)
