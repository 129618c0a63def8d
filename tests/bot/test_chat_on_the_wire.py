"""The whole chat against Telegram's protocol on loopback: every letter is one that Telegram takes."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bot.sandbox import Sandbox
from bot.sandbox.people import Person, Shown
from bot.telegram.admin_handlers import admin_handlers
from bot.telegram.house import House
from bot.telegram.worker_handlers import worker_handlers
from tests.bot.phone import Notes, archive
from tests.bot.stage import now, opened, running


def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 80), colour).save(out, "PNG")
    return out.getvalue()


async def said(person: Person, part: str) -> Shown:
    """The last message of the bot's that has `part` in it, once it is there."""
    found = await person.wait(lambda messages: [m for m in messages if not m.mine and part in m.words])
    return next(m for m in reversed(found) if not m.mine and part in m.words)


async def asked(person: Person, seen: set[tuple[int, int]]) -> Shown:
    """The question that is open, once it is not one of `seen`."""

    def fresh(messages: Sequence[Shown]) -> list[Shown]:
        return [m for m in messages if "dog" in [key.text for key in m.keys] and (m.id, m.version) not in seen]

    (found,) = fresh(await person.wait(fresh))
    seen.add((found.id, found.version))
    return found


async def test_from_new_to_the_last_answer(tmp_path: Path) -> None:
    async with Sandbox.started() as sandbox, opened(tmp_path) as store:
        admin, ann = sandbox.person(first_name="Boss"), sandbox.person(first_name="Ann")
        house = House(store.ledger, Notes(), frozenset({admin.id}), "sandbox_bot", now, random.Random(3))
        async with running(sandbox, store, [*admin_handlers(house), *worker_handlers(house)]):
            await admin.say("/new pets\ntitle: Pets <3\nquestion: Which & what?\nlabels: cat, dog\naudit_share: 0")
            await said(admin, "is open under the name pets")
            await admin.send_document("items.csv", b"id,text\na,https://example.org <b>meow\n")
            await said(admin, "1 item from items.csv is in pets.")
            await admin.send_document("pictures.zip", archive(one__png=png("red"), two__png=png("blue")), "pets")
            await said(admin, "2 items from pictures.zip are in pets.")

            await ann.say("/start pets")
            await ann.tap(await said(ann, "Telegram number"), "I agree")
            seen: set[tuple[int, int]] = set()
            for count in range(3):
                await ann.tap(await asked(ann, seen), "dog")
                await ann.wait(lambda _, count=count: len(ann.answers_to_taps) == count + 2)
                assert ann.answers_to_taps[-1].text == "Saved: “dog”."
            rest = await said(ann, "Nothing is left for you here")
            await ann.tap(rest, "Undo")
            await said(ann, "Taken back")
            await ann.say("/stats")
            await said(ann, "You have given 2 answers.")
            await admin.say("/stats pets")
            await said(admin, "2 answers from 1 worker")
        outcomes = await store.outcomes()
    assert {state for _, state, _ in outcomes} == {"sent"}, outcomes
