"""A small campaign to act in, built through the transaction alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from core.campaign import Campaign, Draft, Policy
from core.evidence import Evidence
from core.forms import Form, Layout
from core.ids import Account, ItemId, QuestionId
from core.item import Content, Item, Medium, NewItem, Role
from core.ports import Ledger, Transaction
from core.question import Answer, Question, QuestionState
from core.reliability import Pool, Reliability
from core.worker import Enrolment, Worker

NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LABELS = ("cat", "dog", "fox")
POOL = Pool.fresh(3)


def draft(slug: str = "pets", seats: int = 3) -> Draft:
    policy = Policy(min_overlap=2, max_overlap=seats, pay=5)
    return Draft(
        slug, "Pets", "Which animal?", LABELS, policy=policy, wordings={"zh": ("猫", "狗", "狐")}, zone="Asia/Tokyo"
    )


def new(name: str, truth: int | None = None) -> NewItem:
    return NewItem(name, Content(Medium.TEXT, f"text of {name} ✓"), truth, "because" if truth is not None else "")


@dataclass
class Scene:
    """A campaign, its items by name, its workers."""

    ledger: Ledger
    campaign: Campaign
    items: dict[str, ItemId]
    workers: list[Worker]

    def question(self, worker: int, item: str, at: datetime = NOW, id_: str = "") -> Question:
        who = self.workers[worker].id
        return Question(
            QuestionId(id_ or f"q-{item}-{worker}"), self.campaign.id, self.items[item], who,
            Layout(Form.SHORT, (0, 2)), 0.125, 1, QuestionState.LIVE, at, at + 20 * MINUTE,
        )  # fmt: skip

    def answer(self, question: Question, label: int = 0, at: datetime = NOW, counted: bool = True) -> Answer:
        return Answer(
            question.id, question.lease, question.campaign, question.item, question.worker, Evidence.of(label), at,
            1500, False, counted,
        )  # fmt: skip

    async def ask(self, worker: int, item: str, at: datetime = NOW) -> Question:
        """Takes a seat and asks."""
        question = self.question(worker, item, at)

        def work(tx: Transaction) -> None:
            assert tx.take_seat(question.item) is not None
            tx.add_question(question)

        await self.ledger.transact(work)
        return question

    async def take(self, question: Question, label: int = 0, counted: bool = True) -> Answer:
        """Answers a question that is out."""
        answer = self.answer(question, label, counted=counted)

        def work(tx: Transaction) -> None:
            item = tx.item(question.item)
            tx.save_item(replace(item, answers=item.answers + counted, leases=item.leases - 1))
            tx.save_question(replace(question, state=QuestionState.ANSWERED))
            tx.add_answer(answer)
            enrolment = tx.enrolment(question.campaign, question.worker)
            assert enrolment is not None
            tx.save_enrolment(replace(enrolment, answered=enrolment.answered + 1))

        await self.ledger.transact(work)
        return answer

    async def see(self, item: str) -> Item:
        return await self.ledger.transact(lambda tx: tx.item(self.items[item]))


async def scene(ledger: Ledger, items: int = 3, workers: int = 2, controls: int = 1, seats: int = 3) -> Scene:
    """Items i0.., the last one an audit item; controls c0.. whose truth is label 1."""
    plain = [(new(f"i{n}"), Role.AUDIT if n == items - 1 else Role.PLAIN) for n in range(items)]
    known = [(new(f"c{n}", truth=1), Role.CONTROL) for n in range(controls)]

    def build(tx: Transaction) -> tuple[Campaign, list[Worker]]:
        campaign = tx.add_campaign(draft(seats=seats), POOL, NOW)
        assert tx.add_items(campaign.id, plain + known, POOL.prior) == items + controls
        people = [tx.add_worker(Account("telegram", 100 + n), "en", NOW) for n in range(workers)]
        for person in people:
            tx.save_enrolment(Enrolment(campaign.id, person.id, Reliability.newcomer(POOL), NOW))
        return campaign, people

    campaign, people = await ledger.transact(build)
    seen = await ledger.transact(lambda tx: all_items(tx, campaign, people[0]))
    return Scene(ledger, campaign, {item.name: item.id for item in seen}, people)


def all_items(tx: Transaction, campaign: Campaign, worker: Worker) -> list[Item]:
    head, controls = tx.head(campaign.id, worker.id, 10_000), tx.unmet_controls(campaign.id, worker.id, 10_000)
    return [tx.item(item) for item in [*head.items, *controls]]
