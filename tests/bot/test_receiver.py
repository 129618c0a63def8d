"""Updates come in: durable before they are confirmed, in order for each person, poison put aside."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from telegram import Update
from telegram.ext import ContextTypes, TypeHandler

from bot.sandbox import Kind, Sandbox
from bot.sandbox.wire import Refusal
from bot.telegram.application import build, greet
from bot.telegram.dispatch import lightened
from bot.telegram.receiver import incoming, person_of
from core.errors import Refused
from core.ids import UpdateId
from storage.inbox import Incoming
from tests.bot.stage import Echo, Store, opened, running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.started() as sandbox:
        yield sandbox


async def until(true: Callable[[], object], seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_message_is_worked_on_answered_and_confirmed(sandbox: Sandbox, store: Store) -> None:
    ann = sandbox.person()
    async with running(sandbox, store, Echo(store).handlers()) as loop:
        await ann.say("hello")
        await ann.wait(lambda shown: any(bubble.words == "you said hello" for bubble in shown))
        await until(lambda: sandbox.updates[0].confirmed_at)
        assert loop.alive
    assert list((await store.inbox_states()).values()) == [("done", 0)]


async def test_an_update_is_not_confirmed_before_it_is_durable(sandbox: Sandbox, store: Store) -> None:
    ann = sandbox.person()
    echo = Echo(store)
    async with running(sandbox, store, echo.handlers()):
        await until(lambda: sandbox.counts.calls["getupdates"] >= 2)
        sandbox.faults.plan(Kind.DROP_ANSWER, "getUpdates")  # Telegram gave it away, and we never got it
        await ann.say("one")
        await until(lambda: echo.seen)
    assert echo.seen == [(ann.id, "one")]


async def test_an_update_that_comes_again_is_worked_on_once(sandbox: Sandbox, store: Store) -> None:
    ann = sandbox.person()
    echo = Echo(store)
    async with running(sandbox, store, echo.handlers()) as loop:
        await ann.say("one")
        await until(lambda: echo.seen)
        again = incoming(sandbox.updates[0].as_json())
        await loop.reception.take([again, again])
        await ann.say("two")
        await until(lambda: len(echo.seen) == 2)
    assert echo.seen == [(ann.id, "one"), (ann.id, "two")]


async def test_each_person_in_order_whatever_the_others_do(sandbox: Sandbox, store: Store) -> None:
    people = [sandbox.person() for _ in range(20)]
    rng, echo = random.Random(7), Echo(store)

    async def slow(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        await asyncio.sleep(rng.random() * 0.01)
        await echo.answer(update, context)

    for number in range(10):
        for person in people:
            await person.say(str(number))
    async with running(sandbox, store, [TypeHandler(Update, slow)]) as loop:
        await until(lambda: len(echo.seen) == 200)
        await until(lambda: loop.dispatch.waiting == 0)  # nobody is remembered
    for person in people:
        assert [said for who, said in echo.seen if who == person.id] == [str(number) for number in range(10)]
    assert echo.seen[:200] != sorted(echo.seen[:200])  # people were worked for at the same time


async def test_what_an_earlier_process_left_comes_first(sandbox: Sandbox, store: Store) -> None:
    ann, echo = sandbox.person(), Echo(store)
    await ann.say("first")
    await store.inbox.accept([incoming(sandbox.updates[0].as_json())])  # and then the process died
    await ann.say("second")
    async with running(sandbox, store, echo.handlers()):
        await until(lambda: len(echo.seen) == 2)
    assert [said for _, said in echo.seen] == ["first", "second"]


async def test_a_stop_in_the_middle_loses_nothing(sandbox: Sandbox, store: Store) -> None:
    people = [sandbox.person() for _ in range(5)]
    echo = Echo(store)

    async def slow(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        await asyncio.sleep(0.6)
        await echo.answer(update, context)

    for number in range(10):
        for person in people:
            await person.say(str(number))
    began = asyncio.get_running_loop().time()
    async with running(sandbox, store, [TypeHandler(Update, slow)]) as loop:
        await until(lambda: len(echo.seen) >= 5)
    assert asyncio.get_running_loop().time() - began < 11
    done = len(echo.seen)
    assert done < 50 and loop.dispatch.waiting > 0
    async with running(sandbox, store, echo.handlers()):
        await until(lambda: len(echo.seen) >= 50)
    for person in people:
        assert [said for who, said in echo.seen if who == person.id] == [str(number) for number in range(10)]
    assert {state for state, _ in (await store.inbox_states()).values()} == {"done"}


async def test_poison_is_put_aside_after_three_tries_and_the_person_goes_on(sandbox: Sandbox, store: Store) -> None:
    ann = sandbox.person(language_code="en")

    def poison(update: Update) -> None:
        if update.message and update.message.text == "poison":
            raise ZeroDivisionError("a bug of one handler")

    echo = Echo(store, poison)
    async with running(sandbox, store, echo.handlers()):
        await ann.say("poison")
        await ann.say("bread")
        began = asyncio.get_running_loop().time()
        await until(lambda: echo.seen)
        assert asyncio.get_running_loop().time() - began < 4
        shown = await ann.wait(lambda shown: len(shown) == 4)
    assert echo.seen == [(ann.id, "bread")]
    assert list((await store.inbox_states()).values()) == [("quarantined", 3), ("done", 0)]
    told = [bubble.words for bubble in shown if not bubble.mine]
    assert len(told) == 2 and "ZeroDivision" not in "".join(told) and "Traceback" not in "".join(told)


async def test_an_update_without_a_shape_silences_nobody(sandbox: Sandbox, store: Store) -> None:
    ann, echo = sandbox.person(), Echo(store)
    broken = Incoming(UpdateId(5), ann.id, '{"update_id": 5, "message": {"from": 7}}')
    unknown = Incoming(UpdateId(6), ann.id, '{"update_id": 6, "brand_new_kind": {"from": {"id": 1}}}')
    async with running(sandbox, store, echo.handlers()) as loop:
        await loop.reception.take([broken, unknown])
        await ann.say("still here")
        await until(lambda: echo.seen)
    states = await store.inbox_states()
    assert (states[5], states[6]) == (("quarantined", 3), ("done", 0))


async def test_an_update_that_its_handler_forgets_is_finished_by_and_by(sandbox: Sandbox, store: Store) -> None:
    ann = sandbox.person()
    seen = []

    async def forgetful(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        seen.append(update.update_id)

    async with running(sandbox, store, [TypeHandler(Update, forgetful)]) as loop:
        await ann.say("hello")
        await until(lambda: seen and loop.dispatch.waiting == 0)
        assert len(await store.inbox.pending()) == 1
        assert await loop.tidy() == 1
        assert await store.inbox.pending() == []


async def test_telegram_away_is_waited_for(sandbox: Sandbox, store: Store) -> None:
    ann, echo = sandbox.person(), Echo(store)
    async with running(sandbox, store, echo.handlers()) as loop:
        await until(lambda: loop.alive)
        fault = sandbox.faults.plan(Kind.SERVER_ERROR, "getUpdates", times=1000)
        await ann.say("wakes the poll")
        await until(lambda: not loop.alive)
        fault.times = 0
        await ann.say("back")
        await until(lambda: len(echo.seen) == 2)
        assert loop.alive


async def test_a_rival_ends_the_receiver_with_a_sentence(sandbox: Sandbox, store: Store) -> None:
    async def rival() -> None:
        while True:
            with suppress(Refusal):  # we were first: it tries again
                await sandbox.delivery.get_updates(0, 100, 0.2, None)

    async with running(sandbox, store, []) as loop:
        await until(lambda: loop.alive)
        other = asyncio.create_task(rival())
        with pytest.raises(Refused, match="Another process receives"):
            await asyncio.wait_for(loop.run(), 5)
        assert not loop.alive
        other.cancel()


async def test_a_wrong_token_is_said_in_a_sentence(sandbox: Sandbox) -> None:
    application = build("123456:wrong-token-wrong-token-wrong-token-1", sandbox.base_url, sandbox.base_file_url)
    with pytest.raises(Refused, match="does not know this bot token"):
        await greet(application)
    await application.shutdown()


def test_whose_an_update_is() -> None:
    assert person_of({"update_id": 1, "callback_query": {"from": {"id": 7}, "message": {"from": {"id": 8}}}}) == 7
    assert person_of({"update_id": 1, "message_reaction": {"chat": {"id": 5}, "user": {"id": 6}}}) == 6
    assert person_of({"update_id": 1, "channel_post": {"chat": {"id": -100}}}) == -100
    assert person_of({"update_id": 1, "message": {"from": "nobody"}}) == 0


def test_a_tap_is_read_without_the_buttons_that_it_stood_on() -> None:
    message = {"message_id": 3, "date": 1, "chat": {"id": 7}, "photo": [], "reply_markup": {}, "text": "x", "from": {}}
    tap = {"update_id": 1, "callback_query": {"id": "q", "data": "n", "message": message}}
    read = lightened(tap)["callback_query"]
    assert (read["data"], set(read["message"])) == ("n", {"message_id", "date", "chat", "photo"})
    assert "reply_markup" in message
    for other in ({"message": message}, {"callback_query": {"id": "q"}}, {"callback_query": None}, []):
        assert lightened(other) is other


@pytest.mark.parametrize("number", [None, "1", True, -1, 1 << 63, 1.5])
def test_what_has_no_number_is_no_update(number: object) -> None:
    with pytest.raises(ValueError, match="update_id"):
        incoming({"update_id": number})


async def test_what_the_store_did_not_take_is_not_confirmed(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    ann = sandbox.person()
    async with running(sandbox, store, Echo(store).handlers()) as loop:
        await until(lambda: loop.alive)
        await store.writer.close()  # the database is gone
        await ann.say("keep me")
        await until(lambda: not loop.alive)
        polls = sandbox.counts.calls["getupdates"]
        await until(lambda: sandbox.counts.calls["getupdates"] >= polls + 2)
        assert sandbox.updates[0].confirmed_at is None
    async with opened(tmp_path) as again:
        echo = Echo(again)
        async with running(sandbox, again, echo.handlers()):
            await until(lambda: echo.seen and sandbox.updates[0].confirmed_at)
    assert echo.seen == [(ann.id, "keep me")]
