"""The work: updates of one person in order, different people at the same time, a bad update three times at most."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import structlog
from telegram import Update
from telegram.ext import Application, ApplicationHandlerStop, CallbackContext

from bot.metrics import Metrics
from core.ids import UpdateId
from core.ports import Ledger, Transaction
from storage.inbox import TRIES, Inbox, Incoming
from storage.quick_json import loaded

Built = Application[Any, Any, Any, Any, Any, Any]  # what PTB's builder builds
Sorry = Callable[[Incoming], Awaitable[None]]  # tells the person that their message could not be worked on

AT_ONCE = 64  # people
PATIENCE = 60.0  # seconds for one update
PAUSES = (0.1, 0.4)  # seconds before the second and the third try
READ = ("message_id", "date", "chat", "photo", "audio", "voice", "document")  # of the message that a button stood on
STORE_AWAY = 1.0  # seconds before the next try when not even the failure can be noted

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.dispatch")


class _Waiting(NamedTuple):
    update: Incoming
    since: float  # the loop's time


async def say_nothing(_: Incoming) -> None:
    """The apology of a test."""


class Dispatch:
    """Gives each person's updates to the handlers, one after the other; people take turns, so no flood delays others.

    A handler finishes its update inside its own transaction. What is not finished stays in the inbox, whatever
    happens to this process.
    """

    def __init__(
        self, application: Built, inbox: Inbox, metrics: Metrics, sorry: Sorry = say_nothing, at_once: int = AT_ONCE
    ) -> None:
        self._application = application
        self._inbox = inbox
        self._metrics = metrics
        self._sorry = sorry
        self._at_once = at_once
        self._lines: dict[int, deque[_Waiting]] = {}  # person -> their updates; nobody without one is remembered
        self._ready: asyncio.Queue[int] = asyncio.Queue()  # people whose first update may be worked on
        self._errors: dict[int, BaseException] = {}  # update id -> what its handler raised
        self._worked: set[int] = set()  # updates done since the last `tidy`
        self._idle = asyncio.Event()
        self._idle.set()
        self._runners: list[asyncio.Task[None]] = []
        application.add_error_handler(self._note)

    @property
    def waiting(self) -> int:
        """How many updates are in memory."""
        return sum(len(line) for line in self._lines.values())

    def start(self) -> None:
        """Begin to work; needs the running event loop."""
        self._runners = [asyncio.create_task(self._run()) for _ in range(self._at_once)]

    def put(self, updates: Sequence[Incoming]) -> None:
        """Take updates that are durable, in their order."""
        now = asyncio.get_running_loop().time()
        for update in updates:
            self._idle.clear()
            if update.person not in self._lines:
                self._lines[update.person] = deque()
                self._ready.put_nowait(update.person)
            self._lines[update.person].append(_Waiting(update, now))

    async def drain(self, within: float = 3.0) -> None:
        """End the work: what is done in so many seconds is done, the rest stays in the inbox."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within)
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)

    async def tidy(self, ledger: Ledger) -> int:
        """Finishes what was worked on without an error and not finished by its handler; how many updates that were."""
        worked, self._worked = self._worked, set()
        left = [update.id for update in await self._inbox.pending() if update.id in worked] if worked else []
        if left:
            await ledger.transact(partial(finish, left))
            log.warning("updates.unfinished", updates=left[:10], count=len(left))
        return len(left)

    async def _run(self) -> None:
        while True:
            person = await self._ready.get()
            line = self._lines[person]
            pause = await self._work(line[0])
            if pause is not None:
                asyncio.get_running_loop().call_later(pause, self._ready.put_nowait, person)
                continue
            line.popleft()
            if line:
                self._ready.put_nowait(person)
            else:
                del self._lines[person]
                if not self._lines:
                    self._idle.set()

    async def _work(self, waiting: _Waiting) -> float | None:
        """One try; seconds until the next one, or None when the update is done with."""
        update = waiting.update
        try:
            error = await self._try(update)
            if error is not None:
                return await self._failed(update, error)
        except Exception as error:  # the outermost loop: not even the failure could be noted, so it does not count
            log.error("update.unnoted", update=update.id, reason=repr(error))
            return STORE_AWAY
        self._worked.add(update.id)
        self._metrics.updates.labels("done").inc()
        self._metrics.seconds.observe(asyncio.get_running_loop().time() - waiting.since)
        if '"callback_query"' in update.body:
            self._metrics.taps.inc()
        return None

    async def _try(self, update: Incoming) -> BaseException | None:
        """Let the handlers work; what went wrong, if anything."""
        try:
            async with asyncio.timeout(PATIENCE):
                raw = lightened(loaded(update.body))
                await self._application.process_update(Update.de_json(raw, self._application.bot))
        except Exception as error:  # the outermost loop of an update: it has no shape that PTB knows, or took too long
            return error
        return self._errors.pop(update.id, None)

    async def _note(self, update: object, context: CallbackContext[Any, Any, Any, Any]) -> None:
        """PTB's error handler: no further handler sees the update."""
        if isinstance(update, Update) and context.error is not None:
            self._errors[update.update_id] = context.error
            raise ApplicationHandlerStop

    async def _failed(self, update: Incoming, error: BaseException) -> float | None:
        """Count the failure; the last one is told to the person."""
        self._errors.pop(update.id, None)
        tries = await self._inbox.failed(update.id, f"{type(error).__name__}: {error}")
        if 0 < tries < TRIES:
            log.warning("update.failed", update=update.id, tries=tries, reason=repr(error))
            return PAUSES[min(tries, len(PAUSES)) - 1]
        self._metrics.updates.labels("quarantined").inc()
        log.error("update.quarantined", update=update.id, tries=tries, exc_info=error)
        try:
            await self._sorry(update)
        except Exception as trouble:  # the outermost loop: the update is quarantined, told or not
            log.error("apology.failed", update=update.id, reason=repr(trouble))
        return None


def lightened(raw: Any) -> Any:
    """An update without what is our own of the message that a button stood on: its words, its buttons and its sender,
    which nobody reads, and which PTB takes longer to build than all the rest."""
    match raw:
        case {"callback_query": {"message": dict(message)} as tap}:
            kept = {name: message[name] for name in READ if name in message}
            return {**raw, "callback_query": {**tap, "message": kept}}
    return raw


def finish(updates: Sequence[UpdateId], tx: Transaction) -> None:
    for update in updates:
        tx.finish(update)
