"""What became of each letter, written down; a person who cannot be reached is left in peace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.metrics import Metrics
from bot.telegram.outcomes import Again, Failed, Outcome, Sent, Taken, Unknown, is_new
from core.ids import Account
from core.ports import Ledger, Letter, Transaction
from core.service import stop
from storage.outbox import Outbox

STORE_AWAY = 1.0  # seconds before the store is asked once more

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.sender")


class Register:
    """Keeps the outcomes of letters."""

    def __init__(self, outbox: Outbox, ledger: Ledger, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._metrics = metrics
        self._now = now

    async def note(self, number: int, letter: Letter, outcome: Outcome) -> None:
        """Durable on return, however long the store is away: a message that arrived must not be sent again."""
        while True:
            try:
                await self._write(number, letter, outcome)
                break
            except Exception as error:  # the outermost loop: the store is away
                log.error("letter.unnoted", letter=number, reason=repr(error))
                await asyncio.sleep(STORE_AWAY)
        self._metrics.sends.labels(type(outcome).__name__.lower()).inc()

    async def _write(self, number: int, letter: Letter, outcome: Outcome) -> None:
        match outcome:
            case Sent(message, file_id):
                await self._outbox.sent(number, message)
                if file_id:
                    await self._outbox.remember(letter.media, file_id)
            case Again(seconds):
                if is_new(letter):
                    await self._outbox.later(number, self._now() + timedelta(seconds=seconds))
                if outcome.refused_copy:
                    await self._outbox.remember(letter.media, "")
            case Failed(reason):
                await self._outbox.failed(number, reason)
                if outcome.unreachable and letter.chat > 0:
                    account = Account("telegram", letter.chat)
                    await self._ledger.transact(lambda tx: lose(tx, account))
            case Unknown():
                await self._outbox.unknown(number)
            case Taken():
                return
            case _:
                assert_never(outcome)


def lose(tx: Transaction, account: Account) -> None:
    """The person behind an account cannot be reached: no more letters, and their question goes back to the queue."""
    worker = tx.worker(account)
    if worker is not None and worker.reachable:
        stop(tx, worker)
