"""What goes wrong on the wire, and whether Telegram may have heard: real servers on loopback that behave badly."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping

import pytest
from aiohttp import web
from telegram import InputFile
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
    NotSent,
    NotSentInTime,
    Patience,
    Sending,
    seconds_to_wait,
    surely_unsent,
    verdict_of,
)
from tests.bot.bad_servers import (
    ME,
    TOKEN,
    calling,
    drops,
    failure_of,
    raw,
    refuses,
    says,
    serving,
    stalls,
    unused_port,
)


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
