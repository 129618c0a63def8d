"""The pace of what is sent: Telegram's limits, people before bulk, and silence when Telegram asks for it.

Telegram allows about 30 messages a second over all chats, one a second in a private chat and 20 a minute in a
group (core.telegram.org/bots/faq); what is over is answered with 429 and a number of seconds to be silent.

New messages take a turn of the overall pace. An interactive edit goes at once, unless its chat is over its
burst or silenced; one that had to wait takes a tenth of a turn, so that no flood follows a long silence.
answerCallbackQuery needs no turn.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from bot.telegram.pace import Clock, LoopClock, Pace

__all__ = ["Clock", "Lane", "Limits", "LoopClock", "Pace"]

EARLY = 1e-6  # seconds by which a timer may ring before its time
FEW_CHATS = 1024  # below this many remembered chats nothing is forgotten
LIGHT = 0.1  # turns taken by an interactive edit that had to wait


class Lane(IntEnum):
    """Who goes first."""

    INTERACTIVE = 0  # a person is looking at the screen
    BROADCAST = 1


PRIVATE = Pace(1.0)
GROUP = Pace(15 / 60, burst=5)  # 5 + 15 in any minute
EDITS = Pace(2.0, burst=10)  # in one chat; Telegram names no figure, 429 corrects us


@dataclass(slots=True)
class _Chat:
    """What is remembered of a chat; all in the past is the same as nothing."""

    messages: float = 0.0  # when the bucket of new messages is empty
    edits: float = 0.0
    silent_until: float = 0.0

    def idle(self, now: float) -> bool:
        return self.messages <= now and self.edits <= now and self.silent_until <= now


class _Line(NamedTuple):
    """Those of one lane who wait for one chat: first come, first served."""

    lane: Lane
    chat_id: int


class _Ticket(NamedTuple):
    number: int
    new_message: bool
    called: asyncio.Future[None]


class Limits:
    """Gives out turns: `async with limits.turn(chat_id): await bot.send_message(...)`."""

    def __init__(
        self,
        clock: Clock | None = None,
        overall: float = 30.0,
        private: Pace = PRIVATE,
        group: Pace = GROUP,
        edits: Pace = EDITS,
    ) -> None:
        self._clock = clock or LoopClock()
        self._overall, self._private, self._group, self._edits = Pace(overall), private, group, edits
        self._busy_until = 0.0  # the bucket of the overall pace; never before the end of a silence
        self._silent_until = 0.0
        self._chats: dict[int, _Chat] = {}
        self._forget_at = FEW_CHATS
        self._numbers = itertools.count()
        self._lines: dict[_Line, deque[_Ticket]] = {}  # each line is either ready or due later
        self._ready: tuple[list[tuple[int, _Line]], ...] = tuple([] for _ in Lane)  # heaps by ticket number
        self._later: list[tuple[float, int, _Line]] = []  # heap by time
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0.0

    def turn(self, chat_id: int, lane: Lane = Lane.INTERACTIVE, new_message: bool = True) -> _Turn:
        """Wait until a call to this chat may be made; the call belongs directly inside."""
        return _Turn(self, _Line(lane, chat_id), new_message)

    def told_to_wait(self, chat_id: int | None, seconds: float) -> None:
        """Telegram answered 429: silence in that chat, or everywhere when None; never shortened.

        Two private chats silenced at once mean that the bot is: everything is silent until the later end.
        """
        now = self._clock.monotonic()
        until = now + seconds
        if chat_id is not None:
            chat = self._remember(chat_id, now)
            chat.silent_until = max(chat.silent_until, until)
            others = (c.silent_until > now for i, c in self._chats.items() if i > 0 and i != chat_id)
            if chat_id < 0 or not any(others):
                return
        self._silent_until = max(self._silent_until, until)
        self._busy_until = max(self._busy_until, until)

    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(not ticket.called.done() for line in self._lines.values() for ticket in line)

    def close(self) -> None:
        """Stop the timer; whoever still waits is cancelled."""
        if self._alarm is not None:
            self._alarm.cancel()
        for line in self._lines.values():
            for ticket in line:
                ticket.called.cancel()

    def _goes_at_once(self, line: _Line, new_message: bool) -> bool:
        """Take a turn if nobody has to be waited for."""
        now = self._clock.monotonic()
        paced = new_message or line.lane is Lane.BROADCAST
        if line in self._lines or now < self._silent_until or self._opens(line, new_message) > now + EARLY:
            return False
        if paced and (self._busy_until > now + EARLY or any(self._ready[: line.lane + 1])):
            return False
        self._take(line, new_message, now, turns=1.0 if paced else 0.0)
        return True

    async def _wait(self, line: _Line, new_message: bool) -> None:
        """Stand in line until called."""
        ticket = _Ticket(next(self._numbers), new_message, asyncio.get_running_loop().create_future())
        if line in self._lines:
            self._lines[line].append(ticket)
        else:
            self._lines[line] = deque((ticket,))
            self._place(line, self._clock.monotonic())
            self._serve()
        await ticket.called

    def _opens(self, line: _Line, new_message: bool) -> float:
        """When the chat's own limits allow the next call."""
        chat = self._chats.get(line.chat_id)
        if chat is None:
            return 0.0
        if not new_message:
            return max(chat.silent_until, self._edits.opens(chat.edits))
        return max(chat.silent_until, self._pace_in(line.chat_id).opens(chat.messages))

    def _take(self, line: _Line, new_message: bool, now: float, turns: float) -> None:
        """Note that a call is made now."""
        chat = self._remember(line.chat_id, now)
        if new_message:
            chat.messages = self._pace_in(line.chat_id).after(chat.messages, now)
        else:
            chat.edits = self._edits.after(chat.edits, now)
        if turns:
            self._busy_until = self._overall.after(self._busy_until, now, turns)

    def _pace_in(self, chat_id: int) -> Pace:
        return self._private if chat_id > 0 else self._group

    def _remember(self, chat_id: int, now: float) -> _Chat:
        chat = self._chats.get(chat_id)
        if chat is None:
            if len(self._chats) >= self._forget_at:
                self._chats = {i: c for i, c in self._chats.items() if not c.idle(now)}
                self._forget_at = max(FEW_CHATS, 2 * len(self._chats))
            chat = self._chats[chat_id] = _Chat()
        return chat

    def _place(self, line: _Line, now: float) -> None:
        """Put a line among the ready or the later ones, by its first ticket that is still wanted."""
        tickets = self._lines[line]
        while tickets and tickets[0].called.done():
            tickets.popleft()
        if not tickets:
            del self._lines[line]
            return
        first = tickets[0]
        opens = self._opens(line, first.new_message)
        if opens > now + EARLY:
            heapq.heappush(self._later, (opens, first.number, line))
        else:
            heapq.heappush(self._ready[line.lane], (first.number, line))

    def _serve(self) -> None:
        """Call everyone whose turn it is, and set the alarm for the next."""
        now = self._clock.monotonic()
        while self._later and self._later[0][0] <= now + EARLY:
            self._place(heapq.heappop(self._later)[2], now)
        for ready in self._ready:
            while ready and self._busy_until <= now + EARLY:
                self._call(heapq.heappop(ready)[1], now)
        times = [self._later[0][0]] if self._later else []
        if any(self._ready):
            times.append(self._busy_until)
        if times:
            self._set_alarm(min(times))

    def _call(self, line: _Line, now: float) -> None:
        """Give the first of a line its turn, unless its chat has closed since."""
        _, new_message, called = self._lines[line][0]
        if not called.done() and self._opens(line, new_message) <= now + EARLY:
            light = not new_message and line.lane is Lane.INTERACTIVE
            self._take(line, new_message, now, turns=LIGHT if light else 1.0)
            called.set_result(None)
        self._place(line, now)

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            if self._alarm_at <= at + EARLY:
                return
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.create_task(self._ring(at))

    async def _ring(self, at: float) -> None:
        await self._clock.sleep(max(0.0, at - self._clock.monotonic()))
        self._alarm = None
        self._serve()


class _Turn:
    """One turn, as an asynchronous context; nothing has to be given back."""

    __slots__ = ("_limits", "_line", "_new_message")

    def __init__(self, limits: Limits, line: _Line, new_message: bool) -> None:
        self._limits = limits
        self._line = line
        self._new_message = new_message

    async def __aenter__(self) -> None:
        if not self._limits._goes_at_once(self._line, self._new_message):
            await self._limits._wait(self._line, self._new_message)

    async def __aexit__(self, *_: object) -> None:
        return None
