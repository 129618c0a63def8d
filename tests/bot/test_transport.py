"""The wire to the Bot API, against real servers on loopback that behave as badly as real ones."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, InputMediaPhoto
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.telegram.transport import (
    AiohttpRequest,
    NotSent,
    NotSentInTime,
    Patience,
    Sending,
    seconds_to_wait,
    surely_unsent,
    verdict_of,
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


async def test_a_message_with_buttons_arrives_as_telegram_expects_it() -> None:
    async with serving(says(MESSAGE)) as server, calling(server.base) as bot:
        buttons = InlineKeyboardMarkup([[InlineKeyboardButton("猫", callback_data="1")]])
        sent = await bot.send_message(5, "你好 & goodbye", reply_markup=buttons)
        assert sent.message_id == 7
    name, fields = server.seen[0]
    assert (name, fields["chat_id"], fields["text"]) == ("sendMessage", 5, "你好 & goodbye")
    assert fields["reply_markup"] == {"inline_keyboard": [[{"text": "猫", "callback_data": "1"}]]}


async def test_a_call_without_parameters() -> None:
    async with serving(says(ME)) as server, calling(server.base) as bot:
        assert (await bot.get_me()).username == "crowd_bot"
    assert server.seen == [("getMe", {})]


async def test_a_photo_is_uploaded_with_its_caption() -> None:
    picture = bytes(range(256)) * 2000
    async with serving(says(MESSAGE)) as server, calling(server.base) as bot:
        await bot.send_photo(5, picture, caption="看", filename="猫 \"1\".png")
    assert server.seen == [
        ("sendPhoto", {"chat_id": "5", "caption": "看", "photo": Upload("猫 '1'.png", "image/png", picture)})
    ]


async def test_an_edit_to_another_picture_and_an_open_file() -> None:
    async with serving(says(MESSAGE)) as server, calling(server.base) as bot:
        await bot.edit_message_media(InputMediaPhoto(b"\x89PNG"), 5, 7)
        table = InputFile(io.BytesIO(b"a,b"), filename="a\r\nb.csv", read_file_handle=False)
        await bot.send_document(5, table)
    media, document = server.seen[0][1], server.seen[1][1]["document"]
    attached = [name for name, part in media.items() if isinstance(part, Upload)]
    assert len(attached) == 1 and f"attach://{attached[0]}" in str(media["media"])
    assert document == Upload("a b.csv", "text/csv", b"a,b")


async def test_a_file_is_downloaded_whole() -> None:
    content = bytes(range(256)) * 4000

    async def reply(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(body=content)
        return web.json_response(
            {"ok": True, "result": {"file_id": "f", "file_unique_id": "u", "file_path": "photos/a 1.jpg"}}
        )

    async with serving(reply) as server, calling(server.base) as bot:
        file = await bot.get_file("f")
        assert bytes(await file.download_as_bytearray()) == content


async def test_a_lost_file_is_not_a_wrong_token() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        return web.json_response(
            {"ok": True, "result": {"file_id": "f", "file_unique_id": "u", "file_path": "photos/a.jpg"}}
        )

    async with serving(reply) as server, calling(server.base) as bot:
        file = await bot.get_file("f")
        with pytest.raises(BadRequest, match="not there"):
            await file.download_as_bytearray()


async def test_a_long_poll_outlasts_the_read_timeout_and_starves_nobody() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("getUpdates"):
            await asyncio.sleep(0.5)
            return web.json_response({"ok": True, "result": []})
        return web.json_response({"ok": True, "result": ME})

    async with serving(reply) as server, calling(server.base, connections=2) as bot:
        poll = asyncio.create_task(bot.get_updates(timeout=1))
        await asyncio.sleep(0.05)
        for _ in range(20):
            await bot.get_me()
        assert not poll.done()
        assert await poll == ()
        assert server.seen[0] == ("getUpdates", {"timeout": 1})


async def test_connections_are_used_again() -> None:
    async with serving(says(ME)) as server, calling(server.base, connections=3) as bot:
        await asyncio.gather(*(bot.get_me() for _ in range(30)))
        assert len(server.seen) == 30
        assert len(server.peers) <= 3


async def test_a_compressed_answer() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        body = gzip.compress(b'{"ok":true,"result":true}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with serving(reply) as server, calling(server.base) as bot:
        assert await bot.delete_my_commands()


# What goes wrong


@pytest.mark.parametrize(
    ("status", "body", "error", "verdict"),
    [
        (400, {"description": "Bad Request: chat not found"}, BadRequest, Sending.DECIDED),
        (403, {"description": "Forbidden: bot was blocked by the user"}, Forbidden, Sending.DECIDED),
        (400, {"description": "x", "parameters": {"migrate_to_chat_id": -9}}, ChatMigrated, Sending.DECIDED),
        (413, {"description": "Request Entity Too Large"}, BadRequest, Sending.DECIDED),
        (413, "<html>too large</html>", BadRequest, Sending.DECIDED),
        (401, {"description": "Unauthorized"}, InvalidToken, Sending.UNSENT),
        (404, {"description": "Not Found"}, InvalidToken, Sending.UNSENT),
        (409, {"description": "Conflict: terminated"}, Conflict, Sending.UNSENT),
        (429, {"description": "x", "parameters": {"retry_after": 7}}, RetryAfter, Sending.UNSENT),
        (429, "<html>slow down</html>", RetryAfter, Sending.UNSENT),
        (429, {"description": "x", "parameters": {"retry_after": None}}, RetryAfter, Sending.UNSENT),
        (500, {"description": "Internal Server Error"}, NetworkError, Sending.AMBIGUOUS),
        (502, "<html>Bad Gateway</html>", NetworkError, Sending.AMBIGUOUS),
        (403, "<html>the office firewall</html>", NetworkError, Sending.AMBIGUOUS),
        (404, "<html>some nginx</html>", NetworkError, Sending.AMBIGUOUS),
        (200, "<html>log in to this Wi-Fi</html>", NetworkError, Sending.AMBIGUOUS),
        (200, "null", NetworkError, Sending.AMBIGUOUS),
        (200, "", NetworkError, Sending.AMBIGUOUS),
        (302, "", NetworkError, Sending.AMBIGUOUS),
    ],
)
async def test_an_answer_that_says_no(
    status: int, body: Mapping[str, object] | str, error: type[TelegramError], verdict: Sending
) -> None:
    reply = refuses(status, body, {"Location": "/elsewhere"})
    async with serving(reply) as server, calling(server.base) as bot:
        caught = await failure_of(bot)
    assert type(caught) is error
    assert verdict_of(caught) is verdict
    assert surely_unsent(caught) is (verdict is Sending.UNSENT)
    assert len(server.seen) == 1, "a call is never repeated behind the caller's back"


async def test_the_wait_asked_for_is_read_from_body_header_or_guessed() -> None:
    cases: list[tuple[Mapping[str, object] | str, dict[str, str] | None, float]] = [
        ({"parameters": {"retry_after": 7}}, {"Retry-After": "3"}, 7.0),
        ("busy", {"Retry-After": "3"}, 3.0),
        ("busy", None, 5.0),
    ]
    for body, header, seconds in cases:
        async with serving(refuses(429, body, header)) as server, calling(server.base) as bot:
            caught = await failure_of(bot)
        assert isinstance(caught, RetryAfter) and seconds_to_wait(caught) == seconds


async def test_no_answer_in_time_is_ambiguous() -> None:
    async with serving(stalls) as server, calling(server.base) as bot:
        caught = await failure_of(bot)
        assert type(caught) is TimedOut and isinstance(caught.__cause__, TimeoutError)
        assert verdict_of(caught) is Sending.AMBIGUOUS
        assert len(server.seen) == 1


async def test_a_call_may_bring_its_own_patience() -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.4)
        return web.json_response({"ok": True, "result": ME})

    async with serving(slow) as server, calling(server.base) as bot:
        assert (await bot.get_me(read_timeout=2)).id == 1
        assert (await bot.get_me(read_timeout=None)).id == 1
        with pytest.raises(TimedOut):
            await bot.get_me(read_timeout=0.05)


async def test_a_connection_dropped_after_sending_is_ambiguous() -> None:
    async with serving(drops) as server, calling(server.base) as bot:
        caught = await failure_of(bot)
        assert type(caught) is NetworkError and caught.__cause__ is not None
        assert verdict_of(caught) is Sending.AMBIGUOUS
        assert len(server.seen) == 1


async def test_nobody_listening_is_not_sent() -> None:
    async with calling(f"http://127.0.0.1:{unused_port()}") as bot:
        caught = await failure_of(bot)
    assert type(caught) is NotSent and caught.__cause__ is not None
    assert surely_unsent(caught)


async def test_an_unknown_name_is_not_sent() -> None:
    async with calling("http://no-such-host.invalid", Patience(connect=5)) as bot:
        assert surely_unsent(await failure_of(bot))


async def test_an_address_that_is_none_is_not_sent() -> None:
    async with calling("htp:/oops") as bot:
        assert surely_unsent(await failure_of(bot))


async def test_a_connection_that_never_comes_about_is_not_sent() -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):  # the queue of the deaf one is full now
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        async with calling(f"http://127.0.0.1:{deaf.getsockname()[1]}") as bot:
            caught = await failure_of(bot)
    assert type(caught) is NotSentInTime and isinstance(caught, TimedOut)
    assert surely_unsent(caught)


async def test_tls_spoken_to_a_server_without_it_is_not_sent() -> None:
    async with serving(says(ME)) as server, calling(server.base.replace("http:", "https:")) as bot:
        assert surely_unsent(await failure_of(bot))
    assert server.seen == []


async def test_no_free_connection_is_not_sent() -> None:
    async with serving(stalls) as server, calling(server.base, Patience(read=1, pool=0.1), 1) as bot:
        first = asyncio.create_task(bot.get_me())
        await asyncio.sleep(0.05)
        caught = await failure_of(bot)
        assert type(caught) is NotSentInTime and surely_unsent(caught)
        with pytest.raises(TimedOut):
            await first
        assert [name for name, _ in server.seen] == ["getMe"]


async def test_a_place_is_given_back_after_every_kind_of_end() -> None:
    async with serving(stalls) as server, calling(server.base, connections=1) as bot:
        for _ in range(3):
            with pytest.raises(TimedOut) as caught:
                await bot.get_me()
            assert verdict_of(caught.value) is Sending.AMBIGUOUS
        call = asyncio.create_task(bot.get_me())
        await asyncio.sleep(0.05)
        call.cancel()
        server.reply = says(ME)
        assert (await bot.get_me()).id == 1


async def test_an_upload_that_nobody_reads_is_not_sent_and_one_cut_off_neither() -> None:
    async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        writer.transport.abort()

    for speak, kind in ((deaf, NotSentInTime), (cut, NotSent)):
        async with raw(speak) as base, calling(base) as bot:
            with pytest.raises(NetworkError) as caught:
                await bot.send_document(5, b"x" * 30_000_000)
            assert type(caught.value) is kind and surely_unsent(caught.value)


async def test_a_slow_upload_may_take_longer_than_the_write_timeout() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length:")[1].split()[0])
        while left:
            left -= len(await reader.read(1_000_000))
            await asyncio.sleep(0.03)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"ok":true,"result":true}')
        await writer.drain()

    async with raw(slow) as base, calling(base, Patience(media_write=0.3)) as bot:
        started = asyncio.get_running_loop().time()
        await bot._post("sendDocument", {"document": InputFile(b"x" * 12_000_000)})
        assert asyncio.get_running_loop().time() - started > 0.35


async def test_an_answer_that_is_not_http_or_cut_short_is_ambiguous() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 smtp.example.org ready\r\n\r\n")
        await writer.drain()

    async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"ok":tr')
        await writer.drain()

    for speak in (garbage, short):
        async with raw(speak) as base, calling(base) as bot:
            caught = await failure_of(bot)
        assert type(caught) is NetworkError and verdict_of(caught) is Sending.AMBIGUOUS


@pytest.mark.parametrize(
    "body", ["<p>{path} not found</p>", '{{"error": "no route {path}"}}', '{{"ok": false, "at": "{path}"}}']
)
@pytest.mark.parametrize("status", [200, 400, 404, 502])
async def test_a_proxy_that_echoes_the_address_tells_nobody_the_token(
    body: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body.format(path=request.raw_path))

    caplog.set_level(logging.INFO)
    async with serving(echo) as server, calling(server.base) as bot:
        assert verdict_of(await failure_of(bot)) is not None
    logged = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert not any(TOKEN in line for line in logged)
    assert server.seen[0][0] == "sendMessage"


async def test_closing_ends_what_is_under_way_and_refuses_what_comes_later() -> None:
    async with serving(stalls) as server:
        request = AiohttpRequest(patience=Patience(read=5))
        bot = Bot(TOKEN, base_url=f"{server.base}/bot", request=request, get_updates_request=request)
        assert surely_unsent(await failure_of(bot)), "not opened yet"
        await request.initialize()
        await request.initialize()
        call = asyncio.create_task(bot.get_me())
        await asyncio.sleep(0.1)
        await request.shutdown()
        await request.shutdown()
        with pytest.raises(NetworkError) as caught:
            await call
        assert verdict_of(caught.value) is Sending.AMBIGUOUS
        assert surely_unsent(await failure_of(bot))
        server.reply = says(ME)
        async with bot:  # and it can be opened again
            assert (await bot.get_me()).id == 1


def test_a_pool_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        AiohttpRequest(connections=0)
