"""Trouble on demand, as the bot's library sees it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from telegram import Bot
from telegram.error import NetworkError, RetryAfter, TimedOut

from bot.sandbox import Kind, Sandbox

from .conftest import Clock, ptb_bot

pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")


async def test_429_says_how_long(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sandbox.faults.plan(Kind.TOO_MANY, "sendMessage", seconds=7, times=2)
    for _ in range(2):
        with pytest.raises(RetryAfter) as refused:
            await bot.send_message(ann.id, "x")
        assert refused.value._retry_after.total_seconds() == 7
    await bot.send_message(ann.id, "x")
    assert [bubble.text for bubble in ann.messages] == ["/start", "x"]


async def test_the_body_of_a_429(sandbox: Sandbox) -> None:
    sandbox.faults.plan(Kind.TOO_MANY, seconds=3)
    url = f"{sandbox.base_url}{sandbox.token}/getMe"
    async with aiohttp.ClientSession() as session, session.post(url) as answer:
        assert answer.status == 429
        assert await answer.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 3",
            "parameters": {"retry_after": 3},
        }


async def test_an_answer_is_lost_after_the_work(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sandbox.faults.plan(Kind.DROP_ANSWER, "sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ann.id, "sent, but nobody said so")
    assert ann.messages[-1].text == "sent, but nobody said so"


@pytest.mark.parametrize("kind", [Kind.DROP_CALL, Kind.SERVER_ERROR])
async def test_trouble_before_the_work(bot: Bot, sandbox: Sandbox, kind: Kind) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sandbox.faults.plan(kind, "sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ann.id, "never sent")
    assert len(ann.messages) == 1


async def test_a_stall_times_the_bot_out_and_is_executed(sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    stall = sandbox.faults.plan(Kind.STALL, "sendMessage", seconds=0.5, times=99)
    async with ptb_bot(sandbox, read_timeout=0.2) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(ann.id, "late")
        await ann.wait(lambda seen: seen[-1].text == "late")
        stall.times = 0
        await asyncio.wait_for(bot.send_message(ann.id, "prompt"), 0.4)


async def test_flood_limits(bot: Bot, sandbox: Sandbox, clock: Clock) -> None:
    people = [sandbox.person() for _ in range(4)]
    for person in people:
        await person.say("/start")
    sandbox.enforce_limits(overall=3, per_chat=1)
    await bot.send_message(people[0].id, "1")
    with pytest.raises(RetryAfter):
        await bot.send_message(people[0].id, "too soon for this chat")
    await bot.edit_message_text("edits are free", people[0].id, people[0].messages[-1].id)
    await bot.send_message(people[1].id, "2")
    await bot.send_message(people[2].id, "3")
    with pytest.raises(RetryAfter):
        await bot.send_message(people[3].id, "too many at once")
    clock.now += 1
    await bot.send_message(people[3].id, "4")
