"""Reviews in every store: an admin's word settles an item, stays as a fact, and no refit takes it back.

Planted bugs seen to fail: a publish without the guard on known truth (the refit's verdict comes back); seats that are
not saved (nobody can answer after "ask more"); the days of `tempo` counted from the newest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import NotFound
from core.item import Item, Verdict
from core.ports import Beliefs, Transaction
from core.refit import beliefs_of
from core.review import MORE, Review, Reviewed, Ruling, review
from tests.contracts.scene import NOW, Scene, scene
from tests.contracts.stores import House, house, postgres_url, sqlite_template

__all__ = ["house", "postgres_url", "sqlite_template"]


async def disputed(house: House) -> Scene:
    """i0 has all its three answers and is disputed."""
    here = await scene(house.ledger, items=3, workers=4)
    for worker in range(3):
        await here.take(await here.ask(worker, "i0"), label=worker)
    await put(here, "i0", verdict=Verdict.DISPUTED)
    return here


async def put(here: Scene, name: str, **changes: object) -> None:
    def work(tx: Transaction) -> None:
        tx.save_item(replace(tx.item(here.items[name]), **changes))  # type: ignore[arg-type]

    await here.ledger.transact(work)


async def rule(here: Scene, ruling: Ruling, label: int | None = None) -> tuple[Reviewed, Item]:
    item, admin = here.items["i0"], here.workers[3].id
    return await here.ledger.transact(lambda tx: review(tx, admin, item, ruling, label, NOW))


async def test_a_label_settles_and_stays(house: House) -> None:
    here = await disputed(house)
    before = await here.see("i0")
    done, after = await rule(here, Ruling.LABEL, 2)
    assert done is Reviewed.DONE and after == await here.see("i0")
    assert (after.truth, after.verdict, after.posterior) == (2, Verdict.SETTLED, (0.0, 0.0, 1.0))
    found = await here.ledger.transact(lambda tx: tx.reviews_of(after.id))
    assert found == [
        Review(here.campaign.id, after.id, here.workers[3].id, Ruling.LABEL, 2, before.posterior, NOW)
    ]
    assert (await rule(here, Ruling.WITHDRAW))[0] is Reviewed.ALREADY
    snapshot = house.archive.snapshot(here.campaign.id)
    stale = Beliefs(snapshot.campaign.pool, [replace(before, verdict=Verdict.OPEN)], {})
    house.archive.publish(here.campaign.id, stale)
    assert await here.see("i0") == after
    house.archive.publish(here.campaign.id, beliefs_of(snapshot))
    assert await here.see("i0") == after


async def test_a_refit_learns_from_a_ruling(house: House) -> None:
    here = await disputed(house)
    before = beliefs_of(house.archive.snapshot(here.campaign.id))
    await rule(here, Ruling.LABEL, 2)
    after = beliefs_of(house.archive.snapshot(here.campaign.id))
    right, wrong = here.workers[2].id, here.workers[0].id
    assert after.reliabilities[right].counts[8] > before.reliabilities[right].counts[8] + 0.3
    assert after.reliabilities[wrong].counts[6] > before.reliabilities[wrong].counts[6] + 0.3


async def test_withdrawn_is_asked_no_more(house: House) -> None:
    here = await disputed(house)
    await rule(here, Ruling.WITHDRAW)
    assert (await here.see("i0")).verdict is Verdict.WITHDRAWN
    item = here.items["i0"]
    assert await here.ledger.transact(lambda tx: tx.take_seat(item)) is None


async def test_asking_more_gives_seats(house: House) -> None:
    here = await disputed(house)
    done, after = await rule(here, Ruling.MORE)
    assert done is Reviewed.DONE and after.verdict is Verdict.OPEN and after.limit == 3 + MORE
    await here.take(await here.ask(3, "i0"), label=1)
    assert (await here.see("i0")).answers == 4


async def test_disputed_come_one_after_the_other(house: House) -> None:
    here = await disputed(house)
    await put(here, "i1", verdict=Verdict.DISPUTED)
    found = await here.ledger.transact(lambda tx: tx.disputed(here.campaign.id, here.items["c0"].__class__(0), 9))
    assert found == [here.items["i0"], here.items["i1"]]
    later = await here.ledger.transact(lambda tx: tx.disputed(here.campaign.id, here.items["i0"], 9))
    assert later == [here.items["i1"]]


async def test_an_item_is_found_by_its_name(house: House) -> None:
    here = await disputed(house)
    assert (await here.ledger.transact(lambda tx: tx.item_named(here.campaign.id, "i1"))).id == here.items["i1"]
    with pytest.raises(NotFound):
        await here.ledger.transact(lambda tx: tx.item_named(here.campaign.id, "nothing"))


async def test_answers_of_each_day(house: House) -> None:
    here = await disputed(house)
    day = timedelta(days=1)
    assert house.archive.tempo(here.campaign.id, NOW + timedelta(hours=1)) == [3]
    assert house.archive.tempo(here.campaign.id, NOW + 2 * day + timedelta(hours=1)) == [3, 0, 0]
    assert house.archive.tempo(here.campaign.id, NOW + 40 * day) == []
