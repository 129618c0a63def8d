"""The outbox: letters that transactions left, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, text, update

from core.errors import NotFound
from storage import mapping
from storage.forgetting import known
from storage.part import Posted
from storage.sql import START, Cursor, Statement, fixed, given
from storage.tables import TABLES
from storage.writer import Writer

__all__ = ["Outbox", "Posted"]

OUTBOX, QUESTION, MEDIA = TABLES["outbox"], TABLES["question"], TABLES["media"]

DUE = Statement(
    select(OUTBOX)
    .where(text("state = 'due'"), OUTBOX.c.due_at <= given("now"))
    .order_by(OUTBOX.c.bulk, OUTBOX.c.due_at, OUTBOX.c.id)
    .limit(given("limit"))
    .offset(START)
)
SENDING = Statement(
    update(OUTBOX)
    .where(OUTBOX.c.id == given("of"), text("state = 'due'"))
    .values(state=fixed("'sending'"), attempts=fixed("attempts + 1"))
)


def _becomes(state: str, *more: ColumnElement[bool], **values: object) -> Statement:
    return Statement(
        update(OUTBOX).where(OUTBOX.c.id == given("of"), *more).values(state=fixed(f"'{state}'"), **values)
    )


SENT = Statement(
    update(OUTBOX)
    .where(OUTBOX.c.id == given("of"))
    .values(state=fixed("'sent'"), message=func.coalesce(given("number"), OUTBOX.c.message))
    .returning(OUTBOX.c.question, OUTBOX.c.message)
)
BUBBLE = Statement(update(QUESTION).where(QUESTION.c.id == given("of")).values(bubble=given("number")))
LATER = _becomes("due", due_at=given("at"))
FAILED = _becomes("failed", reason=given("why"))
UNKNOWN = _becomes("unknown")
AGAIN = "state = 'sending' AND (repeat = 'freely' OR (repeat = 'once' AND attempts <= 1))"
RECOVER = (
    Statement(update(OUTBOX).where(text(AGAIN)).values(state=fixed("'due'"))),
    Statement(update(OUTBOX).where(text("state = 'sending'")).values(state=fixed("'unknown'"))),
)
FILE_ID = Statement(select(MEDIA.c.file_id).where(MEDIA.c.sha == given("sha")))
REMEMBER = Statement(update(MEDIA).where(MEDIA.c.sha == given("sha")).values(file_id=given("file")))
CONTENT = Statement(select(MEDIA.c.content).where(MEDIA.c.sha == given("sha")))
KEPT = 10_000  # letters that arrived: the newest, for whoever looks into a complaint
NEWEST = select(func.max(OUTBOX.c.id)).scalar_subquery()
PRUNE = Statement(delete(OUTBOX).where(text("state = 'sent'"), OUTBOX.c.id <= NEWEST - given("kept")))
STRANGE = Statement(  # to nobody whom we know: the last word to somebody who was forgotten
    delete(OUTBOX).where(text("state NOT IN ('due', 'sending') AND chat > 0"), text(f"NOT {known('chat')}"))
)


def media(cursor: Cursor, sha: str) -> bytes:
    row = cursor.row(CONTENT, sha=sha)
    if row is None:
        raise NotFound("file", sha)
    return bytes(row[0])


class Outbox:
    """A letter is due, then sending, then sent, failed (refused for good) or unknown (nobody knows; not repeated)."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def due(self, now: datetime, limit: int) -> list[Posted]:
        """People before bulk, then by time."""
        rows = await self._writer.run(lambda cursor: cursor.rows(DUE, now=mapping.micros(now), limit=limit))
        return [Posted(row[0], mapping.letter(row)) for row in rows]

    async def sending(self, ids: Sequence[int]) -> list[int]:
        """Marks letters before they leave; returns those that were due, so that no two senders take the same."""

        def take(cursor: Cursor) -> list[int]:
            return [id_ for id_ in ids if cursor.change(SENDING, {"of": id_})]

        return await self._writer.run(take)

    async def sent(self, id_: int, message: int | None) -> None:
        """It arrived, as `message` where that is a new one; a question's bubble is remembered."""

        def note(cursor: Cursor) -> None:
            row = cursor.row(SENT, of=id_, number=message)
            if row and row[0] is not None and row[1] is not None:
                cursor.change(BUBBLE, {"of": row[0], "number": row[1]})

        await self._writer.run(note)

    async def later(self, id_: int, due_at: datetime) -> None:
        """It has certainly not arrived: due again then."""
        await self._change(LATER, of=id_, at=mapping.micros(due_at))

    async def failed(self, id_: int, reason: str) -> None:
        """Refused for good."""
        await self._change(FAILED, of=id_, why=reason[:500])

    async def unknown(self, id_: int) -> None:
        """Nobody knows whether it arrived, and it must not be repeated."""
        await self._change(UNKNOWN, of=id_)

    async def recover(self) -> int:
        """At start-up: what was being sent is due again where it may be repeated, else unknown; how many in all."""
        return await self._writer.run(lambda cursor: sum(cursor.change(one, {}) for one in RECOVER))

    async def file_id(self, sha: str) -> str | None:
        """The messenger's own copy of a file, where there is one."""
        row = await self._writer.run(lambda cursor: cursor.row(FILE_ID, sha=sha))
        return None if row is None else row[0]

    async def remember(self, sha: str, file_id: str) -> None:
        await self._change(REMEMBER, sha=sha, file=file_id)

    async def media(self, sha: str) -> bytes:
        """NotFound where the store has no such file."""
        return await self._writer.run(lambda cursor: media(cursor, sha))

    async def prune(self, kept: int = KEPT) -> int:
        """Forgets letters that arrived, save the newest (how many), and of those whatever went to strangers."""

        def prune(cursor: Cursor) -> int:
            gone = cursor.change(PRUNE, {"kept": kept})
            cursor.change(STRANGE, {})
            return gone

        return await self._writer.run(prune)

    async def _change(self, statement: Statement, **values: object) -> None:
        await self._writer.run(lambda cursor: cursor.change(statement, values))
