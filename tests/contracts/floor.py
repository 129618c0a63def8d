"""Two or more campaigns, one feeding the other, and people who work in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core import feeding, service
from core.administration import create_campaign, import_items
from core.campaign import TEXT_LABELS, Campaign, Draft, Kind, Policy
from core.chains import Chain, Fed
from core.feeding import Link
from core.ids import Account
from core.item import Content, Item, Medium, NewItem
from core.ports import Ledger, Transaction
from core.question import Press, Question, Tap
from core.tapping import Outcome, Tapped, tap
from core.worker import Worker
from core.writing import write
from tests.contracts.scene import NOW

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


async def floor_of(ledger: Ledger) -> Floor:
    """An empty floor with ten people."""
    people = [
        await ledger.transact(lambda tx, n=n: tx.add_worker(Account("telegram", 100 + n), "en", NOW)) for n in range(10)
    ]
    return Floor(ledger, people, random.Random(4))


async def chained(floor: Floor, items: int = 1, apart: bool = False) -> tuple[Campaign, Campaign, Chain]:
    reviews = await floor.campaign("reviews", items, ("praise", "complaint"))
    products = await floor.campaign("products")
    return reviews, products, await floor.link("reviews", "complaint", "products", apart)


async def captioned(floor: Floor, people: int = 2) -> tuple[Campaign, Campaign]:
    captions = await floor.campaign("captions", 1, TEXT_LABELS, min_overlap=people)
    check = await floor.campaign("check", 0, ("good", "bad"))
    await floor.link("captions", "", "check")
    return captions, check
