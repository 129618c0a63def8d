"""People, in this process and in another, and the simulated workers among them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import numpy as np
import pytest

from bot.sandbox import Sandbox, Shown
from bot.sandbox.client import remote_person
from bot.sandbox.crowd import Delay, Temper, confusion_of, mixture, worker

from .conftest import png
from .echo import CHOICES, QUESTIONS, echo_bot


def truth_of(bubble: Shown) -> int | None:
    """Item n is a cat, a dog or a bird, in turn of 0 1 1 2 (asymmetric on purpose)."""
    kind, _, number = bubble.words.partition(" ")
    return (0, 1, 1, 2)[int(number) % 4] if kind == "Item" else None


async def test_a_crowd_taps_through_the_protocol(sandbox: Sandbox) -> None:
    tempers = [Temper.EXPERT, Temper.ORDINARY, Temper.CONSTANT, Temper.CONTRARIAN]
    rng = np.random.default_rng(7)
    crowd = [worker(sandbox.person(), temper, truth_of, CHOICES, rng.spawn(1)[0], pace=0) for temper in tempers]
    async with echo_bot(sandbox) as application, asyncio.timeout(30):
        await asyncio.gather(*(one.work("/start demo", most=QUESTIONS) for one in crowd))
        for one in crowd:
            await one.phone.wait(lambda seen: seen[-1].text == "Thank you")
            assert len(one.given) == QUESTIONS
            received = [CHOICES.index(choice) for choice in application.bot_data[one.phone.id].values()]
            assert received == [given.label for given in one.given]
    constant, contrarian = crowd[2].given, crowd[3].given
    assert len({given.label for given in constant}) == 1
    assert all(given.label != given.truth for given in contrarian)
    assert sum(update.kind == "callback_query" for update in sandbox.updates) >= 4 * (QUESTIONS + 1)


async def test_a_quiet_bot_is_asked_for_more(sandbox: Sandbox) -> None:
    ann = sandbox.person()
    one = worker(ann, Temper.EXPERT, truth_of, CHOICES, np.random.default_rng(1), pace=0)
    one.patience = 0.05
    working = asyncio.create_task(one.work())
    await ann.wait(lambda seen: [bubble.text for bubble in seen[:2]] == ["/start", "/next"], 2)
    working.cancel()


@pytest.mark.parametrize("temper", list(Temper))
def test_confusions_are_distributions(temper: Temper) -> None:
    theta = confusion_of(temper, 5, np.random.default_rng(3))
    assert theta.shape == (5, 5) and np.allclose(theta.sum(axis=1), 1) and (theta >= 0).all()
    if isinstance(temper.value, float):
        assert np.allclose(theta.diagonal(), temper.value)


def test_delays_and_mixtures() -> None:
    rng = np.random.default_rng(5)
    draws = [Delay(2.0, 0.5).draw(rng) for _ in range(2_000)]
    assert 1.9 < float(np.median(draws)) < 2.1
    napping = Delay(2.0, 0.1, nap=100, nap_every=4)
    assert 0.2 < np.mean([napping.draw(rng) > 50 for _ in range(2_000)]) < 0.3
    assert len(mixture(30)) == 30 and set(mixture(30)) == set(Temper)
    assert mixture(10, {Temper.EXPERT: 1, Temper.NOVICE: 1}) == [Temper.EXPERT] * 5 + [Temper.NOVICE] * 5


async def test_a_person_in_another_process(sandbox: Sandbox) -> None:
    async with echo_bot(sandbox), remote_person(sandbox.url, language_code="zh") as ann:
        await ann.say("/start")
        seen = await ann.wait(lambda seen: len(seen) == 2)
        assert [key.text for key in seen[-1].keys] == ["I agree"]
        await ann.tap(seen[-1], "I agree")
        seen = await ann.wait(lambda seen: seen[-1].text == "Item 0")
        query = await ann.tap(seen[-1], "✦ Dog")

        def edited(seen: Sequence[Shown]) -> bool:
            return seen[-1].text == "Item 1" and seen[-1].edited and seen[-1].version == 1

        await ann.wait(edited)
        assert [(answer.query_id, answer.text) for answer in ann.answers_to_taps][-1] == (query, "Saved")
        picture = await ann.send_photo(png(), "look")
        document = await ann.send_document("a.csv", b"id\n1\n", "import")
        assert await ann.download(picture) == png() and document.document == "a.csv"
        await ann.block()
        assert sandbox.known(ann.id).account.blocked and sandbox.known(ann.id).account.language_code == "zh"
        assert sandbox.known(ann.id).messages == ann.messages
        with pytest.raises(ValueError, match="message text is empty"):
            await ann.say("   ")


async def test_another_site_is_refused(sandbox: Sandbox) -> None:
    headers = {"Origin": "https://evil.example"}
    async with aiohttp.ClientSession(sandbox.url) as session:
        async with session.post("/sandbox/people", json={"first_name": "Eve"}, headers=headers) as answer:
            assert answer.status == 403
        async with session.post("/sandbox/people/77/say", json={"text": "x"}) as answer:
            assert answer.status == 400 and "nobody here has the id 77" in (await answer.json())["error"]
        async with session.get("/sandbox/counts") as answer:
            assert (await answer.json())["updates"] == {"accepted": 0, "confirmed": 0, "expired": 0, "pending": 0}
