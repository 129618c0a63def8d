"""The wire to the Bot API, against a real server on loopback: what is sent, fetched, and given back."""

from __future__ import annotations

import asyncio
import gzip
import io

import pytest
from aiohttp import web
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, InputMediaPhoto
from telegram.error import (
    BadRequest,
    NetworkError,
)

from bot.telegram.transport import (
    AiohttpRequest,
    Patience,
    Sending,
    surely_unsent,
    verdict_of,
)
from tests.bot.bad_servers import ME, MESSAGE, TOKEN, Upload, calling, failure_of, says, serving, stalls


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
