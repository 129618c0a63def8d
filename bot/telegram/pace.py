"""A pace (so many a second, some at once) and the clock that it is held by."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, and a way to let them pass."""

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class LoopClock:
    """The clock of the running event loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `burst` at once and `burst + per_second * t` in any t seconds.

    A GCRA (ITU-T I.371): all that has to be remembered is one float, the time at which the bucket is empty.
    """

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(f"a pace needs a positive rate and a burst of at least 1, not {self}")

    def opens(self, empty_at: float) -> float:
        """When the next one may go, given when the bucket is empty."""
        return empty_at - (self.burst - 1) / self.per_second

    def after(self, empty_at: float, now: float, turns: float = 1.0) -> float:
        """When the bucket will be empty once one more has gone now."""
        return max(empty_at, now) + turns / self.per_second
