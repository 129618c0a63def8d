"""The ledger over SQL: one transaction for each use case, durable when it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from core.ports import Transaction
from storage.chains import Chains
from storage.forgetting import Forgetting
from storage.items import Items
from storage.part import Posted, Remembered
from storage.people import People
from storage.postings import Postings
from storage.pulse import Pulse
from storage.questions import Questions
from storage.reviews import Reviews
from storage.sql import Cursor
from storage.versions import Versions
from storage.writer import Writer

T = TypeVar("T")


class SqlTransaction(People, Items, Questions, Reviews, Postings, Pulse, Versions, Chains, Forgetting):
    """`core.ports.Transaction` on a cursor. A Conflict of an `add_...` leaves the transaction as it was."""

    __slots__ = ()


class SqlLedger:
    """`core.ports.Ledger`; `posted` is called on the event loop after each commit that put letters into the outbox."""

    def __init__(self, writer: Writer, posted: Callable[[Sequence[Posted]], None] = lambda _: None) -> None:
        self._writer = writer
        self._remembered: Remembered = {}
        self.posted = posted

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        def unit(cursor: Cursor) -> tuple[T, Sequence[Posted]]:
            transaction = SqlTransaction(cursor, self._remembered)
            result = work(transaction)
            return result, transaction.posted

        result, letters = await self._writer.run(unit)
        if letters:
            self.posted(letters)
        return result
