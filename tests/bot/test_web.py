"""The web side: only Telegram may post, health tells the truth, metrics count."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import string
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.metrics import Metrics
from bot.sandbox import Patience, Sandbox
from bot.telegram.application import Hook
from bot.telegram.receiver import Reception
from bot.web.server import Server
from bot.web.webhook import LARGEST_UPDATE, PATH, SECRET_HEADER, Webhook
from core.errors import BadInput, Refused
from storage.inbox import Incoming
from tests.bot.stage import Echo, Store, opened, running

SECRET = "the-word-that-only-Telegram-knows"


@dataclass
class Door:
    """A served webhook without a bot behind it."""

    server: Server
    store: Store
    session: aiohttp.ClientSession
    worked: list[Incoming]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}{PATH}"

    async def post(self, body: bytes, *secrets: str) -> int:
        headers = [(SECRET_HEADER, secret) for secret in secrets]
        async with self.session.post(self.url, data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as store, aiohttp.ClientSession() as session:
        worked: list[Incoming] = []
        reception = Reception(store.inbox, worked.extend)
        reception.open()
        server = Server("127.0.0.1", 0, Metrics(), {}, Webhook(reception, SECRET).routes())
        await server.start()
        yield Door(server, store, session, worked)
        await server.stop()


def update(number: int) -> bytes:
    return json.dumps({"update_id": number, "message": {"from": {"id": 7}}}).encode()


async def test_an_update_is_durable_when_200_is_said_and_comes_to_work_once(door: Door) -> None:
    assert [await door.post(update(1), SECRET), await door.post(update(1), SECRET)] == [200, 200]
    assert [one.id for one in await door.store.inbox.pending()] == [1]
    assert [one.id for one in door.worked] == [1]


@pytest.mark.parametrize(
    "secrets",
    [(), ("",), (SECRET[:-1],), (SECRET + "x",), (SECRET.upper(),), ("söcret",), (SECRET, SECRET), ("x", SECRET)],
)
async def test_who_does_not_know_the_secret_is_refused(door: Door, secrets: tuple[str, ...]) -> None:
    assert await door.post(update(1), *secrets) == 403
    assert await door.post(b"not even JSON", *secrets) == 403
    assert await door.store.inbox.pending() == []


async def test_forged_requests_are_never_taken_and_never_break_anything(door: Door) -> None:
    rng = random.Random(11)
    alphabet = string.ascii_letters + string.digits + "_-äß€中"
    forged = ["".join(rng.choices(alphabet, k=rng.randint(0, 60))) for _ in range(300)]
    answers = await asyncio.gather(*(door.post(update(number), word) for number, word in enumerate(forged)))
    assert set(answers) == {403}
    assert await door.store.inbox.pending() == []


async def test_the_body_of_a_stranger_is_not_read(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())  # and no body
    async with asyncio.timeout(2):
        assert b"403" in await reader.readline()
    writer.close()


NO_UPDATES = [
    *(b"", b"{", b"[]", b"7", b"null", b'"x"', b"{}", b"\xff\xfe", b"[" * 100_000),
    *(b'{"update_id": "1"}', b'{"update_id": 1e3}', b'{"update_id": -1}', b'{"update_id": 99999999999999999999}'),
]


@pytest.mark.parametrize("body", NO_UPDATES, ids=lambda body: body[:20].decode("latin-1"))
async def test_what_is_no_update_is_answered_400(door: Door, body: bytes) -> None:
    assert await door.post(body, SECRET) == 400


async def test_too_much_is_answered_413(door: Door) -> None:
    assert await door.post(b" " * (LARGEST_UPDATE + 1), SECRET) == 413


async def test_a_store_that_is_away_is_answered_503(door: Door) -> None:
    await door.store.writer.close()
    assert await door.post(update(1), SECRET) == 503
    assert door.worked == []


@pytest.mark.parametrize("secret", ["", " ", "söcret", "a b", "x" * 257])
async def test_without_a_secret_there_is_no_webhook(secret: str, tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        with pytest.raises(BadInput, match="webhook_secret"):
            Webhook(Reception(store.inbox, lambda _: None), secret)


async def test_telegram_posts_and_the_bot_answers(tmp_path: Path) -> None:
    patience = Patience(answer=1.0, first_retry=0.05, longest_retry=0.2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with opened(tmp_path) as store, Sandbox.started(patience=patience) as sandbox:
        ann, echo = sandbox.person(), Echo(store)
        await ann.say("before")
        hook = Hook(f"http://127.0.0.1:{port}{PATH}", SECRET)
        async with running(sandbox, store, echo.handlers(), hook, started=False) as loop:
            server = Server("127.0.0.1", port, loop.metrics, {}, Webhook(loop.reception, SECRET).routes())
            await server.start()
            assert not loop.alive
            await loop.start()
            await ann.say("after")
            await ann.wait(lambda shown: sum(not bubble.mine for bubble in shown) == 2)
            assert loop.alive
        await server.stop()
    assert [said for _, said in echo.seen] == ["before", "after"]
    assert all(one.confirmed_at for one in sandbox.updates)


async def test_health_and_metrics_tell_the_truth(tmp_path: Path) -> None:
    works = {"receiver": True}

    async def receiver() -> bool:
        return works["receiver"]

    async def database() -> bool:
        await store.inbox.pending()
        return True

    async with opened(tmp_path) as store, aiohttp.ClientSession() as session:
        metrics = Metrics()
        metrics.taps.inc(3)

        async def measure() -> None:
            metrics.inbox.set(17)

        checks = {"receiver": receiver, "database": database}
        server = Server("127.0.0.1", 0, metrics, checks, before_metrics=measure)
        await server.start()

        async def get(path: str) -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{server.port}{path}") as answer:
                return answer.status, await answer.text()

        assert (await get("/live"))[0] == 200
        assert await get("/ready") == (200, '{"ready": true, "parts": {"receiver": true, "database": true}}')
        works["receiver"] = False
        assert await get("/ready") == (503, '{"ready": false, "parts": {"receiver": false, "database": true}}')
        await store.writer.close()
        assert await get("/ready") == (503, '{"ready": false, "parts": {"receiver": false, "database": false}}')
        assert (await get("/live"))[0] == 200
        page = (await get("/metrics"))[1]
        assert "crowdloop_taps_total 3.0" in page and "crowdloop_inbox_depth 17.0" in page
        with pytest.raises(Refused, match="cannot be served"):
            await Server("127.0.0.1", server.port, metrics, {}).start()
        await server.stop()
