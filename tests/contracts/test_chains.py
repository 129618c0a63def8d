"""Task chains on every store: fed once, taken back by the written rule, kept apart, never in a circle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from core import feeding
from core.administration import import_items
from core.campaign import Campaign
from core.chains import Chain, Fed, FedState, circle
from core.errors import Conflict, NotFound, Refused
from core.item import Content, Medium, NewItem, Verdict
from core.ports import Transaction
from core.question import Press
from core.refit import beliefs_of
from core.tapping import Outcome
from tests.contracts.floor import Floor, chained
from tests.contracts.stores import House


async def test_a_settled_item_goes_on_in_the_transaction_that_settles_it(floor: Floor) -> None:
    reviews, products, chain = await chained(floor)
    await floor.settle(reviews, 1)
    source, made = await floor.named(reviews, "i0"), await floor.named(products, "reviews/i0")
    assert source.verdict is Verdict.SETTLED and made.verdict is Verdict.OPEN
    assert made.content == source.content and made.answers == 0
    assert await floor.fed(reviews) == [Fed(made.id, chain.id, source.id, products.id, "", False)]
    assert await floor.ledger.transact(lambda tx: tx.fed_count(chain.id)) == 1
    assert await floor.open_in(products) == ["reviews/i0"]


async def test_another_label_does_not_go_on(floor: Floor) -> None:
    reviews, products, chain = await chained(floor)
    await floor.settle(reviews, 0)
    assert await floor.fed(reviews) == [] and await floor.open_in(products) == []
    assert await floor.ledger.transact(lambda tx: tx.fed_count(chain.id)) == 0


async def test_feeding_again_changes_nothing_and_the_store_refuses_a_second_one(floor: Floor) -> None:
    reviews, products, _ = await chained(floor)
    await floor.settle(reviews, 1)
    assert await floor.feed(reviews, "i0") == 0
    (fed,) = await floor.fed(reviews)

    def twice(tx: Transaction) -> None:
        tx.add_items(products.id, [(NewItem("other", Content(Medium.TEXT, "x")), (tx.item(fed.item)).role)], (0.5, 0.5))
        tx.add_fed(replace(fed, item=tx.item_named(products.id, "other").id))

    with pytest.raises(Conflict, match="gone on into this campaign"):
        await floor.ledger.transact(twice)
    assert await floor.open_in(products) == ["reviews/i0"] and await floor.fed(reviews) == [fed]


async def test_an_undo_withdraws_what_nobody_answered_and_a_new_answer_brings_it_back(floor: Floor) -> None:
    reviews, products, _ = await chained(floor)
    last = (await floor.settle(reviews, 1))[-1]
    assert (await floor.press(1, last, Press.UNDO)).outcome is Outcome.UNDONE
    assert [one.state for one in await floor.fed(reviews)] == [FedState.WITHDRAWN]
    assert await floor.open_in(products) == []
    assert (await floor.named(products, "reviews/i0")).verdict is Verdict.WITHDRAWN
    again = await floor.ledger.transact(lambda tx: tx.question(last.id))
    assert again is not None
    await floor.press(1, again, 1)
    assert [one.state for one in await floor.fed(reviews)] == [FedState.FED]
    assert await floor.open_in(products) == ["reviews/i0"]


async def test_what_was_answered_stays_and_is_marked(floor: Floor) -> None:
    reviews, products, chain = await chained(floor)
    last = (await floor.settle(reviews, 1))[-1]
    await floor.answer(5, products, 0)
    await floor.press(1, last, Press.UNDO)
    assert [one.state for one in await floor.fed(reviews)] == [FedState.ASTRAY]
    assert await floor.open_in(products) == ["reviews/i0"]
    assert await floor.ledger.transact(lambda tx: tx.fed_count(chain.id)) == 1


async def test_an_answer_to_a_withdrawn_item_is_kept_and_paid(floor: Floor) -> None:
    reviews, products, _ = await chained(floor)
    last = (await floor.settle(reviews, 1))[-1]
    out = await floor.ask(5, products)
    assert out is not None
    await floor.press(1, last, Press.UNDO)
    before = await floor.ledger.transact(lambda tx: tx.balance(f"worker:{floor.people[5].id}"))
    assert (await floor.press(5, out, 0)).outcome is Outcome.SAVED
    item = await floor.named(products, "reviews/i0")
    assert (item.verdict, item.answers, item.leases) == (Verdict.WITHDRAWN, 1, 0)
    assert await floor.ledger.transact(lambda tx: tx.balance(f"worker:{floor.people[5].id}")) == before + 5


async def test_a_refit_that_changes_its_mind_is_followed(floor: Floor, house: House) -> None:
    """The archive finds who disagrees; feeding them mends it, however often it is done."""
    reviews, products, _ = await chained(floor, items=2)
    await floor.settle(reviews, 1)
    names = {floor_item.id: floor_item.name for floor_item in [await floor.named(reviews, n) for n in ("i0", "i1")]}
    assert house.archive.restless(reviews.id) == []
    settled = next(item for item in [await floor.named(reviews, n) for n in ("i0", "i1")] if item.answers)

    async def believe(posterior: tuple[float, float], verdict: Verdict) -> None:
        now = await floor.named(reviews, names[settled.id])
        changed = replace(now, posterior=posterior, verdict=verdict)
        await floor.ledger.transact(lambda tx: tx.save_item(changed))

    await believe((0.98, 0.02), Verdict.SETTLED)
    assert house.archive.restless(reviews.id) == [settled.id]
    assert await floor.ledger.transact(lambda tx: feeding.feed(tx, [settled.id])) == 1
    assert house.archive.restless(reviews.id) == [] and await floor.open_in(products) == []
    await believe((0.02, 0.98), Verdict.SETTLED)
    assert house.archive.restless(reviews.id) == [settled.id]
    assert await floor.ledger.transact(lambda tx: feeding.feed(tx, [settled.id, settled.id])) == 1
    assert await floor.open_in(products) == [f"reviews/{names[settled.id]}"]


async def test_a_refit_does_not_withdraw_what_came_back_meanwhile(floor: Floor, house: House) -> None:
    """Fails where publishing writes the verdict "withdrawn" of its snapshot."""
    reviews, products, _ = await chained(floor)
    last = (await floor.settle(reviews, 1))[-1]
    await floor.press(1, last, Press.UNDO)
    beliefs = beliefs_of(house.archive.snapshot(products.id))
    again = await floor.ledger.transact(lambda tx: tx.question(last.id))
    assert again is not None
    await floor.press(1, again, 1)
    house.archive.publish(products.id, beliefs)
    assert await floor.open_in(products) == ["reviews/i0"]


async def test_a_chain_that_comes_later_takes_what_is_settled(floor: Floor, house: House) -> None:
    reviews, products = await floor.campaign("reviews", 3, ("praise", "complaint")), await floor.campaign("products")
    for _ in range(3):
        await floor.settle(reviews, 1)
    await floor.link("reviews", "Complaint", "products")
    found = house.archive.restless(reviews.id)
    assert len(found) == 3
    assert await floor.ledger.transact(lambda tx: feeding.feed(tx, found)) == 3
    assert sorted(await floor.open_in(products)) == ["reviews/i0", "reviews/i1", "reviews/i2"]


async def test_a_name_that_is_taken_gets_a_number(floor: Floor) -> None:
    reviews, products, _ = await chained(floor)
    new = [NewItem("reviews/i0", Content(Medium.TEXT, "imported"))]
    await floor.ledger.transact(lambda tx: import_items(tx, "products", "test", new))
    await floor.settle(reviews, 1)
    assert sorted(await floor.open_in(products)) == ["reviews/i0", "reviews/i0#1"]


async def test_two_labels_into_one_campaign_feed_an_item_once(floor: Floor) -> None:
    reviews, products, chain = await chained(floor)
    other = await floor.link("reviews", "praise", "products")
    await floor.settle(reviews, 1)
    item = await floor.named(reviews, "i0")
    await floor.ledger.transact(lambda tx: tx.save_item(replace(item, posterior=(0.99, 0.01))))
    await floor.feed(reviews, "i0")
    assert [(one.chain, one.state) for one in await floor.fed(reviews)] == [(chain.id, FedState.FED)]
    assert chain.id != other.id and await floor.open_in(products) == ["reviews/i0"]


# --- apart


async def test_who_answered_the_source_never_gets_what_it_became(floor: Floor) -> None:
    reviews, products, _ = await chained(floor, apart=True)
    await floor.settle(reviews, 1, (0, 1))
    for person in (0, 1):
        assert await floor.open_in(products, person) == []
        assert await floor.ask(person, products) is None
    assert await floor.open_in(products, 2) == ["reviews/i0"]
    assert await floor.ask(2, products) is not None


async def test_without_apart_the_same_worker_goes_on(floor: Floor) -> None:
    reviews, products, _ = await chained(floor, apart=False)
    await floor.settle(reviews, 1, (0, 1))
    assert await floor.open_in(products, 0) == ["reviews/i0"]


async def test_who_met_what_it_became_never_gets_the_source_again(floor: Floor) -> None:
    """The source opens again by an undo; its target's worker must not answer it now."""
    reviews, products, _ = await chained(floor, apart=True)
    last = (await floor.settle(reviews, 1, (0, 1)))[-1]
    assert await floor.ask(5, products) is not None
    await floor.press(1, last, Press.UNDO)
    assert await floor.open_in(reviews, 5) == [] and await floor.open_in(reviews, 6) == ["i0"]


async def test_the_probability_of_a_draw_knows_who_is_kept_apart(floor: Floor) -> None:
    """Where the only other item is kept from a worker, the one that is left was certain: p_select is 1, not 1/2."""
    reviews, products, _ = await chained(floor, apart=True)
    await floor.settle(reviews, 1, (0, 1))
    new = [NewItem("own", Content(Medium.TEXT, "imported"))]
    await floor.ledger.transact(lambda tx: import_items(tx, "products", "test", new))
    mine, hers = await floor.ask(0, products), await floor.ask(2, products)
    assert mine is not None and hers is not None
    assert mine.p_select == pytest.approx(1.0)
    assert 0.1 < hers.p_select < 0.9
    assert mine.item == (await floor.named(products, "own")).id


# --- circles


async def test_no_chain_runs_in_a_circle(floor: Floor) -> None:
    for slug in ("one", "two", "three"):
        await floor.campaign(slug)
    await floor.link("one", "yes", "two")
    await floor.link("two", "no", "three")
    with pytest.raises(Refused, match="in a circle: three -> one -> two -> three"):
        await floor.link("three", "yes", "one")
    with pytest.raises(Refused, match="cannot feed itself"):
        await floor.link("one", "yes", "one")
    with pytest.raises(Conflict, match="there already"):
        await floor.link("one", "yes", "two")
    with pytest.raises(Refused, match="has no label “maybe”; it has: yes, no"):
        await floor.link("one", "maybe", "two")
    with pytest.raises(NotFound, match="no campaign named four"):
        await floor.link("one", "yes", "four")
    await floor.link("one", "no", "three")
    assert len(await floor.ledger.transact(lambda tx: tx.chains())) == 3


async def test_two_admins_at_once_cannot_close_a_circle(floor: Floor) -> None:
    """Who asks for the chains `alone` waits for the other: without the lock PostgreSQL lets both see none."""
    one, two = await floor.campaign("one"), await floor.campaign("two")

    def slowly(source: Campaign, target: Campaign) -> Callable[[Transaction], Chain]:
        def work(tx: Transaction) -> Chain:
            if circle(tx.chains(alone=True), source.id, target.id):
                raise Refused("a circle")
            time.sleep(0.2)
            return tx.add_chain(source.id, 0, target.id, False)

        return work

    both = (floor.ledger.transact(slowly(one, two)), floor.ledger.transact(slowly(two, one)))
    found = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Chain", "Refused"]
    assert len(await floor.ledger.transact(lambda tx: tx.chains())) == 1
