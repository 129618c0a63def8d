"""Servers on loopback that behave as badly as real ones, and a bot that calls them."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import (
    TelegramError,
)

from bot.telegram.transport import (
    AiohttpRequest,
    Patience,
)

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
ME = {"id": 1, "is_bot": True, "first_name": "Crowd", "username": "crowd_bot"}
MESSAGE = {"message_id": 7, "date": 1, "chat": {"id": 5, "type": "private"}, "text": "hello"}
QUICK = Patience(read=0.2, write=0.2, connect=0.2, pool=0.1, media_write=0.3)


class Upload(NamedTuple):
    filename: str
    kind: str
    content: bytes


Fields = dict[str, Any]  # an Upload, a word of a form, or JSON
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
Speech = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A Bot API server that answers every method by `reply` and notes what it got."""

    reply: Reply
    seen: list[tuple[str, Fields]] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)
    base: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.peers.add(request.transport)
        fields: Fields = await request.json() if request.content_type == "application/json" else {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                fields[name] = Upload(value.filename, value.content_type, value.file.read())
            else:
                fields[name] = str(value)
        self.seen.append((request.path.rsplit("/", 1)[1], fields))
        return await self.reply(request)


@asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[Server]:
    server = Server(reply)
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{rest:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def calling(base: str, patience: Patience = QUICK, connections: int = 8) -> AsyncIterator[Bot]:
    request = AiohttpRequest(connections, patience)
    await request.initialize()
    try:
        yield Bot(
            TOKEN,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=request,
            get_updates_request=request,
        )
    finally:
        await request.shutdown()


async def failure_of(bot: Bot) -> TelegramError:
    with pytest.raises(TelegramError) as caught:
        await bot.send_message(5, "hello")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert TOKEN not in told and TOKEN.replace(":", "%3A") not in told
    return caught.value


def says(result: object) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "result": result})

    return reply


def refuses(status: int, body: Mapping[str, object] | str, headers: dict[str, str] | None = None) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=headers)
        return web.json_response({"ok": False, "error_code": status, **body}, status=status, headers=headers)

    return reply


async def stalls(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3)
    return web.Response()


async def drops(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def raw(speak: Speech) -> AsyncIterator[str]:
    """A server that does not speak HTTP as it should."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# What comes back
