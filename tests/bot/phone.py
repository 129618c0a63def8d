"""People with phones in front of the real handlers: a store on disk, PTB's application, and a wire in memory."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from telegram import Update
from telegram.ext import Application
from telegram.request import BaseRequest, RequestData

from bot.telegram.admin_handlers import admin_handlers
from bot.telegram.application import unclaimed
from bot.telegram.house import House
from bot.telegram.receiver import incoming
from bot.telegram.worker_handlers import worker_handlers
from core.administration import create_campaign, import_items
from core.campaign import Campaign, Draft, Policy
from core.figures import Figures
from core.ids import CampaignId, ItemId
from core.item import Content, Medium, NewItem
from core.ports import Letter, Transaction
from tests.bot.stage import Store, opened

ADMIN, ANN, BOB = 1, 100, 200
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
BOT = {"id": 999, "is_bot": True, "first_name": "Loop", "username": "loop_bot"}


class Wire(BaseRequest):
    """Telegram in memory: notes each call, hands out files."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        return None

    async def shutdown(self) -> None:
        return None

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        name = url.rsplit("/", 1)[-1]
        if method == "GET":
            return 200, self.files[name]
        parameters = request_data.parameters if request_data else {}
        self.calls.append((name, parameters))
        found = {"getMe": BOT, "getFile": {"file_id": "f", "file_unique_id": "u", "file_path": ""}}.get(name, True)
        if name == "getFile":
            if parameters["file_id"] not in self.files:
                return 400, json.dumps({"ok": False, "error_code": 400, "description": "Bad Request: gone"}).encode()
            found = {**found, "file_path": parameters["file_id"]}  # type: ignore[dict-item]
        return 200, json.dumps({"ok": True, "result": found}).encode()


@dataclass
class Shown:
    """A message of the bot's, as it looks now."""

    number: int
    text: str
    photo: str
    buttons: dict[str, str]  # wording -> what it carries


@dataclass
class Notes:
    """Errands that only note what they are asked."""

    asked: list[tuple[str, str, int]] = field(default_factory=list)
    shown: list[tuple[ItemId, int]] = field(default_factory=list)

    async def train(self, slug: str, chat: int) -> None:
        self.asked.append(("train", slug, chat))

    async def export(self, slug: str, chat: int) -> None:
        self.asked.append(("export", slug, chat))

    async def telling(self, item: ItemId, chat: int) -> None:
        self.shown.append((item, chat))


@dataclass
class Town:
    """The bot and everybody's chats."""

    store: Store
    application: Application[Any, Any, Any, Any, Any, Any]
    wire: Wire
    errands: Notes
    now: datetime = START
    chats: dict[int, list[Shown]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(10))
    updates: count[int] = field(default_factory=lambda: count(5000))
    pending: list[Any] = field(default_factory=list)
    languages: dict[int, str] = field(default_factory=dict)
    figures: dict[CampaignId, Figures] = field(default_factory=dict)

    def last(self, person: int) -> Shown:
        return self.chats[person][-1]

    def open_bubbles(self, person: int) -> list[Shown]:
        return [shown for shown in self.chats.get(person, []) if {"Not sure", "不确定"} & set(shown.buttons)]

    def person(self, number: int) -> dict[str, Any]:
        return {"id": number, "is_bot": False, "first_name": "P", "language_code": self.languages.get(number, "en")}

    async def send(self, person: int, text: str = "", **more: Any) -> list[Letter]:
        """A message; the letters that it caused."""
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}] if text[:1] == "/" else []
        chat = {"id": person, "type": "private", "first_name": "P"}
        sent = int(self.now.timestamp())
        body: dict[str, Any] = {"message_id": 1, "date": sent, "chat": chat, "from": self.person(person), **more}
        body |= {"text": text, "entities": entities} if text else {}
        return await self.update({"message": body})

    async def tap(self, person: int, wording: str, on: Shown | None = None) -> str:
        """Presses a button of the last message (or of `on`); the words over the chat."""
        shown = on or next(m for m in reversed(self.chats[person]) if wording in m.buttons)
        return await self.press(person, shown.buttons[wording], shown)

    async def press(self, person: int, carried: str, on: Shown) -> str:
        chat = {"id": person, "type": "private", "first_name": "P"}
        message: dict[str, Any] = {"message_id": on.number, "date": 1, "chat": chat, "from": BOT}
        message |= {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]} if on.photo else {}
        query = {"id": "q", "from": self.person(person), "chat_instance": "c", "data": carried, "message": message}
        await self.update({"callback_query": query})
        name, parameters = self.wire.calls[-1]
        assert name == "answerCallbackQuery"
        return str(parameters.get("text") or "")

    async def update(self, body: dict[str, Any]) -> list[Letter]:
        """Lets the handlers work on an update, then delivers what they posted."""
        before = len(self.letters)
        raw = {"update_id": next(self.updates), **body}
        await self.store.inbox.accept([incoming(raw)])
        await self.application.process_update(Update.de_json(raw, self.application.bot))
        assert await self.store.inbox.pending() == [], "an update is finished by the work that it causes"
        await self.deliver()
        return self.letters[before:]

    async def deliver(self) -> None:
        """What the sender would do: the chats change, and the store learns the bubbles' numbers."""
        while self.pending:
            posted = self.pending.pop(0)
            letter = posted.letter
            self.letters.append(letter)
            number = letter.message if letter.method.startswith("edit") else next(self.numbers)
            self._show(letter, number)
            await self.store.outbox.sent(posted.id, number)

    def _show(self, letter: Letter, number: int) -> None:
        chat, body = self.chats.setdefault(letter.chat, []), letter.body
        rows = body.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = {button["text"]: button["callback_data"] for row in rows for button in row}
        text = body.get("text") or body.get("caption") or body.get("media", {}).get("caption", "")
        if not letter.method.startswith("edit"):
            chat.append(Shown(number, text, letter.media, buttons))
            return
        at = next(at for at, shown in enumerate(chat) if shown.number == number)
        old = chat[at]
        if letter.method == "editMessageReplyMarkup":
            chat[at] = replace(old, buttons=buttons)
        else:
            assert bool(old.photo) == (letter.method == "editMessageMedia"), "Telegram keeps a message's medium"
            chat[at] = Shown(number, text, letter.media, buttons)

    async def campaign(self, slug: str = "pets", items: Sequence[NewItem] = (), **more: Any) -> Campaign:
        """A campaign with items, made behind the chat's back."""
        policy = Policy(**{"audit_share": 0.0, "newcomer_controls": 0, "control_share": 0.0, **more.pop("policy", {})})
        draft = Draft(slug, **{**DRAFT, **more}, policy=policy)

        def work(tx: Transaction) -> Campaign:
            campaign = create_campaign(tx, draft, self.now)
            if items:
                import_items(tx, slug, "test", items)
            return campaign

        return await self.store.ledger.transact(work)

    async def answers(self, campaign: CampaignId) -> int:
        return (await self.store.ledger.transact(lambda tx: tx.progress(campaign))).answers

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)


DRAFT: dict[str, Any] = {
    "title": "Pets",
    "instructions": "Which animal is it?",
    "labels": ("cat", "dog"),
    "wordings": {"zh": ("猫", "狗")},
}


def archive(**files: bytes) -> bytes:
    """A ZIP; `one__png` stands for one.png."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "."), content)
    return out.getvalue()


def texts(*words: str) -> list[NewItem]:
    return [NewItem(f"i{at}", Content(Medium.TEXT, word)) for at, word in enumerate(words)]


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """The real handlers over a fresh store."""
    async with opened(folder) as store:
        wire, errands = Wire(), Notes()
        application = Application.builder().token("1:t").request(wire).get_updates_request(Wire()).updater(None).build()
        here = Town(store, application, wire, errands)
        store.ledger.posted = here.pending.extend
        dice, admins = random.Random(7), frozenset({ADMIN})
        house = House(store.ledger, errands, admins, "loop_bot", lambda: here.now, dice, here.figures.get)
        application.add_handlers([*admin_handlers(house), *worker_handlers(house), unclaimed(store.ledger)])
        async with application:
            yield here
