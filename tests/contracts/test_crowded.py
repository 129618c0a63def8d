"""Many at once: no seat is sold twice, nobody waits for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from core.errors import Conflict
from core.ids import QuestionId
from core.ports import Beliefs, Ledger, Transaction
from tests.contracts.scene import NOW, POOL, Scene, scene
from tests.contracts.stores import House

WORKERS, ITEMS, CAP = 40, 300, 3


async def greedy(here: Scene, ledger: Ledger, worker: int) -> int:
    """Asks for everything it can get, the lowest item first, as all others do; how many questions it answered."""

    def ask(tx: Transaction) -> str | None:
        for id_ in tx.head(here.campaign.id, here.workers[worker].id, 8).items:
            if item := tx.take_seat(id_):
                tx.add_question(here.question(worker, item.name))
                return item.name
        return None

    answered, empty = 0, 0
    while empty < 20:
        name = await ledger.transact(ask)
        if name is None:
            empty += 1
            await asyncio.sleep(0.002)
            continue
        await here.take(here.question(worker, name))
        answered, empty = answered + 1, 0
    return answered


async def test_all_ask_at_once_and_each_item_gets_exactly_its_cap(ledger: Ledger) -> None:
    here = await scene(ledger, items=ITEMS, workers=WORKERS, controls=0, seats=CAP)
    answered = await asyncio.gather(*(greedy(here, ledger, worker) for worker in range(WORKERS)))
    items = [await here.see(name) for name in here.items]
    assert [(item.answers, item.leases) for item in items] == [(CAP, 0)] * ITEMS
    assert sum(answered) == CAP * ITEMS
    found = await ledger.transact(lambda tx: [len(tx.answers_of(item.id)) for item in items])
    assert found == [CAP] * ITEMS


async def test_a_hundred_double_taps_are_one_answer_and_one_payment(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = await here.ask(0, "i0")

    def tap(tx: Transaction) -> bool:
        if tx.answer(question.id, question.lease) is not None:
            return False
        tx.add_answer(here.answer(question))
        tx.transfer(f"answer:{question.id}:1", "campaign", "worker", 5, question.asked_at)
        return True

    outcomes = await asyncio.gather(*(ledger.transact(tap) for _ in range(100)), return_exceptions=True)
    assert outcomes.count(True) == 1
    assert all(one in (True, False) or isinstance(one, Conflict) for one in outcomes)
    assert await ledger.transact(lambda tx: tx.balance("worker")) == 5


async def test_one_bad_unit_in_a_batch_spoils_no_other(house: House) -> None:
    here = await scene(house.ledger, items=50, workers=50)

    def unit(number: int) -> object:
        def work(tx: Transaction) -> str:
            tx.take_seat(here.items[f"i{number}"])
            tx.add_question(here.question(number, f"i{number}"))
            if number % 3 == 0:
                raise ZeroDivisionError
            return tx.question(QuestionId(f"q-i{number}-{number}")).id  # type: ignore[union-attr]

        return work

    work = [house.ledger.transact(unit(number)) for number in range(50)]  # type: ignore[arg-type]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        bad = number % 3 == 0
        assert isinstance(outcome, ZeroDivisionError) if bad else outcome == f"q-i{number}-{number}"
        assert (await here.see(f"i{number}")).leases == (0 if bad else 1)


async def test_a_caller_who_leaves_disturbs_nobody(house: House) -> None:
    here = await scene(house.ledger)
    leaving = asyncio.create_task(house.ledger.transact(lambda tx: tx.take_seat(here.items["i0"])))
    await asyncio.sleep(0)
    leaving.cancel()
    taken = await house.ledger.transact(lambda tx: tx.take_seat(here.items["i1"]))
    assert taken is not None and taken.leases == 1


async def test_a_close_writes_what_was_handed_in(house: House) -> None:
    here = await scene(house.ledger, items=30, workers=1)
    work = [
        asyncio.create_task(house.ledger.transact(lambda tx, n=n: tx.take_seat(here.items[f"i{n}"]))) for n in range(30)
    ]
    await asyncio.sleep(0)
    if house.writer:
        await house.writer.close()
    assert all(item is not None and item.leases == 1 for item in await asyncio.gather(*work))


async def test_taps_come_between_while_a_refit_is_published(house: House) -> None:
    here = await scene(house.ledger, items=6000, workers=1, controls=0)
    shot = house.archive.snapshot(here.campaign.id)
    changed = [replace(item, priority=0.1) for item in shot.items]
    beliefs = Beliefs(POOL, changed, {}, {})
    publishing = asyncio.create_task(asyncio.to_thread(house.archive.publish, here.campaign.id, beliefs))
    taps = 0
    while not publishing.done():
        await house.ledger.transact(lambda tx, taps=taps: tx.transfer(f"tap:{taps}", "a", "b", 1, NOW))
        taps += 1
        await asyncio.sleep(0)
    await publishing
    assert taps >= 2
    assert {item.priority for item in house.archive.snapshot(here.campaign.id).items} == {0.1}
