"""Who comes when: a fake clock, and workers who sit down for some questions and leave again."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from bot.simulated.crowd import Simulated

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
SITTING = 15  # questions of an average sitting
AWAY = 3 * 3600.0  # seconds between sittings, on average
PAUSE = 5.0  # seconds between questions, on average
LATER = 1800.0  # seconds until somebody comes back for whom there was nothing


class Arrivals:
    """Workers in the order of their coming; the clock jumps from one to the next."""

    def __init__(self, crowd: Sequence[Simulated], dice: np.random.Generator) -> None:
        self.crowd, self.dice = crowd, dice
        self.now = BEGIN
        self._due = [(dice.exponential(AWAY), at) for at in range(len(crowd))]
        heapq.heapify(self._due)

    def next(self) -> int:
        """Who comes now."""
        due, who = heapq.heappop(self._due)
        self.now = BEGIN + timedelta(seconds=due)
        return who

    def idle(self, who: int) -> None:
        """There was nothing for them."""
        self._again(who, LATER + self.dice.exponential(AWAY))

    def answers(self, who: int, usual: float) -> datetime:
        """When they answer a question that takes an average worker `usual` seconds."""
        seconds = self.crowd[who].seconds(usual, self.dice)
        leaves = self.dice.random() < 1 / SITTING
        self._again(who, seconds + self.dice.exponential(AWAY if leaves else PAUSE))
        return self.now + timedelta(seconds=seconds)

    def _again(self, who: int, seconds: float) -> None:
        heapq.heappush(self._due, ((self.now - BEGIN).total_seconds() + seconds, who))
