"""What the tests of the bot loop share: a migrated store, Telegram on loopback, and handlers that echo."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from telegram import Update
from telegram.ext import BaseHandler, CallbackQueryHandler, ContextTypes, MessageHandler, filters

from bot.sandbox import Sandbox
from bot.telegram.application import BotLoop, Hook, build, greet
from core.ids import UpdateId
from core.ports import Letter, Repeat
from storage.engine import parse
from storage.inbox import Inbox
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.outbox import Outbox
from storage.writer import Writer

Context = ContextTypes.DEFAULT_TYPE


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Store:
    """A database and the doors to it."""

    writer: Writer
    ledger: SqlLedger = field(init=False)
    inbox: Inbox = field(init=False)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.ledger, self.inbox, self.outbox = SqlLedger(self.writer), Inbox(self.writer), Outbox(self.writer)

    async def post(self, *letters: Letter) -> None:
        await self.ledger.transact(lambda tx: tx.post(letters))

    async def outcomes(self) -> list[tuple[str, str, str]]:
        """(text or method, state, reason) of every letter, oldest first."""

        def read(cursor: object) -> list[tuple[str, str, str]]:
            raw = cursor.raw  # type: ignore[attr-defined]
            raw.execute("SELECT json_extract(body, '$.text'), method, state, reason FROM outbox ORDER BY id")
            return [(text or method, state, reason) for text, method, state, reason in raw.fetchall()]

        return await self.writer.run(read)

    async def inbox_states(self) -> dict[int, tuple[str, int]]:
        """(state, attempts) of every update."""

        def read(cursor: object) -> dict[int, tuple[str, int]]:
            raw = cursor.raw  # type: ignore[attr-defined]
            raw.execute("SELECT id, state, attempts FROM inbox ORDER BY seq")
            return {number: (state, attempts) for number, state, attempts in raw.fetchall()}

        return await self.writer.run(read)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    """The database in `folder`, made where there is none."""
    url = f"sqlite:///{folder / 'crowdloop.db'}"
    migrate(url)
    store = Store(Writer(parse(url)))
    try:
        yield store
    finally:
        await store.writer.close()


def words(chat: int, text: str, repeat: Repeat = Repeat.ONCE, bulk: bool = False) -> Letter:
    return Letter(chat, "sendMessage", {"text": text}, repeat, bulk)


Worker = Callable[[Update], None]  # what a test does with an update, before it is finished


@dataclass
class Echo:
    """Handlers that repeat what a person says, in one transaction with the update's end."""

    store: Store
    before: Worker = lambda _: None
    seen: list[tuple[int, str]] = field(default_factory=list)  # (person, words), in the order of their work

    def handlers(self) -> list[BaseHandler[Update, Context, None]]:
        return [MessageHandler(filters.TEXT, self.answer), CallbackQueryHandler(self.answer)]

    async def answer(self, update: Update, _: Context) -> None:
        person = update.effective_user
        assert person is not None
        said = update.message.text if update.message else update.callback_query and update.callback_query.data
        self.before(update)
        self.seen.append((person.id, str(said)))
        letter = words(person.id, f"you said {said}")

        def work(tx: object) -> None:
            tx.post([letter])  # type: ignore[attr-defined]
            tx.finish(UpdateId(update.update_id))  # type: ignore[attr-defined]

        await self.store.ledger.transact(work)


@asynccontextmanager
async def running(
    sandbox: Sandbox,
    store: Store,
    handlers: Sequence[BaseHandler[Update, Context, None]],
    hook: Hook | None = None,
    started: bool = True,
) -> AsyncIterator[BotLoop]:
    """A bot on the sandbox, stopped at the end."""
    application = build(sandbox.token, sandbox.base_url, sandbox.base_file_url)
    await greet(application)
    loop = BotLoop(application, handlers, store.ledger, store.inbox, store.outbox, now, hook=hook)
    if started:
        await loop.start()
    try:
        yield loop
    finally:
        await loop.stop()


async def serve(base: str, token: str, folder: Path) -> None:
    """An echoing bot until it is killed."""
    async with opened(folder) as store:
        application = build(token, f"{base}/bot", f"{base}/file/bot")
        await greet(application)
        loop = BotLoop(application, Echo(store).handlers(), store.ledger, store.inbox, store.outbox, now)
        await loop.start()
        await loop.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
