"""Trouble on demand: 429, stalls, 5xx, answers lost after the work, taps sent twice, flood limits."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from bot.sandbox.wire import Refusal, too_many_requests


class Kind(Enum):
    TOO_MANY = "429 with retry_after; nothing is executed"
    STALL = "the call waits before it is executed"
    SERVER_ERROR = "a 5xx answer; nothing is executed"
    DROP_CALL = "the connection breaks; nothing is executed"
    DROP_ANSWER = "the call is executed, then the connection breaks"


class Dice(Protocol):
    """What random.Random and numpy's Generator have in common."""

    def random(self) -> float: ...


@dataclass(slots=True)
class Fault:
    """One planned trouble for the next `times` calls of `method` (any method when None)."""

    kind: Kind
    method: str | None = None
    times: int = 1
    seconds: float = 0.0  # of the stall, or retry_after
    code: int = 502

    def meets(self, method: str) -> bool:
        return self.times > 0 and (self.method is None or self.method.lower() == method)


class Faults:
    """The list of planned faults; calls take from it in order."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self._twice: tuple[float, Dice] | None = None

    def plan(
        self, kind: Kind, method: str | None = None, *, times: int = 1, seconds: float = 0.0, code: int = 502
    ) -> Fault:
        """Plan trouble; the returned fault's `times` counts down, and may be set to 0 to end it."""
        fault = Fault(kind, method, times, seconds, code)
        self.planned.append(fault)
        return fault

    def take(self, method: str) -> Fault | None:
        """The trouble that this call meets, if any. `method` in lower case."""
        if not self.planned:
            return None
        self.planned = [fault for fault in self.planned if fault.times > 0]
        fault = next((fault for fault in self.planned if fault.meets(method)), None)
        if fault is not None:
            fault.times -= 1
        return fault

    def send_taps_twice(self, share: float, rng: Dice) -> None:
        """From now on this share of all taps arrives a second time, as a new update with a new query."""
        self._twice = (share, rng)

    def duplicated(self) -> bool:
        return self._twice is not None and self._twice[1].random() < self._twice[0]


@dataclass(slots=True)
class FloodLimits:
    """Telegram's limits on new messages, enforced: overall and per chat, in messages a second."""

    clock: Callable[[], float]
    overall: int = 30
    per_chat: int = 1
    _sent: deque[float] = field(default_factory=deque)
    _by_chat: dict[int, deque[float]] = field(default_factory=dict)

    def admit(self, chat_id: int) -> None:
        """Count one new message; raises Refusal 429 where it is one too many."""
        now = self.clock()
        chat = self._by_chat.setdefault(chat_id, deque())
        for window, most in ((self._sent, self.overall), (chat, self.per_chat)):
            wait = _wait(window, most, now)
            if wait > 0:
                raise too_many_requests(math.ceil(wait))
        self._sent.append(now)
        chat.append(now)


def _wait(window: deque[float], most: int, now: float) -> float:
    """Seconds until `window` admits one more; forgets what is older than a second."""
    while window and now - window[0] >= 1:
        window.popleft()
    return 1 - (now - window[0]) if len(window) >= most else 0.0


def server_error(code: int) -> Refusal:
    words = {
        500: "Internal Server Error",
        502: "Bad Gateway",
        503: "Service Unavailable",
        504: "Gateway Timeout",
    }
    return Refusal(code, words.get(code, "Internal Server Error"))
