"""The control side over HTTP and WebSocket under /sandbox/, for the chat page and people elsewhere.

For loopback only: whoever reaches it is everybody. What a foreign web page sends is refused by its Origin.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from bot.sandbox.faults import Kind
from bot.sandbox.people import Person, shown
from bot.sandbox.profile import commands_for
from bot.sandbox.records import Event
from bot.sandbox.server import dumps
from bot.sandbox.wire import Json, Refusal
from bot.sandbox.world import World

PAGE = Path(__file__).parent / "page"
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
PEOPLE = "/sandbox/people/{person}"
POLICY = "default-src 'self'; img-src 'self' blob:; media-src 'self'; style-src 'self'; script-src 'self'"


def guarded(answering: Answering) -> Answering:
    """Refuse other sites' pages, and put refusals and mistakes into words."""

    async def answer(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return web.json_response({"error": "another site may not use this sandbox"}, status=403)
        try:
            return await answering(request)
        except Refusal as refusal:
            return web.json_response({"error": refusal.description}, status=refusal.code)
        except (KeyError, ValueError, LookupError) as error:
            return web.json_response({"error": f"not understood: {error}"}, status=400)

    return answer


class Control:
    """The routes of the chat page and of people in other processes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        posts = {"say": self.say, "tap": self.tap, "send": self.send, "block": self.block}
        return [
            web.get("/", self.page),
            web.get(r"/{name:[a-z]+\.(?:css|js|svg)}", self.page),
            web.get("/sandbox/", guarded(self.about)),
            web.get("/sandbox/counts", guarded(self.counts)),
            web.post("/sandbox/faults", guarded(self.plan_fault)),
            web.get("/sandbox/files/{file}", guarded(self.file)),
            web.post("/sandbox/people", guarded(self.enter)),
            web.get(PEOPLE, guarded(self.look)),
            web.get(PEOPLE + "/events", guarded(self.events)),
            *(web.post(f"{PEOPLE}/{verb}", guarded(answering)) for verb, answering in posts.items()),
        ]

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "chat.html")
        if not (PAGE / name).is_file():
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return web.FileResponse(PAGE / name, headers=headers)

    async def about(self, _: web.Request) -> web.Response:
        bot = self._world.telegram.bot
        personas = [asdict(persona) for persona in self._world.personas]
        listening = self._world.delivery.listening
        return web.json_response({"bot": bot.user_json(), "personas": personas, "listening": listening}, dumps=dumps)

    async def counts(self, _: web.Request) -> web.Response:
        log = self._world.updates
        updates = {
            "accepted": len(log),
            "confirmed": sum(update.confirmed_at is not None for update in log),
            "expired": sum(update.expired for update in log),
            "pending": len(self._world.delivery.pending),
        }
        counts = self._world.counts
        return web.json_response({"updates": updates, "calls": counts.calls, "refused": counts.refused})

    async def plan_fault(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._world.faults.plan(
            Kind[str(body["kind"]).upper()],
            body.get("method"),
            times=int(body.get("times", 1)),
            seconds=float(body.get("seconds", 0)),
            code=int(body.get("code", 502)),
        )
        return web.json_response({})

    async def file(self, request: web.Request) -> web.Response:
        file = self._world.telegram.files.by_id(request.match_info["file"])
        kind = "image/*" if file.kind == "photo" else file.mime if file.kind in ("audio", "voice") else ""
        headers = {"Cache-Control": "max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
        if not kind.startswith(("image/", "audio/")):
            headers["Content-Disposition"], kind = "attachment", "application/octet-stream"
        return web.Response(body=file.content, content_type=kind, headers=headers)

    async def enter(self, request: web.Request) -> web.Response:
        body = await request.json()
        identity = body.get("id")
        person = self._world.person(
            None if identity is None else int(identity),
            str(body.get("first_name") or "Visitor"),
            username=body.get("username"),
            language_code=body.get("language_code"),
        )
        return web.json_response(self._view(person), dumps=dumps)

    def _person(self, request: web.Request) -> Person:
        return self._world.known(int(request.match_info["person"]))

    def _view(self, person: Person) -> Json:
        account, telegram = person.account, self._world.telegram
        return {
            "kind": "hello",
            "person": account.user_json(),
            "blocked": account.blocked,
            "bot": telegram.bot.user_json() | {"description": telegram.bot.description},
            "commands": commands_for(telegram, person.id, account.language_code),
            "messages": [asdict(message) for message in person.messages],
            "answers": [asdict(answer) for answer in account.answers[-50:]],
        }

    async def look(self, request: web.Request) -> web.Response:
        return web.json_response(self._view(self._person(request)), dumps=dumps)

    async def say(self, request: web.Request) -> web.Response:
        message = await self._person(request).say(str((await request.json())["text"]))
        return web.json_response(asdict(message), dumps=dumps)

    async def tap(self, request: web.Request) -> web.Response:
        body = await request.json()
        person = self._person(request)
        query = self._world.telegram.tap(person.account, int(body["message_id"]), str(body["data"]))
        return web.json_response({"query": query})

    async def send(self, request: web.Request) -> web.Response:
        """A file as the raw body; its kind, name and caption in the query string."""
        person, query = self._person(request), request.query
        content, caption = await request.read(), query.get("caption", "")
        if query.get("kind") == "photo":
            message = await person.send_photo(content, caption)
        else:
            message = await person.send_document(query["name"], content, caption)
        return web.json_response(asdict(message), dumps=dumps)

    async def block(self, request: web.Request) -> web.Response:
        person = self._person(request)
        await (person.block() if (await request.json())["blocked"] else person.unblock())
        return web.json_response({})

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        """Everything the phone notices, after a first frame with all that it shows."""
        person, socket = self._person(request), web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        events: asyncio.Queue[Event] = asyncio.Queue()
        person.account.listeners.append(events.put_nowait)
        try:
            await socket.send_json(self._view(person), dumps=dumps)
            teller = asyncio.create_task(self._tell(person, events, socket))
            async for frame in socket:
                if frame.type is WSMsgType.ERROR:
                    break
            teller.cancel()
        finally:
            person.account.listeners.remove(events.put_nowait)
        return socket

    async def _tell(self, person: Person, events: asyncio.Queue[Event], socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                body = self._frame(person, await events.get())
                if body is not None:
                    await socket.send_json(body, dumps=dumps)

    def _frame(self, person: Person, event: Event) -> Json | None:
        match event.kind:
            case "message" | "edited":
                message = self._world.telegram.history[person.id].get(event.body["id"])
                return None if message is None else {"kind": event.kind, "message": asdict(shown(message))}
            case "bot":
                view = self._view(person)
                return {"kind": "bot", "bot": view["bot"], "commands": view["commands"]}
            case _:
                return {"kind": event.kind} | event.body
