"""The in-memory twin of the ledger, for simulations and tests: the same rules, gone with the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from core.anchoring import Arm
from core.campaign import Campaign, CampaignState, Draft
from core.errors import Conflict
from core.evidence import Evidence
from core.glossary import Term
from core.ids import CampaignId, ItemId, QuestionId, UpdateId, VersionId, WorkerId
from core.item import Role, Verdict
from core.ports import Letter, Progress, Transaction
from core.question import Answer, Question, QuestionState
from core.reliability import Pool, Reliability
from core.version import Version
from core.worker import Worker
from storage.memory_chains import MemoryChains
from storage.memory_forgetting import MemoryForgetting
from storage.memory_items import MemoryItems
from storage.memory_people import MemoryPeople
from storage.memory_store import Store
from storage.part import Posted

T = TypeVar("T")


class MemoryTransaction(MemoryPeople, MemoryItems, MemoryChains, MemoryForgetting):
    """`core.ports.Transaction` over a store."""

    __slots__ = ("posted", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.posted: list[Posted] = []

    def campaign(self, campaign: CampaignId) -> Campaign:
        return self.store.campaign(campaign)

    def campaign_named(self, slug: str) -> Campaign:
        return self.store.campaign_named(slug)

    def campaigns(self) -> list[Campaign]:
        return list(self.store.campaigns.values())

    def question(self, question: QuestionId) -> Question | None:
        return self.store.questions.get(question)

    def answer(self, question: QuestionId, lease: int) -> Answer | None:
        return self.store.answers.get((question, lease))

    def latest(self, campaign: CampaignId, worker: WorkerId, state: QuestionState) -> Question | None:
        if state is QuestionState.LIVE:
            live = self.store.live.get((campaign, worker))
            return None if live is None else self.store.questions[live]
        asked = (self.store.questions[id_] for id_ in self.store.asked.get((campaign, worker), ()))
        found: Question | None = None
        for question in asked:
            if question.state is state and (found is None or question.asked_at >= found.asked_at):
                found = question
        return found

    def answers_of(self, item: ItemId) -> list[tuple[Answer, Reliability]]:
        return [
            (answer, self.store.enrolments[answer.campaign, answer.worker].reliability)
            for answer in map(self.store.answers.__getitem__, self.store.facts.get(item, ()))
            if answer.counted and self.store.stands(answer)
        ]

    def arms(self, campaign: CampaignId) -> tuple[Arm, Arm]:
        found = {True: [0, 0], False: [0, 0]}
        for answer in self.store.answers.values():
            question = self.store.questions[answer.question]
            if answer.campaign != campaign or question.revealed is None or not self.store.stands(answer):
                continue
            found[question.revealed][0] += 1
            found[question.revealed][1] += answer.evidence == Evidence.of(question.suggested or 0)
        return Arm(*found[True]), Arm(*found[False])

    def settled_with(self, campaign: CampaignId, worker: WorkerId) -> int:
        questions = [self.store.questions[id_] for id_ in self.store.asked.get((campaign, worker), ())]
        items = [self.store.items[one.item] for one in questions if one.state is QuestionState.ANSWERED]
        return sum(item.verdict is Verdict.SETTLED and item.role is not Role.CONTROL for item in items)

    def overdue(self, now: datetime, limit: int) -> list[Question]:
        live = map(self.store.questions.__getitem__, self.store.live.values())
        return sorted((one for one in live if one.expires_at <= now), key=lambda one: one.expires_at)[:limit]

    def progress(self, campaign: CampaignId) -> Progress:
        return self.store.progress(campaign)

    def balance(self, holder: str) -> int:
        return self.store.balances.get(holder, 0)

    def serving(self, campaign: CampaignId) -> Version | None:
        return self.store.serving(campaign)

    def versions(self, campaign: CampaignId) -> list[Version]:
        return self.store.versions_of(campaign)

    def serve(self, campaign: CampaignId, version: VersionId) -> None:
        self.store.serve(campaign, version)

    def silence(self, campaign: CampaignId, version: VersionId) -> int:
        heard = [item for item in self.store.items.values() if (item.campaign, item.spoken) == (campaign, version)]
        open_ = [item for item in heard if item.verdict is Verdict.OPEN or item.by_network]
        for item in open_:
            self.store.put_item(replace(item, suggestion=None, spoken=None))
        return len(open_)

    def bubble(self, question: QuestionId) -> int | None:
        return self.store.bubbles.get(question)

    def out_between(self, since: datetime, until: datetime) -> list[tuple[Question, Worker]]:
        unanswered = (QuestionState.LIVE, QuestionState.EXPIRED)
        people = {worker.id: worker for worker in self.store.workers.values() if worker.reachable}
        found = [
            (question, people[question.worker])
            for question in self.store.questions.values()
            if question.state in unanswered and question.worker in people
            if question.expires_at >= since and question.asked_at <= until
        ]
        return sorted(found, key=lambda pair: (pair[0].item, pair[0].worker))

    def add_campaign(self, draft: Draft, pool: Pool, now: datetime) -> Campaign:
        if any(one.slug == draft.slug for one in self.store.campaigns.values()):
            raise Conflict(f"There is a campaign named {draft.slug} already.")
        added = Campaign(CampaignId(len(self.store.campaigns) + 1), draft, CampaignState.OPEN, now, pool)
        self.store.put(self.store.campaigns, added.id, added)
        return added

    def set_state(self, campaign: CampaignId, state: CampaignState) -> None:
        self.store.put(self.store.campaigns, campaign, replace(self.store.campaign(campaign), state=state))

    def set_glossary(self, campaign: CampaignId, glossary: tuple[Term, ...]) -> None:
        found = self.store.campaign(campaign)
        draft = replace(found.draft, glossary=glossary)
        self.store.put(self.store.campaigns, campaign, replace(found, draft=draft))

    def add_question(self, question: Question) -> None:
        self.store.add_question(question)

    def save_question(self, question: Question) -> None:
        self.store.put_question(question)

    def add_answer(self, answer: Answer) -> None:
        key = (answer.question, answer.lease)
        if key in self.store.answers:
            raise Conflict("This lease is answered already.")
        self.store.put(self.store.answers, key, answer)
        self.store.put(self.store.facts.setdefault(answer.item, {}), key, None)

    def transfer(self, cause: str, source: str, target: str, amount: int, now: datetime) -> None:
        if amount < 0:
            raise ValueError(f"a transfer of {amount}: turn source and target round instead")
        if amount and cause not in self.store.causes:
            self.store.put(self.store.causes, cause, amount)
            for holder, change in ((source, -amount), (target, amount)):
                self.store.put(self.store.balances, holder, self.balance(holder) + change)

    def add_media(self, content: bytes, type_: str) -> str:
        sha = sha256(content).hexdigest()
        self.store.put(self.store.media, sha, content)
        return sha

    def post(self, letters: Sequence[Letter]) -> None:
        self.posted += self.store.post(letters)

    def finish(self, update: UpdateId) -> None:
        self.store.put(self.store.finished, update, None)

    def beat(self, now: datetime) -> datetime | None:
        before = self.store.pulse.get(1)
        self.store.put(self.store.pulse, 1, now)
        return before


class MemoryLedger:
    """`core.ports.Ledger`; share its store with a `MemoryArchive`."""

    def __init__(self, store: Store | None = None, posted: Callable[[Sequence[Posted]], None] = lambda _: None) -> None:
        self.store = store or Store()
        self.posted = posted

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        transaction = MemoryTransaction(self.store)
        with self.store.all_or_nothing():
            result = work(transaction)
        if transaction.posted:
            self.posted(transaction.posted)
        return result
