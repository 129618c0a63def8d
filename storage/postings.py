"""What a transaction leaves behind beside the labels: pay, letters, files, the inbox row done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_row

from core.ids import UpdateId
from core.ports import Letter
from storage import mapping
from storage.part import Part, Posted
from storage.sql import Cursor, Statement, fixed, given, insert
from storage.tables import TABLES

ENTRY, INBOX, OUTBOX, MEDIA = (TABLES[name] for name in ("entry", "inbox", "outbox", "media"))

BALANCE = Statement(
    select(func.coalesce(func.sum(ENTRY.c.amount), fixed("0"))).where(ENTRY.c.holder == given("holder"))
)


def _leg(side: str, holder: str, amount: str) -> dict[str, object]:
    return {
        "cause": given("cause"),
        "side": fixed(f"'{side}'"),
        "holder": bindparam(holder, type_=ENTRY.c.holder.type),
        "amount": bindparam(amount, type_=ENTRY.c.amount.type),
        "at": given("at"),
    }


TRANSFER = Statement(
    insert_row(ENTRY)
    .values([_leg("source", "source", "less"), _leg("target", "target", "more")])
    .inline()
    .on_conflict_do_nothing()
)
UNBALANCED = Statement(
    select(ENTRY.c.cause)
    .group_by(ENTRY.c.cause)
    .having((func.sum(ENTRY.c.amount) != fixed("0")) | (func.count() != fixed("2")))
    .order_by(ENTRY.c.cause)
)
ADD_MEDIA = Statement(insert("media", file_id=fixed("NULL")).on_conflict_do_nothing())
POST = Statement(
    insert("outbox", "id", state=fixed("'due'"), due_at=fixed("0"), attempts=fixed("0"), reason=fixed("''")).returning(
        OUTBOX.c.id
    )
)
FINISH = Statement(update(INBOX).where(INBOX.c.id == given("of")).values(state=fixed("'done'")))


def add_media(cursor: Cursor, content: bytes, type_: str) -> str:
    """Keeps a file once; its sha256."""
    sha = sha256(content).hexdigest()
    cursor.change(ADD_MEDIA, {"sha": sha, "type": type_, "content": content})
    return sha


def post(cursor: Cursor, letters: Sequence[Letter]) -> list[Posted]:
    """Puts letters into the outbox."""
    return [Posted(cursor.rows(POST, **mapping.letter_values(letter))[0][0], letter) for letter in letters]


class Postings(Part):
    __slots__ = ()

    def balance(self, holder: str) -> int:
        return int(self.cursor.rows(BALANCE, holder=holder)[0][0])

    def transfer(self, cause: str, source: str, target: str, amount: int, now: datetime) -> None:
        if amount < 0:
            raise ValueError(f"a transfer of {amount}: turn source and target round instead")
        if amount:
            legs = {"cause": cause, "source": source, "target": target, "less": -amount, "more": amount}
            self.cursor.change(TRANSFER, legs | {"at": mapping.micros(now)})

    def add_media(self, content: bytes, type_: str) -> str:
        return add_media(self.cursor, content, type_)

    def post(self, letters: Sequence[Letter]) -> None:
        self.posted += post(self.cursor, letters)

    def finish(self, update: UpdateId) -> None:
        self.cursor.change(FINISH, {"of": update})
