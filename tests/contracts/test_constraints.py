"""What must never happen is refused by the store itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.errors import Conflict
from core.ids import QuestionId
from core.ports import Ledger, Transaction
from core.question import QuestionState
from tests.contracts.scene import NOW, scene
from tests.contracts.stores import SQL, House


async def refused(ledger: Ledger, work: Callable[[Transaction], Any]) -> None:
    with pytest.raises(Conflict):
        await ledger.transact(work)


async def test_one_answer_for_each_lease(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = await here.ask(0, "i0")
    await here.take(question, label=0)
    await refused(ledger, lambda tx: tx.add_answer(here.answer(question, label=2)))
    kept = await ledger.transact(lambda tx: tx.answer(question.id, 1))
    assert kept is not None and kept.evidence.labels() == (0,)
    await ledger.transact(lambda tx: tx.add_answer(here.answer(replace(question, lease=2), label=2)))


async def test_a_refused_addition_leaves_the_transaction_as_it_was(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = await here.ask(0, "i0")
    await here.take(question)

    def work(tx: Transaction) -> None:
        for add in (lambda: tx.add_answer(here.answer(question)), lambda: tx.add_question(question)):
            with pytest.raises(Conflict):
                add()
        tx.transfer("afterwards", "a", "b", 1, NOW)

    await ledger.transact(work)
    assert await ledger.transact(lambda tx: tx.balance("b")) == 1


async def test_one_live_question_for_each_worker_and_campaign(ledger: Ledger) -> None:
    here = await scene(ledger)
    live = await here.ask(0, "i0")
    await refused(ledger, lambda tx: tx.add_question(here.question(0, "i1")))
    await ledger.transact(lambda tx: tx.save_question(replace(live, state=QuestionState.SKIPPED)))
    await here.ask(0, "i1")
    await refused(ledger, lambda tx: tx.save_question(live))


async def test_a_worker_never_meets_an_item_twice(ledger: Ledger) -> None:
    here = await scene(ledger)
    first = await here.ask(0, "i0")
    await ledger.transact(lambda tx: tx.save_question(replace(first, state=QuestionState.SKIPPED)))
    await refused(ledger, lambda tx: tx.add_question(here.question(0, "i0", id_="other")))
    assert await ledger.transact(lambda tx: tx.question(QuestionId("other"))) is None


async def test_answers_and_leases_stay_between_none_and_the_seats(ledger: Ledger) -> None:
    here = await scene(ledger, seats=3)
    item = await here.see("i0")
    for answers, leases in ((2, 2), (4, 0), (0, 4), (-1, 0), (0, -1)):
        await refused(ledger, lambda tx, a=answers, n=leases: tx.save_item(replace(item, answers=a, leases=n)))
    await ledger.transact(lambda tx: tx.save_item(replace(item, answers=1, leases=2)))
    assert await ledger.transact(lambda tx: tx.take_seat(item.id)) is None


async def test_a_control_has_no_seats_to_take(ledger: Ledger) -> None:
    here = await scene(ledger, workers=9, seats=2)
    assert await ledger.transact(lambda tx: tx.take_seat(here.items["c0"])) is None
    for worker in range(9):
        await ledger.transact(lambda tx, worker=worker: tx.add_question(here.question(worker, "c0")))


@pytest.mark.parametrize("house", SQL, indirect=True)
@pytest.mark.parametrize("table", ["answer", "entry"])
async def test_facts_cannot_be_changed_even_by_hand(house: House, table: str) -> None:
    here = await scene(house.ledger)
    await here.take(await here.ask(0, "i0"))
    await house.ledger.transact(lambda tx: tx.transfer("cause", "a", "b", 1, NOW))
    column = {"answer": "latency_ms", "entry": "amount"}[table]
    before = house.sql(f"SELECT * FROM {table} ORDER BY seq")
    assert before
    for text in (f"UPDATE {table} SET {column} = {column} + 1", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="append-only"):
            house.sql(text)
    assert house.sql(f"SELECT * FROM {table} ORDER BY seq") == before


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_the_books_are_checked(house: House) -> None:
    await house.ledger.transact(lambda tx: tx.transfer("good", "a", "b", 7, NOW))
    assert house.archive.unbalanced() == []  # type: ignore[attr-defined]
    house.sql("INSERT INTO entry (cause, side, holder, amount, at) VALUES ('forged', 'target', 'b', 9, 0)")
    assert house.archive.unbalanced() == ["forged"]  # type: ignore[attr-defined]
    for side, amount in (("source", 9), ("target", -9), ("else", 9)):
        with pytest.raises(Exception, match="ck_entry_side"):
            house.sql(f"INSERT INTO entry (cause, side, holder, amount, at) VALUES ('x', '{side}', 'b', {amount}, 0)")


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_a_question_needs_its_item_and_worker(house: House) -> None:
    here = await scene(house.ledger)
    for change in ({"item": 777}, {"worker": 777}, {"campaign": 777}):
        await refused(house.ledger, lambda tx, c=change: tx.add_question(replace(here.question(0, "i0"), **c)))
