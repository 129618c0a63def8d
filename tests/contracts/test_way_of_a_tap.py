"""What a tap reads and writes in as few statements as there can be, on every store."""

from __future__ import annotations

from dataclasses import replace

from core.ports import Ledger, Transaction
from core.worker import Reason, Suspicion
from tests.contracts.scene import scene


async def test_a_head_is_full_for_who_has_met_the_best(ledger: Ledger) -> None:
    """Red where the first look at the queue is also the last: two heads of items are met here."""
    here = await scene(ledger, items=9, seats=2)
    mine = here.workers[0].id
    for n in range(9):
        item = replace(await here.see(f"i{n}"), priority=2.0 - n / 10)
        await ledger.transact(lambda tx, item=item: tx.save_item(item))
        if n < 5:
            await here.take(await here.ask(0, f"i{n}"))
    found = await ledger.transact(lambda tx: tx.head(here.campaign.id, mine, 2))
    assert list(found.items) == [here.items["i5"], here.items["i6"]]


async def test_a_seat_moves_its_item(ledger: Ledger) -> None:
    """Red where the place is worked out from the item without its lease, or is not kept."""
    here = await scene(ledger)
    taken = await ledger.transact(lambda tx: tx.take_seat(here.items["i0"], lambda item: item.leases / 4))
    assert taken == await here.see("i0")
    assert (taken.leases, taken.priority) == (1, 0.25)


async def test_an_enrolment_reads_as_it_was_saved(ledger: Ledger) -> None:
    """Red where a transaction remembers what it read and not what it wrote, or suspicions: they are the refit's."""
    here = await scene(ledger)
    campaign, worker = here.campaign.id, here.workers[0].id

    def work(tx: Transaction) -> tuple[int, int]:
        first = tx.enrolment(campaign, worker)
        assert first is not None
        tx.save_enrolment(replace(first, answered=first.answered + 3, suspicions=(Suspicion(Reason.RUNS, 0.9),)))
        again, other = tx.enrolment(campaign, worker), tx.enrolment(campaign, here.workers[1].id)
        assert again is not None and other is not None and not again.suspicions
        tx.save_enrolment(replace(again, answered=again.answered + 1))
        last = tx.enrolment(campaign, worker)
        return (last.answered - first.answered if last else 0), other.answered

    assert await ledger.transact(work) == (4, 0)
