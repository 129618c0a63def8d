"""What Telegram remembers: accounts, messages, taps and the updates made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.markup import Keyboard
from bot.sandbox.media import StoredFile
from bot.sandbox.wire import Json

TAP_LIVES = 150.0  # seconds; tdlib/telegram-bot-api Client.cpp add_update(CallbackQuery, ..., 150, ...)
MESSAGE_LIVES = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a phone notices: a message, an edit, a deletion, a toast, a typing sign, commands."""

    kind: str
    body: Json


@dataclass(frozen=True, slots=True)
class TapAnswer:
    """What answerCallbackQuery showed on the phone."""

    query_id: str
    text: str
    alert: bool
    url: str | None = None


@dataclass(slots=True)
class Account:
    """A person on Telegram; `started` once they have written to the bot."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = "en"
    started: bool = False
    blocked: bool = False
    answers: list[TapAnswer] = field(default_factory=list)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)

    def user_json(self) -> Json:
        body: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        optional = {"username": self.username, "language_code": self.language_code}
        return body | {name: value for name, value in optional.items() if value}

    def chat_json(self) -> Json:
        body: Json = {"id": self.id, "type": "private", "first_name": self.first_name}
        return body | ({"username": self.username} if self.username else {})

    def notice(self, kind: str, body: Json) -> None:
        for listener in tuple(self.listeners):
            listener(Event(kind, body))


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: text (the caption, where there is a file) and a file."""

    text: str = ""
    entities: tuple[Json, ...] = ()
    file: StoredFile | None = None


@dataclass(slots=True)
class Message:
    """One message in one chat, as it is now."""

    id: int
    chat: Account
    sender: Json  # User
    date: int  # Unix seconds
    content: Content
    keyboard: Keyboard = ()
    edited_at: int | None = None
    version: int = 0  # edits so far
    album: str | None = None
    reply_to: Message | None = None

    @property
    def by_bot(self) -> bool:
        return bool(self.sender["is_bot"])

    def as_json(self) -> Json:
        """The Message object of the Bot API."""
        content, file = self.content, self.content.file
        body: Json = {
            "message_id": self.id,
            "from": self.sender,
            "chat": self.chat.chat_json(),
            "date": self.date,
        }
        if file is None:
            body |= {"text": content.text, "entities": list(content.entities)}
        else:
            body[file.kind] = [file.as_json()] if file.kind == "photo" else file.as_json()
            if content.text:
                body |= {"caption": content.text, "caption_entities": list(content.entities)}
        if self.keyboard:
            body["reply_markup"] = {"inline_keyboard": [list(row) for row in self.keyboard]}
        optional = {"edit_date": self.edited_at, "media_group_id": self.album}
        body |= {name: value for name, value in optional.items() if value is not None}
        return body | ({"reply_to_message": self.reply_to.as_json()} if self.reply_to else {})


@dataclass(slots=True)
class Query:
    """One tap that waits for answerCallbackQuery."""

    id: str
    account: Account
    asked_at: float


@dataclass(slots=True)
class Update:
    """One update: accepted by Telegram, then confirmed by the bot, expired, or dropped at the bot's wish."""

    id: int
    kind: str
    body: Json
    person: int
    queue: tuple[str, int]  # updates of one queue are delivered in order
    accepted_at: float
    lives: float  # seconds
    attempts: int = 0
    confirmed_at: float | None = None
    expired: bool = False
    dropped: bool = False

    def as_json(self) -> Json:
        return {"update_id": self.id, self.kind: self.body}
