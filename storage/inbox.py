"""The inbox: what a messenger delivered, kept before it is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete, func, select, text, update

from core.ids import UpdateId
from storage import mapping
from storage.forgetting import CLEARED, known
from storage.sql import Cursor, Statement, fixed, given, insert
from storage.tables import TABLES
from storage.writer import Writer

INBOX = TABLES["inbox"]
TRIES = 3
KEPT = timedelta(days=1)

ACCEPT = Statement(
    insert("inbox", "seq", state=fixed("'new'"), attempts=fixed("0"), reason=fixed("''")).on_conflict_do_nothing()
)
PENDING = Statement(select(INBOX.c.id, INBOX.c.person, INBOX.c.body).where(text("state = 'new'")).order_by(INBOX.c.seq))
FAILED = Statement(
    update(INBOX)
    .where(INBOX.c.id == given("of"))
    .values(
        attempts=fixed("attempts + 1"),
        reason=given("reason"),
        state=case((text(f"attempts + 1 >= {TRIES}"), fixed("'quarantined'")), else_=INBOX.c.state),
    )
    .returning(INBOX.c.attempts)
)
PIECE = 5_000  # rows that are looked at while the taps wait
ENDS = Statement(select(func.min(INBOX.c.seq), func.max(INBOX.c.seq)))
_piece = INBOX.c.seq.between(given("first"), given("last"))
STRANGE = Statement(  # of nobody whom we know; its number stays, so that it is not taken for a new one
    update(INBOX)
    .where(_piece, text("state <> 'new' AND person <> 0"), text(f"NOT {known('person')}"))
    .values(**CLEARED)
)
PRUNE = Statement(delete(INBOX).where(_piece, text("state = 'done'"), INBOX.c.received_at < given("before")))


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update as it came."""

    id: UpdateId
    person: int  # whose order it keeps
    body: str  # JSON


class Inbox:
    """Updates are accepted once, in order of arrival, and stay until they are finished or have failed three times."""

    def __init__(self, writer: Writer, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._writer, self._clock = writer, clock

    async def accept(self, updates: Sequence[Incoming]) -> list[UpdateId]:
        """Keeps updates durably; returns those that had not come before."""
        at = mapping.micros(self._clock())

        def keep(cursor: Cursor) -> list[UpdateId]:
            return [
                one.id
                for one in updates
                if cursor.change(ACCEPT, {"id": one.id, "person": one.person, "body": one.body, "received_at": at})
            ]

        return await self._writer.run(keep) if updates else []

    async def pending(self) -> list[Incoming]:
        """Neither finished nor quarantined, in the order of arrival."""
        return await self._writer.run(lambda cursor: [Incoming(*row) for row in cursor.rows(PENDING)])

    async def failed(self, update: UpdateId, reason: str) -> int:
        """Counts an attempt; returns how many there were. The third quarantines the update."""
        rows = await self._writer.run(lambda cursor: cursor.rows(FAILED, of=update, reason=reason[:500]))
        return int(rows[0][0]) if rows else 0

    async def prune(self, piece: int = PIECE) -> int:
        """Forgets what was done and came more than a day ago (how many rows), and of the rest what strangers sent.

        A piece of the rows at a time: taps are written in between.
        """
        before = mapping.micros(self._clock() - KEPT)
        first, last = await self._writer.run(lambda cursor: cursor.rows(ENDS)[0])
        gone = 0
        for start in range(first or 0, (last or -1) + 1, piece):

            def prune(cursor: Cursor, start: int = start) -> int:
                ends = {"first": start, "last": start + piece - 1}
                cursor.change(STRANGE, ends)
                return cursor.change(PRUNE, ends | {"before": before})

            gone += await self._writer.run(prune)
        return gone
