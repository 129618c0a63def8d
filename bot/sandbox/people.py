"""People with phones: what they see and what they can do; `client` has the same verbs over HTTP."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.sandbox.media import unique_id
from bot.sandbox.records import Account, Content, Event, Message, TapAnswer
from bot.sandbox.telegram import Telegram
from bot.sandbox.wire import Json, Upload

PATIENCE = 10.0  # seconds a person waits before a test should fail


@dataclass(frozen=True, slots=True)
class Button:
    """One inline button; `data` goes back to the bot when it is tapped, `url` is opened by the phone."""

    text: str
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a bubble; `unique_id` is `media.unique_id(content)`, so what is shown is known unread."""

    kind: str
    file_id: str
    unique_id: str
    name: str
    size: int  # bytes
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """One bubble as it is on the phone now; `version` counts its edits."""

    id: int
    mine: bool
    date: int  # Unix seconds
    text: str | None
    caption: str | None
    entities: tuple[Json, ...]
    attachment: Attachment | None
    buttons: tuple[tuple[Button, ...], ...]
    edited: bool
    version: int

    @property
    def words(self) -> str:
        return self.text or self.caption or ""

    @property
    def photo(self) -> str | None:
        """The `file_unique_id` of the picture, if the bubble is one."""
        return self.attachment.unique_id if self.attachment and self.attachment.kind == "photo" else None

    @property
    def sound(self) -> str | None:
        """The `file_unique_id` of the sound, if the bubble is one."""
        return self.attachment.unique_id if self.attachment and self.attachment.kind == "audio" else None

    @property
    def document(self) -> str | None:
        """The name of the file, if the bubble is one."""
        return self.attachment.name if self.attachment and self.attachment.kind == "document" else None

    @property
    def keys(self) -> tuple[Button, ...]:
        """All buttons, row by row."""
        return tuple(button for row in self.buttons for button in row)

    def key(self, button: Button | str | int) -> Button:
        """The button of a text or of a place; raises LookupError that names the buttons there are."""
        if isinstance(button, Button):
            return button
        for place, found in enumerate(self.keys):
            if button in (place, found.text):
                return found
        raise LookupError(f"no button {button!r} in message {self.id}, only {[key.text for key in self.keys]}")


class Phone(Protocol):
    """What a simulated worker needs of a person."""

    @property
    def id(self) -> int: ...
    @property
    def messages(self) -> Sequence[Shown]: ...
    async def say(self, text: str) -> object: ...
    async def tap(self, message: Shown, button: Button | str | int = 0) -> str: ...
    async def wait(self, until: Callable[[Sequence[Shown]], object], timeout: float = PATIENCE) -> Sequence[Shown]: ...


def shown(message: Message) -> Shown:
    """A message as a phone shows it."""
    file, text = message.content.file, message.content.text or None
    attachment = None
    if file is not None:
        attachment = Attachment(
            file.kind, file.file_id, file.unique_id, file.name, len(file.content), file.width, file.height
        )
    rows = tuple(
        tuple(Button(key["text"], key.get("callback_data"), key.get("url")) for key in row) for row in message.keyboard
    )
    return Shown(
        id=message.id,
        mine=not message.by_bot,
        date=message.date,
        text=None if file else text,
        caption=text if file else None,
        entities=message.content.entities,
        attachment=attachment,
        buttons=rows,
        edited=message.edited_at is not None,
        version=message.version,
    )


class Waiting:
    """A place where phones wait for something to change."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def wake(self, _: object = None) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, happened: Callable[[], bool], timeout: float) -> None:
        """Return once `happened()`; raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not happened():
                waiter = asyncio.get_running_loop().create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)


class Person:
    """A person in the same process as Telegram."""

    def __init__(self, telegram: Telegram, account: Account) -> None:
        self._telegram = telegram
        self.account = account
        self._waiting = Waiting()
        self._drawn: dict[int, Shown] = {}  # bubbles already drawn, while their version is the current one
        account.listeners.append(self._notice)

    def _notice(self, event: Event) -> None:
        self._waiting.wake(event)

    @property
    def id(self) -> int:
        return self.account.id

    @property
    def messages(self) -> list[Shown]:
        """What is in the chat now, oldest first."""
        return [self._draw(message) for message in self._telegram.history[self.id].values()]

    def _draw(self, message: Message) -> Shown:
        drawn = self._drawn.get(message.id)
        if drawn is None or drawn.version != message.version:
            drawn = self._drawn[message.id] = shown(message)
        return drawn

    @property
    def answers_to_taps(self) -> list[TapAnswer]:
        return self.account.answers

    async def say(self, text: str, reply_to: int | None = None) -> Shown:
        """Write to the bot; "/start" is what pressing Start sends."""
        return shown(self._telegram.say(self.account, text, reply_to))

    async def tap(self, message: Shown, button: Button | str | int = 0) -> str:
        """Tap a button as it is on `message` (which may be stale by now); the id of the query."""
        return self._telegram.tap(self.account, message.id, message.key(button).data or "")

    async def send_document(self, name: str, content: bytes, caption: str = "") -> Shown:
        return self._send("document", name, content, caption)

    async def send_photo(self, content: bytes, caption: str = "") -> Shown:
        return self._send("photo", "photo.jpg", content, caption)

    def _send(self, kind: str, name: str, content: bytes, caption: str) -> Shown:
        upload = Upload(name, mimetypes.guess_type(name)[0] or "application/octet-stream", content)
        file = self._telegram.files.put(kind, upload)
        return shown(self._telegram.send(self.account, Content(caption, (), file)))

    async def block(self) -> None:
        self._telegram.block(self.account)

    async def unblock(self) -> None:
        self._telegram.unblock(self.account)

    async def download(self, message: Shown) -> bytes:
        """The bytes of the file in a bubble; raises LookupError where there is none."""
        if message.attachment is None:
            raise LookupError(f"message {message.id} carries no file")
        return self._telegram.files.by_id(message.attachment.file_id).content

    async def wait(self, until: Callable[[Sequence[Shown]], object], timeout: float = PATIENCE) -> list[Shown]:
        """The messages once `until(messages)` holds; raises TimeoutError that says what was seen instead."""
        try:
            await self._waiting.until(lambda: bool(until(self.messages)), timeout)
        except TimeoutError:
            last = [(bubble.words, [key.text for key in bubble.keys]) for bubble in self.messages[-3:]]
            words = f"not seen within {timeout} s by person {self.id}; the last bubbles: {last}"
            raise TimeoutError(words) from None
        return self.messages

    async def answer_to(self, query: str, timeout: float = PATIENCE) -> TapAnswer:
        """What the bot answered to a tap; raises TimeoutError when it does not."""
        found: list[TapAnswer] = []

        def came() -> bool:
            found.extend(answer for answer in self.account.answers[-50:] if answer.query_id == query)
            return bool(found)

        await self._waiting.until(came, timeout)
        return found[0]


__all__ = ["Attachment", "Button", "Person", "Phone", "Shown", "Waiting", "shown", "unique_id"]
