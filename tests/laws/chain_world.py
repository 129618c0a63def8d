"""Two campaigns in memory, one feeding the other, and what may happen to them in any order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from core import feeding, service
from core.administration import create_campaign, import_items
from core.campaign import TEXT_LABELS, Campaign, Draft, Kind, Policy
from core.feeding import Link
from core.ids import Account
from core.item import Content, Item, Medium, NewItem, Verdict
from core.question import Press, QuestionState, Tap
from core.refit import beliefs_of
from core.tapping import tap
from core.worker import Worker
from core.writing import write
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
POLICY = Policy(confidence=0.6, max_overlap=4, audit_share=0.0, newcomer_controls=0, control_share=0.0)
PEOPLE = 5
COMMON = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class World:
    """Two campaigns with a chain between them, in memory; each act is one transaction."""

    written: bool
    apart: bool
    store: Store = field(default_factory=Store)
    clock: datetime = NOW
    people: list[Worker] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    def __post_init__(self) -> None:
        labels, kind = (TEXT_LABELS, Kind.TEXT) if self.written else (("praise", "complaint"), Kind.SINGLE)
        items = [NewItem(f"i{n}", Content(Medium.TEXT, f"text {n}")) for n in range(2)]
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            self.target = create_campaign(tx, Draft("check", "C", "Q", ("good", "bad"), policy=POLICY), NOW)
            self.source = create_campaign(tx, Draft("source", "S", "Q", labels, kind, POLICY), NOW)
            import_items(tx, "source", "law", items)
            label = "" if self.written else "complaint"
            feeding.add_chain(tx, Link("source", label, "check", self.apart))
            self.people = [tx.add_worker(Account("telegram", n), "en", NOW) for n in range(PEOPLE)]

    def answer(self, person: int, source: bool, choice: int) -> None:
        """Gets a question, or is shown the open one, and answers it."""
        self.clock += timedelta(seconds=10)
        campaign = self.source if source else self.target
        worker = replace(self.people[person], consent=1, campaign=campaign.id)
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            service.enrol(tx, worker, campaign.slug, self.clock)
            asked = service.ask(tx, worker, campaign.id, self.clock, self.rng)
        if isinstance(asked, service.Asked):
            self.clock += timedelta(seconds=10)
            with self.store.all_or_nothing():
                tx, question = MemoryTransaction(self.store), asked.question
                if source and self.written:
                    write(tx, worker, campaign, question, f"words {(person + choice) % 4}", self.clock, self.clock)
                else:
                    tap(tx, worker, Tap(question.id, question.lease, choice), self.clock)

    def leave(self, person: int, source: bool) -> None:
        """Gets a question and does nothing: the lease runs out."""
        campaign = self.source if source else self.target
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            service.enrol(tx, self.people[person], campaign.slug, self.clock)
            service.ask(tx, replace(self.people[person], consent=1), campaign.id, self.clock, self.rng)
        self.clock += timedelta(hours=1)
        with self.store.all_or_nothing():
            service.expire(MemoryTransaction(self.store), self.clock)

    def undo(self, person: int) -> None:
        worker = self.people[person]
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            last = tx.latest(self.source.id, worker.id, QuestionState.ANSWERED)
            if last is not None:
                tap(tx, worker, Tap(last.id, last.lease, Press.UNDO), last.asked_at + timedelta(seconds=1))

    def refit(self) -> None:
        archive = MemoryArchive(self.store)
        archive.publish(self.source.id, beliefs_of(archive.snapshot(self.source.id)))

    def doubt(self, number: int) -> None:
        """What a refit could believe instead: the settled label of an item turns round."""
        item = self.items(self.source)[number]
        if item.verdict is Verdict.SETTLED and not self.written:
            self.store.put_item(replace(item, posterior=tuple(reversed(item.posterior))))

    def sweep(self) -> None:
        restless_now = MemoryArchive(self.store).restless(self.source.id)
        with self.store.all_or_nothing():
            feeding.feed(MemoryTransaction(self.store), restless_now)

    def items(self, campaign: Campaign) -> list[Item]:
        return [item for item in self.store.items.values() if item.campaign == campaign.id]

    def act(self, name: str, person: int, choice: int) -> None:
        match name:
            case "answer":
                self.answer(person, True, choice)
            case "judge":
                self.answer(person, False, choice)
            case "leave":
                self.leave(person, bool(choice))
            case "undo":
                self.undo(person)
            case "refit":
                self.refit()
            case "doubt":
                self.doubt(choice)
            case "sweep":
                self.sweep()


ACTS = ["answer", "answer", "answer", "judge", "judge", "leave", "undo", "undo", "refit", "doubt", "sweep"]
BY_DAY = ["answer", "answer", "answer", "undo", "judge", "leave"]


def histories(acts: list[str]) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    return st.lists(
        st.tuples(st.sampled_from(acts), st.integers(0, PEOPLE - 1), st.integers(0, 1)), min_size=5, max_size=40
    )


HISTORIES, DAYS = histories(ACTS), histories(BY_DAY)
