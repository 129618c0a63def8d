"""Bots that only echo taps: what the machine, the wire and PTB cost before any of our work is done.

Each polls the Bot API server at `base_url` (ending in "/bot", as `telegram.base_url` does), and answers
every tap by answerCallbackQuery, then editMessageText, until `stop` is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiohttp
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, ContextTypes

from bot.telegram.transport import AiohttpRequest

AT_ONCE = 64  # taps under way at a time
POLL = 1  # seconds that a getUpdates may wait
ECHO = "echo"

Tap = TypeVar("Tap")


async def run_raw(base_url: str, token: str, stop: asyncio.Event) -> None:
    """aiohttp and nothing else: the machine's own limit."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE + 1)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(method: str, **fields: str | int) -> Any:
            async with session.post(f"{base_url}{token}/{method}", data=fields) as response:
                return (await response.json())["result"]

        async def poll(offset: int) -> list[dict[str, Any]]:
            updates: list[dict[str, Any]] = await call("getUpdates", offset=offset, limit=100, timeout=POLL)
            return updates

        async def echo(update: dict[str, Any]) -> None:
            tap = update.get("callback_query")
            if tap is None:
                return
            await call("answerCallbackQuery", callback_query_id=tap["id"])
            message = tap["message"]
            here = {"chat_id": message["chat"]["id"], "message_id": message["message_id"]}
            await call("editMessageText", text=f"{ECHO} {tap['data']}", **here)

        await _feed(poll, lambda update: int(update["update_id"]), echo, stop)


async def run_ptb(base_url: str, token: str, stop: asyncio.Event) -> None:
    """A bare PTB application on our transport, `process_update` awaited directly."""
    request = AiohttpRequest(connections=AT_ONCE + 1)
    builder = Application.builder().token(token).base_url(base_url).updater(None)
    app = builder.request(request).get_updates_request(request).build()
    app.add_handler(CallbackQueryHandler(_echo))

    async def poll(offset: int) -> Sequence[Update]:
        return await app.bot.get_updates(offset=offset, limit=100, timeout=POLL)

    async with app:
        await _feed(poll, lambda update: update.update_id, app.process_update, stop)


async def _echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    tap = update.callback_query
    if tap is not None:
        await tap.answer()
        await tap.edit_message_text(f"{ECHO} {tap.data}")


async def _feed(
    poll: Callable[[int], Awaitable[Sequence[Tap]]],
    number: Callable[[Tap], int],
    work: Callable[[Tap], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Work on what is polled, `AT_ONCE` at a time, until `stop`; what is under way is finished."""
    places = asyncio.Semaphore(AT_ONCE)
    offset = 0

    async def one(update: Tap) -> None:
        try:
            await work(update)
        finally:
            places.release()

    async with asyncio.TaskGroup() as group:
        while not stop.is_set():
            for update in await poll(offset):
                offset = number(update) + 1
                await places.acquire()
                group.create_task(one(update))
