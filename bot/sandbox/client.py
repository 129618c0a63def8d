"""People in another process: the verbs of `Person`, over the control API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bot.sandbox.people import PATIENCE, Attachment, Button, Shown, Waiting
from bot.sandbox.records import TapAnswer
from bot.sandbox.wire import Json


def bubble(body: Json) -> Shown:
    """A bubble from the control API's JSON."""
    rows = tuple(tuple(Button(**key) for key in row) for row in body["buttons"])
    attachment = Attachment(**body["attachment"]) if body["attachment"] else None
    return Shown(**body | {"buttons": rows, "attachment": attachment, "entities": tuple(body["entities"])})


class RemotePerson:
    """A person whose phone is mirrored here by a WebSocket. Made by `remote_person`."""

    def __init__(self, session: aiohttp.ClientSession, identity: int) -> None:
        self.id = identity
        self.answers_to_taps: list[TapAnswer] = []
        self._session = session
        self._bubbles: dict[int, Shown] = {}
        self._waiting = Waiting()

    @property
    def messages(self) -> list[Shown]:
        """What is in the chat now, oldest first."""
        return list(self._bubbles.values())

    async def say(self, text: str) -> Shown:
        return bubble(await self._post("say", json={"text": text}))

    async def tap(self, message: Shown, button: Button | str | int = 0) -> str:
        """Tap a button as it is on `message` (which may be stale by now); the id of the query."""
        body = {"message_id": message.id, "data": message.key(button).data or ""}
        return str((await self._post("tap", json=body))["query"])

    async def send_document(self, name: str, content: bytes, caption: str = "") -> Shown:
        query = {"kind": "document", "name": name, "caption": caption}
        return bubble(await self._post("send", params=query, data=content))

    async def send_photo(self, content: bytes, caption: str = "") -> Shown:
        return bubble(await self._post("send", params={"kind": "photo", "caption": caption}, data=content))

    async def block(self) -> None:
        await self._post("block", json={"blocked": True})

    async def unblock(self) -> None:
        await self._post("block", json={"blocked": False})

    async def download(self, message: Shown) -> bytes:
        """The bytes of the file in a bubble; raises LookupError where there is none."""
        if message.attachment is None:
            raise LookupError(f"message {message.id} carries no file")
        async with self._session.get(f"/sandbox/files/{message.attachment.file_id}") as answer:
            return await answer.read()

    async def wait(self, until: Callable[[Sequence[Shown]], object], timeout: float = PATIENCE) -> list[Shown]:
        """The messages once `until(messages)` holds; raises TimeoutError."""
        await self._waiting.until(lambda: bool(until(self.messages)), timeout)
        return self.messages

    async def _post(self, verb: str, **content: Any) -> Json:
        async with self._session.post(f"/sandbox/people/{self.id}/{verb}", **content) as answer:
            body: Json = await answer.json()
            if answer.status != 200:
                raise ValueError(body["error"])
            return body

    async def follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Mirror the phone until the socket closes."""
        async for frame in socket:
            self._take(frame.json())
            self._waiting.wake()

    def _take(self, body: Json) -> None:
        match body["kind"]:
            case "hello":
                self._bubbles = {message["id"]: bubble(message) for message in body["messages"]}
                self.answers_to_taps = [TapAnswer(**answer) for answer in body["answers"]]
            case "message" | "edited":
                self._bubbles[body["message"]["id"]] = bubble(body["message"])
            case "deleted":
                self._bubbles.pop(body["id"], None)
            case "answer":
                self.answers_to_taps.append(TapAnswer(body["query"], body["text"], body["alert"], body["url"]))
            case _:
                return


@asynccontextmanager
async def remote_person(
    url: str, id: int | None = None, first_name: str = "Ann", language_code: str = "en"
) -> AsyncIterator[RemotePerson]:
    """A person on the sandbox at `url`, in this process, until the block ends."""
    async with aiohttp.ClientSession(url) as session:
        body = {"id": id, "first_name": first_name, "language_code": language_code}
        async with session.post("/sandbox/people", json=body) as answer:
            person = RemotePerson(session, (await answer.json())["person"]["id"])
        async with session.ws_connect(f"/sandbox/people/{person.id}/events") as socket:
            person._take(await socket.receive_json())
            following = asyncio.create_task(person.follow(socket))
            try:
                yield person
            finally:
                following.cancel()
