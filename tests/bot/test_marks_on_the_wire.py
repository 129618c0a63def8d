"""Several labels against Telegram's protocol on loopback: simulated people tick what they see and tap "done".

Seen to fail: a toggle that sends the whole question again (a flood); a keyboard that Telegram does not take.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np

from bot.sandbox import Sandbox
from bot.sandbox.crowd import Temper, worker
from bot.sandbox.people import Shown
from bot.telegram.admin_handlers import admin_handlers
from bot.telegram.house import House
from bot.telegram.worker_handlers import worker_handlers
from core.item import Verdict
from core.marks import likeliest
from tests.bot.phone import Notes
from tests.bot.stage import now, opened, running
from tests.bot.test_chat_on_the_wire import said

LABELS = ("noise", "smell", "price")
TRUE = {"loud and smelly": 0b011, "fine": 0b000, "dear": 0b100}
NEW = f"""/new visits
title: Visits
question: What is wrong?
labels: {", ".join(LABELS)}
kind: multi
audit_share: 0
confidence: 0.9"""


def truth_of(bubble: Shown) -> int | None:
    return next((bits for text, bits in TRUE.items() if f"\n{text}" in bubble.words or bubble.words == text), None)


async def test_people_tick_and_the_sets_settle(tmp_path: Path) -> None:
    async with Sandbox.started() as sandbox, opened(tmp_path) as store:
        admin = sandbox.person(first_name="Boss")
        house = House(store.ledger, Notes(), frozenset({admin.id}), "sandbox_bot", now, random.Random(3))
        async with running(sandbox, store, [*admin_handlers(house), *worker_handlers(house)]):
            await admin.say(NEW)
            await said(admin, "is open under the name visits")
            rows = "".join(f"i{at},{text}\n" for at, text in enumerate(TRUE))
            await admin.send_document("items.csv", f"id,text\n{rows}".encode())
            await said(admin, "3 items from items.csv")
            people, dice = [sandbox.person() for _ in range(4)], np.random.default_rng(4)
            crowd = [worker(one, Temper.EXPERT, truth_of, LABELS, dice.spawn(1)[0], pace=0) for one in people]
            async with asyncio.timeout(60):
                await asyncio.gather(*(one.work("/start visits", most=2) for one in crowd))
                for person, one in zip(people, crowd, strict=True):  # the last tap has its answer
                    last = one.given[-1].query
                    while last not in {answer.query_id for answer in person.answers_to_taps}:
                        await asyncio.sleep(0.01)
        found = await store.ledger.transact(
            lambda tx: [tx.item_named(tx.campaign_named("visits").id, f"i{at}") for at in range(len(TRUE))]
        )
        outcomes = await store.outcomes()
    assert sum(item.answers for item in found) == 8 == sum(len(one.given) for one in crowd)
    settled = [item for item in found if item.verdict is Verdict.SETTLED]
    assert settled and all(sum(1 << k for k in likeliest(i.posterior)) == TRUE[i.content.text] for i in settled)
    assert {state for _, state, _ in outcomes} == {"sent"}, outcomes
    ticks = sum(what == "editMessageReplyMarkup" for what, _, _ in outcomes)
    assert ticks >= sum(given.label.bit_count() for one in crowd for given in one.given)
