"""Task chains on every store: fed once, taken back by the written rule, kept apart, never in a circle."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from core import feeding, service
from core.administration import create_campaign, import_items
from core.campaign import TEXT_LABELS, Campaign, Draft, Kind, Policy
from core.chains import Chain, Fed, FedState, Proposal, circle
from core.errors import Conflict, NotFound, NothingToLearn, Refused
from core.feeding import Link
from core.ids import Account
from core.item import Content, Item, Medium, NewItem, Verdict
from core.night import plan
from core.ports import Ledger, Transaction
from core.question import Press, Question, QuestionState, Tap
from core.refit import beliefs_of
from core.tapping import Outcome, Tapped, tap
from core.teaching import lessons_of
from core.worker import Worker
from core.writing import write
from tests.contracts.scene import NOW
from tests.contracts.stores import SQL, House

POLICY = Policy(confidence=0.6, max_overlap=4, audit_share=0.0, newcomer_controls=0, control_share=0.0, pay=5)


@dataclass
class Floor:
    """Two or more campaigns and people who work in them."""

    ledger: Ledger
    people: list[Worker]
    rng: random.Random
    clock: int = 0

    async def campaign(self, slug: str, items: int = 0, labels: Sequence[str] = ("yes", "no"), **more: Any) -> Campaign:
        kind = Kind.TEXT if tuple(labels) == TEXT_LABELS else Kind.SINGLE
        draft = Draft(slug, slug.title(), "Which?", tuple(labels), kind, replace(POLICY, **more))
        new = [NewItem(f"i{n}", Content(Medium.TEXT, f"text {n}")) for n in range(items)]

        def work(tx: Transaction) -> Campaign:
            made = create_campaign(tx, draft, NOW)
            if new:
                import_items(tx, slug, "test", new)
            return made

        return await self.ledger.transact(work)

    async def link(self, source: str, label: str, target: str, apart: bool = False) -> Chain:
        return (await self.ledger.transact(lambda tx: feeding.add_chain(tx, Link(source, label, target, apart))))[1]

    async def ask(self, person: int, campaign: Campaign) -> Question | None:
        worker = self.people[person]
        self.clock += 10
        now = NOW + timedelta(seconds=self.clock)

        def work(tx: Transaction) -> Question | None:
            service.enrol(tx, worker, campaign.slug, now)
            asked = service.ask(tx, replace(worker, consent=1), campaign.id, now, self.rng)
            return None if isinstance(asked, service.Idle) else asked.question

        return await self.ledger.transact(work)

    async def press(self, person: int, question: Question, choice: int | Press) -> Tapped:
        self.clock += 1
        now = NOW + timedelta(seconds=self.clock)
        return await self.ledger.transact(
            lambda tx: tap(tx, self.people[person], Tap(question.id, question.lease, choice), now)
        )

    async def answer(self, person: int, campaign: Campaign, choice: int) -> Question:
        question = await self.ask(person, campaign)
        assert question is not None
        assert (await self.press(person, question, choice)).outcome is Outcome.SAVED
        return question

    async def write(self, person: int, campaign: Campaign, text: str) -> Question:
        question = await self.ask(person, campaign)
        assert question is not None
        self.clock += 5
        now = NOW + timedelta(seconds=self.clock)
        worker = replace(self.people[person], campaign=campaign.id)
        await self.ledger.transact(lambda tx: write(tx, worker, campaign, question, text, now, now))
        return question

    async def settle(self, campaign: Campaign, choice: int, people: Sequence[int] = (0, 1)) -> list[Question]:
        return [await self.answer(person, campaign, choice) for person in people]

    async def named(self, campaign: Campaign, name: str) -> Item:
        return await self.ledger.transact(lambda tx: tx.item_named(campaign.id, name))

    async def fed(self, campaign: Campaign, name: str = "i0") -> list[Fed]:
        return await self.ledger.transact(lambda tx: tx.fed(tx.item_named(campaign.id, name).id))

    async def open_in(self, campaign: Campaign, person: int = 9) -> list[str]:
        def work(tx: Transaction) -> list[str]:
            return [tx.item(one).name for one in tx.head(campaign.id, self.people[person].id, 99).items]

        return await self.ledger.transact(work)

    async def feed(self, campaign: Campaign, *names: str) -> int:
        return await self.ledger.transact(
            lambda tx: feeding.feed(tx, [tx.item_named(campaign.id, name).id for name in names])
        )


@pytest.fixture
async def floor(ledger: Ledger) -> Floor:
    people = [
        await ledger.transact(lambda tx, n=n: tx.add_worker(Account("telegram", 100 + n), "en", NOW)) for n in range(10)
    ]
    return Floor(ledger, people, random.Random(4))


async def chained(floor: Floor, items: int = 1, apart: bool = False) -> tuple[Campaign, Campaign, Chain]:
    reviews = await floor.campaign("reviews", items, ("praise", "complaint"))
    products = await floor.campaign("products")
    return reviews, products, await floor.link("reviews", "complaint", "products", apart)


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


# --- written answers


async def captioned(floor: Floor, people: int = 2) -> tuple[Campaign, Campaign]:
    captions = await floor.campaign("captions", 1, TEXT_LABELS, min_overlap=people)
    check = await floor.campaign("check", 0, ("good", "bad"))
    await floor.link("captions", "", "check")
    return captions, check


async def test_texts_become_candidates_and_the_same_words_one(floor: Floor) -> None:
    captions, check = await captioned(floor, people=3)
    await floor.write(0, captions, "A cat  sleeps.")
    await floor.write(1, captions, "a CAT sleeps")
    assert await floor.open_in(check) == []
    await floor.write(2, captions, "Sleepy cat")
    proposals = await floor.ledger.transact(lambda tx: tx.proposals(tx.item_named(captions.id, "i0").id))
    assert proposals == [
        Proposal(floor.people[0].id, "A cat sleeps."),
        Proposal(floor.people[1].id, "a CAT sleeps"),
        Proposal(floor.people[2].id, "Sleepy cat"),
    ]
    texts = [(await floor.named(check, name)).content.text for name in ("captions/i0#1", "captions/i0#2")]
    assert texts == ["text 0\n\n✎ A cat sleeps.", "text 0\n\n✎ Sleepy cat"]
    assert len(await floor.fed(captions)) == 2
    for person in (0, 1, 2):
        assert await floor.open_in(check, person) == []
    assert len(await floor.open_in(check, 3)) == 2


async def test_a_text_that_is_taken_back_is_withdrawn_and_its_successor_judged(floor: Floor) -> None:
    captions, check = await captioned(floor)
    await floor.write(0, captions, "first")
    last = await floor.write(1, captions, "second")
    await floor.press(1, last, Press.UNDO)
    assert await floor.open_in(check) == []
    again = await floor.ask(1, captions)
    assert again is not None and again.id == last.id
    await floor.write(1, captions, "third")
    states = {one.candidate: one.state for one in await floor.fed(captions)}
    assert states == {"first": FedState.FED, "second": FedState.WITHDRAWN, "third": FedState.FED}
    assert sorted(await floor.open_in(check)) == ["captions/i0#1", "captions/i0#3"]


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_written_words_cannot_be_changed_even_by_hand(house: House, floor: Floor) -> None:
    captions, _ = await captioned(floor)
    await floor.write(0, captions, "first")
    for statement in ("UPDATE written SET text = 'forged'", "DELETE FROM written"):
        with pytest.raises(Exception, match="append-only"):
            house.sql(statement)
    assert house.sql("SELECT text FROM written") == [("first",)]


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_words_belong_to_an_answer_and_fed_items_to_campaigns(house: House, floor: Floor) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        house.sql("INSERT INTO written (question, lease, text) VALUES ('none', 0, 'words')")
    await floor.campaign("one")
    with pytest.raises(Exception, match="ck_chain_ends"):
        house.sql("INSERT INTO chain (source, label, target, apart) VALUES (1, 0, 1, false)")


async def test_a_late_text_becomes_a_candidate_only_while_the_item_is_open(floor: Floor) -> None:
    captions, check = await captioned(floor)
    late = await floor.ask(4, captions)
    assert late is not None
    await floor.ledger.transact(lambda tx: service.expire(tx, NOW + timedelta(hours=2)))
    await floor.write(0, captions, "first")
    await floor.write(1, captions, "second")
    now = NOW + timedelta(hours=3)
    worker = replace(floor.people[4], campaign=captions.id)
    expired = await floor.ledger.transact(lambda tx: tx.question(late.id))
    assert expired is not None and expired.state is QuestionState.EXPIRED
    tapped = await floor.ledger.transact(lambda tx: write(tx, worker, captions, expired, "late", now, now))
    assert tapped.outcome is Outcome.CREDITED
    assert len(await floor.open_in(check)) == 2 and await floor.open_in(check, 4) == []


async def test_exports_know_where_items_came_from_and_which_text_won(floor: Floor, house: House) -> None:
    captions, check = await captioned(floor)
    await floor.write(0, captions, "first")
    await floor.write(1, captions, "second")
    provenance = list(house.archive.provenance(check.id))
    assert [(one.source, one.task, one.label, one.fed_task, one.state) for one in provenance] == [
        ("captions", "i0", 0, "captions/i0#1", FedState.FED),
        ("captions", "i0", 0, "captions/i0#2", FedState.FED),
    ]
    assert list(house.archive.provenance(captions.id)) == provenance
    texts = house.archive.texts(captions.id)
    assert sorted(texts.words.values()) == ["first", "second"]
    (lot,) = texts.lots.values()
    assert [one.text for one in lot.proposals] == ["first", "second"]
    assert {key: (one.answers, one.verdict) for key, one in lot.judged.items()} == {
        "first": (0, Verdict.OPEN), "second": (0, Verdict.OPEN),
    }  # fmt: skip


async def test_the_sweep_of_an_unchained_campaign_finds_nothing(floor: Floor, house: House) -> None:
    plain = await floor.campaign("plain", 2)
    await floor.settle(plain, 0)
    assert house.archive.restless(plain.id) == [] and list(house.archive.provenance(plain.id)) == []


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_a_night_of_texts_has_nothing_to_learn(floor: Floor, house: House) -> None:
    """It says so in words, and the refit leaves the verdicts to the number of texts."""
    captions = await floor.campaign("captions", 24, TEXT_LABELS)
    for turn in range(24):
        for person in (0, 1):
            await floor.write(person, captions, f"text {turn} of {person}")
    snapshot = house.archive.snapshot(captions.id)
    beliefs = beliefs_of(snapshot)
    assert {item.verdict for item in beliefs.items} == {Verdict.SETTLED}
    with pytest.raises(NothingToLearn, match="same label"):
        lessons_of(snapshot, beliefs, plan(snapshot, beliefs).taught)
