"""Letters on their way out: from the outbox to Telegram, in order in each chat, never twice where that would matter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from telegram import Bot, InputFile
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.metrics import Metrics
from bot.telegram.calls import call
from bot.telegram.limits import Lane, Limits
from bot.telegram.outcomes import (
    Again,
    Failed,
    Outcome,
    Sent,
    Taken,
    file_id_in,
    is_new,
    kind_of,
    outcome_of,
    parameters,
)
from bot.telegram.register import STORE_AWAY, Register
from bot.telegram.transport import seconds_to_wait
from core.errors import NotFound
from core.ports import Ledger, Letter
from storage.exchange.sounds import name_of
from storage.outbox import Outbox, Posted

BATCH = 200  # letters in memory to which a sweep fills up
SWEEP = 5.0  # seconds between two looks into the outbox

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.sender")


class _Line(NamedTuple):
    """Letters that keep their order; a broadcast in a chat does not hold up its answers."""

    chat: int
    lane: Lane


@dataclass(slots=True)
class _Waiting:
    number: int
    letter: Letter
    doubts: int  # calls of which nobody knows whether they arrived
    failures: int = 0


class Sender:
    """Sends what transactions post at once, and every few seconds what else is due."""

    def __init__(
        self, bot: Bot, outbox: Outbox, ledger: Ledger, limits: Limits, metrics: Metrics, now: Callable[[], datetime]
    ) -> None:
        self._bot = bot
        self._outbox = outbox
        self._limits = limits
        self._now = now
        self._register = Register(outbox, ledger, metrics, now)
        self._lines: dict[_Line, deque[_Waiting]] = {}
        self._tasks: dict[_Line, asyncio.Task[None]] = {}
        self._calling: set[_Line] = set()  # whose call is under way
        self._known: set[int] = set()  # letters in memory
        self._gone: set[int] = set()  # letters that left it since the last sweep began
        self._open = False
        self._ending = False
        self._sweeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many letters are in memory."""
        return len(self._known)

    async def start(self) -> None:
        """Settle what a crash left half sent, then send."""
        recovered = await self._outbox.recover()
        if recovered:
            log.warning("outbox.recovered", letters=recovered)
        self._open, self._ending = True, False
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def stop(self, flush: float = 1.5, within: float = 3.0) -> None:
        """Answers get `flush` seconds to leave, calls under way `within` seconds more; the rest stays in the outbox."""
        self._open = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        answers = [task for line, task in self._tasks.items() if line.lane is Lane.INTERACTIVE]
        if answers:
            await asyncio.wait(answers, timeout=flush)
        self._ending = True
        for line, task in self._tasks.items():
            if line not in self._calling:
                task.cancel()
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, posted: Sequence[Posted]) -> None:
        """The ledger's callback: letters that were just committed. Bulk waits for the sweep, which bounds memory."""
        if not self._open:
            return
        for one in posted:
            if one.letter.bulk:
                self._wake.set()
            else:
                self._put(one, doubts=0)

    async def sweep(self) -> None:
        """Take what is due and not in memory: bulk, what another process posted, what an earlier one left."""
        self._gone.clear()
        due = await self._outbox.due(self._now(), max(BATCH, len(self._known) + BATCH // 10))
        for one in due:
            if one.id not in self._gone:
                self._put(one, doubts=1)  # an earlier process may have tried it once

    async def _sweep_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.sweep()
            except Exception as error:  # the outermost loop: the store is away
                log.error("outbox.unread", reason=repr(error))
            try:
                await asyncio.wait_for(self._wake.wait(), SWEEP)
            except TimeoutError:
                continue

    def _put(self, posted: Posted, doubts: int) -> None:
        if posted.id in self._known:
            return
        self._known.add(posted.id)
        letter = posted.letter
        line = _Line(letter.chat, Lane.BROADCAST if letter.bulk else Lane.INTERACTIVE)
        self._lines.setdefault(line, deque()).append(_Waiting(posted.id, letter, doubts))
        if line not in self._tasks:
            self._tasks[line] = asyncio.create_task(self._run(line))

    async def _run(self, line: _Line) -> None:
        waiting = self._lines[line]
        try:
            while waiting and not self._ending:
                await self._deliver(line, waiting[0])
                gone = waiting.popleft()
                self._known.discard(gone.number)
                self._gone.add(gone.number)
                if not self._known:
                    self._wake.set()  # there may be more of a broadcast
        finally:
            self._known.difference_update(one.number for one in waiting)
            del self._lines[line], self._tasks[line]

    async def _deliver(self, line: _Line, one: _Waiting) -> None:
        """Try until the letter's fate is settled and noted, or the process ends."""
        while True:
            try:
                outcome = await self._attempt(line, one)
                await self._register.note(one.number, one.letter, outcome)
            finally:
                self._calling.discard(line)
            if not isinstance(outcome, Again) or self._ending:
                return
            one.letter, one.failures, one.doubts = outcome.letter, one.failures + 1, one.doubts + outcome.doubtful
            await asyncio.sleep(outcome.seconds)

    async def _attempt(self, line: _Line, one: _Waiting) -> Outcome:
        """One call, when its turn has come; a new message is marked first, so that a crash is seen afterwards."""
        letter = one.letter
        try:
            body = parameters(letter, file := await self._file(letter))
            async with self._limits.turn(letter.chat, line.lane, is_new(letter)):
                self._calling.add(line)
                if is_new(letter) and not await self._outbox.sending([one.number]):
                    return Taken()
                return await self._call(one, body, file)
        except (NotFound, KeyError, TypeError) as error:
            return Failed(f"not a letter that can be sent: {error!r}")
        except Exception as error:  # the outermost loop of a letter: the store is away, and nothing was called
            log.error("letter.delayed", letter=one.number, reason=repr(error))
            return Again(STORE_AWAY, letter)

    async def _file(self, letter: Letter) -> InputFile | str | None:
        """What goes along: Telegram's own copy where it has one, else the bytes."""
        if not letter.media:
            return None
        known = await self._outbox.file_id(letter.media)
        if known:
            return known
        content = await self._outbox.media(letter.media)
        return InputFile(content, filename=letter.filename or name_of(content))

    async def _call(self, one: _Waiting, body: dict[str, Any], file: InputFile | str | None) -> Outcome:
        letter = one.letter
        try:
            if isinstance(file, InputFile):
                result: Any = await self._bot._post(letter.method, body, pool_timeout=None)
            else:
                result = await call(self._bot, letter.method, body, pool_timeout=None)
        except TelegramError as error:
            if isinstance(error, RetryAfter):
                self._limits.told_to_wait(letter.chat, seconds_to_wait(error))
            if isinstance(error, BadRequest) and isinstance(file, str) and "file" in error.message.lower():
                return Again(0.0, letter, refused_copy=True)
            log.warning("letter.stopped", letter=one.number, method=letter.method, reason=repr(error))
            return outcome_of(error, letter, one.doubts, one.failures)
        message = result.get("message_id") if isinstance(result, dict) else letter.message
        new_file = isinstance(file, InputFile)
        return Sent(message, file_id_in(result, kind_of(letter)) if new_file else None)
