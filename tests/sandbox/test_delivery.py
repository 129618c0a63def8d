"""How updates reach the bot: offsets, long polls, webhooks with a secret and retries, expiry, doubled taps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import Conflict

from bot.sandbox import Button, Sandbox
from bot.sandbox.delivery import SECRET_HEADER

from .conftest import Clock
from .test_methods import buttons


async def test_an_offset_confirms_what_lies_below(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    for text in ("one", "two", "three"):
        await ann.say(text)
    first = await bot.get_updates(limit=2)
    assert [update.message.text for update in first if update.message] == ["one", "two"]
    assert [update.update_id for update in await bot.get_updates()] == [one.id for one in sandbox.updates]
    assert [update.confirmed_at for update in sandbox.updates] == [None] * 3
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [update.message.text for update in rest if update.message] == ["three"]
    assert [update.confirmed_at is not None for update in sandbox.updates] == [True, True, False]


async def test_a_negative_offset_keeps_the_last(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    for text in ("one", "two", "three"):
        await ann.say(text)
    assert [update.message.text for update in await bot.get_updates(offset=-1) if update.message] == ["three"]
    assert len(sandbox.delivery.pending) == 1


async def test_a_long_poll_ends_with_the_first_news(bot: Bot, sandbox: Sandbox) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    assert not poll.done()
    await sandbox.person().say("news")
    assert len(await asyncio.wait_for(poll, 2)) == 1
    assert await bot.get_updates(offset=-1, timeout=0)


async def test_a_second_poller_ends_the_first(bot: Bot, sandbox: Sandbox) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(bot.get_updates(timeout=20))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first
    await sandbox.person().say("hello")
    assert len(await second) == 1


async def test_unwanted_kinds_are_dropped(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await bot.get_updates(allowed_updates=["callback_query"])
    await ann.say("not wanted")
    assert await bot.get_updates() == () and sandbox.updates[0].dropped
    await bot.get_updates(allowed_updates=[])
    await ann.say("wanted")
    await ann.block()
    kinds = [(update.message is not None, update.my_chat_member is not None) for update in await bot.get_updates()]
    assert kinds == [(True, False), (False, True)]


async def test_a_tap_lives_150_seconds_and_a_message_a_day(bot: Bot, sandbox: Sandbox, clock: Clock) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    await bot.send_message(ann.id, "?", reply_markup=buttons("a"))
    await ann.tap(ann.messages[-1])
    clock.now += 149
    assert len(await bot.get_updates()) == 2
    clock.now += 2
    (left,) = await bot.get_updates()
    assert left.message is not None
    assert [update.expired for update in sandbox.updates] == [False, True]
    sandbox.tap_many([(ann, ann.messages[-1], Button("a", "pick a"))] * 250)
    clock.now += 151
    await ann.say("after 250 lost taps")
    assert [update.message is not None for update in await bot.get_updates()] == [True, True]


async def test_a_tap_sent_twice_is_a_new_update(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.send_taps_twice(1.0, random.Random(1))
    ann = sandbox.person()
    await ann.say("/start")
    await bot.send_message(ann.id, "?", reply_markup=buttons("a"))
    await ann.tap(ann.messages[-1])
    taps = [update for update in await bot.get_updates() if update.callback_query]
    assert len({update.update_id for update in taps}) == 2
    assert len({update.callback_query.id for update in taps if update.callback_query}) == 2
    assert len({update.callback_query.data for update in taps if update.callback_query}) == 1


async def test_thousands_of_taps_in_a_second(bot: Bot, sandbox: Sandbox) -> None:
    people = [sandbox.person() for _ in range(50)]
    for person in people:
        await person.say("/start")
        await bot.send_message(person.id, "?", reply_markup=buttons("a", "b"))
    bubbles = [(person, person.messages[-1], Button("b", "pick b")) for person in people]
    started = asyncio.get_running_loop().time()
    sandbox.tap_many(bubbles * 60)
    assert asyncio.get_running_loop().time() - started < 1.5  # 0.06 s on a quiet machine
    seen, offset = 0, 0
    while batch := await bot.get_updates(offset=offset, limit=100):
        seen, offset = seen + len(batch), batch[-1].update_id + 1
    assert seen == 3_050


@dataclass
class Hook:
    """A bot's webhook: notes what came and answers with the next status of `script` (200 when it is empty)."""

    url: str = ""
    script: list[int | float] = field(default_factory=list)
    seen: list[tuple[str | None, Update]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        update = Update.de_json(await request.json())
        self.seen.append((request.headers.get(SECRET_HEADER), update))
        answer = self.script.pop(0) if self.script else 200
        if isinstance(answer, float):
            await asyncio.sleep(answer)
        return web.Response(status=answer if isinstance(answer, int) else 200)

    def texts(self) -> list[str | None]:
        return [update.message.text for _, update in self.seen if update.message]


@asynccontextmanager
async def hook_served() -> AsyncIterator[Hook]:
    hook, application = Hook(), web.Application()
    application.router.add_post("/hook", hook.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def settled(sandbox: Sandbox) -> None:
    async with asyncio.timeout(5):
        while sandbox.delivery.pending:
            await asyncio.sleep(0.01)


async def test_a_webhook_gets_its_secret_and_what_was_pending(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("before")
    async with hook_served() as hook:
        assert await bot.set_webhook(hook.url, secret_token="s3cret", max_connections=5)
        await ann.say("after")
        await settled(sandbox)
        assert [secret for secret, _ in hook.seen] == ["s3cret"] * 2 and hook.texts() == ["before", "after"]
        with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
            await bot.get_updates()
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count, info.max_connections) == (hook.url, 0, 5)
        await bot.delete_webhook()
        await ann.say("polled")
        assert len(await bot.get_updates()) == 1 and (await bot.get_webhook_info()).url == ""


async def test_a_failing_webhook_is_tried_again_in_order(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    async with hook_served() as hook:
        hook.script = [500, 0.6, 200]  # a failure, an answer that comes too late, then all is well
        await bot.set_webhook(hook.url)
        await ann.say("one")
        await ann.say("two")
        await settled(sandbox)
        assert hook.texts() == ["one", "one", "one", "two"]
        assert [update.attempts for update in sandbox.updates] == [3, 1]
        assert (await bot.get_webhook_info()).last_error_message == "Read timeout expired"


async def test_a_poison_update_holds_up_its_own_person_only(bot: Bot, sandbox: Sandbox, clock: Clock) -> None:
    ann, bob = sandbox.person(), sandbox.person()
    async with hook_served() as hook:
        hook.script = [500] * 1000
        await bot.set_webhook(hook.url)
        await ann.say("poison")
        await asyncio.sleep(0.1)
        hook.script = []
        sandbox.updates[0].lives = 1
        clock.now += 2
        await bob.say("well")
        await ann.say("next")
        await settled(sandbox)
        assert sandbox.updates[0].expired and sorted(filter(None, hook.texts()[-2:])) == ["next", "well"]


async def test_dropping_what_is_pending(bot: Bot, sandbox: Sandbox) -> None:
    await sandbox.person().say("lost")
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == () and sandbox.updates[0].dropped
