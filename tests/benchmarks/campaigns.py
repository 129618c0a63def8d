"""Simulated campaigns in the real core: its own store, `ask`, `tap`, refits; a crowd of thirty on items of every
difficulty. Used by the benchmarks of audits and forecasts; nothing in it was tuned to either.

An item's difficulty is the share of its answers that do not come from knowing it: half of these go to one trap, which
fools experts too, and half anywhere. Days differ in how many answers they bring.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.simulated.crowd import Simulated, button_of, crowd_of
from core.administration import create_campaign, import_items
from core.campaign import CampaignState, Draft, Policy
from core.forms import Layout
from core.ids import Account, CampaignId, ItemId
from core.item import Content, Item, Medium, NewItem, Role
from core.ports import Beliefs, Snapshot
from core.question import Tap
from core.refit import beliefs_of
from core.service import Asked, ask, consent, enrol
from core.tapping import tap
from core.worker import Worker
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store

Floats = NDArray[np.float64]
BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)


POLICY = Policy(max_overlap=10, audit_share=0.2)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a simulated campaign is like."""

    items: int = 600
    controls: int = 40
    labels: int = 3
    policy: Policy = POLICY
    hard: float = 0.15  # mean difficulty
    refit_every: int = 150  # answers
    a_day: float = 200.0  # answers, on average
    swing: float = 0.3  # standard deviation of a day's log


@dataclass(slots=True, eq=False)
class World:
    """A running campaign with what only the simulator knows."""

    setting: Setting
    tx: MemoryTransaction
    archive: MemoryArchive
    id: CampaignId
    people: list[tuple[Worker, Simulated]]
    truth: dict[ItemId, int]
    difficulty: dict[ItemId, float]
    trap: dict[ItemId, int]
    pace: Floats  # (W,) how often each comes, sums to 1
    dice: np.random.Generator
    rng: random.Random
    seed: int
    now: datetime = BEGIN
    spent: int = 0  # answers to items that are no controls
    settled: set[ItemId] = field(default_factory=set)

    def snapshot(self) -> Snapshot:
        return self.archive.snapshot(self.id)

    def by_day(self) -> list[int]:
        """Answers of each day from the first on, the last one unfinished."""
        days = [(answer.answered_at - BEGIN).days for answer in self.tx.store.answers.values()]
        return np.bincount(days).tolist() if days else []

    def refit(self) -> tuple[Snapshot, Beliefs]:
        snapshot = self.snapshot()
        beliefs = beliefs_of(snapshot)
        self.archive.publish(self.id, beliefs)
        return snapshot, beliefs

    def answers(self, most: int) -> Iterator[Item]:
        """Answers as they come, at most so many; each item after its answer. Ends where nobody gets a question."""
        idle = 0
        while self.spent < most and idle < 200:
            who = int(self.dice.choice(len(self.people), p=self.pace))
            item = self._answer(*self.people[who])
            idle = idle + 1 if item is None else 0
            if item is None:
                continue
            if item.role is not Role.CONTROL:
                self.spent += 1
                yield item
                if self.spent % self.setting.refit_every == 0:
                    self.refit()

    def _answer(self, worker: Worker, mind: Simulated) -> Item | None:
        self.now += timedelta(days=float(self.dice.exponential(1 / self._rate())))
        with self.tx.store.all_or_nothing():
            asked = ask(self.tx, worker, self.id, self.now, self.rng)
            if not isinstance(asked, Asked):
                return None
            choice = self._choice(mind, asked.item.id, asked.question.layout)
            later = self.now + timedelta(seconds=4)
            return tap(self.tx, worker, Tap(asked.question.id, asked.question.lease, choice), later).item

    def _rate(self) -> float:
        day = (self.now - BEGIN).days
        luck = np.random.default_rng([self.seed, day, 5]).normal()
        return self.setting.a_day * float(np.exp(self.setting.swing * luck))

    def _choice(self, mind: Simulated, item: ItemId, layout: Layout) -> int:
        label = mind.label(self.truth[item], item, self.dice)
        if mind.kind in ("expert", "ordinary", "novice") and self.dice.random() < self.difficulty[item]:
            fooled = self.dice.random() < 0.5
            label = self.trap[item] if fooled else int(self.dice.integers(self.setting.labels))
        return button_of(layout, label, self.setting.labels)


def world(setting: Setting, seed: int, truth: NDArray[np.int64] | None = None, ease: Floats | None = None) -> World:
    """A fresh campaign. `truth` (items,) and `ease` (items,) in (0, 1) where a network shall be able to see them."""
    dice = np.random.default_rng([seed, 1])
    n, k = setting.items + setting.controls, setting.labels
    shares = dice.dirichlet(np.full(k, 5.0))
    known = dice.choice(k, n, p=shares) if truth is None else np.r_[truth, dice.choice(k, setting.controls, p=shares)]
    hard = dice.beta(0.5, 0.5 / setting.hard - 0.5, n)
    if ease is not None:  # the same difficulties, the greatest where the network finds it hardest
        hard[: setting.items] = np.sort(hard[: setting.items])[::-1][ease.argsort().argsort()]
    store = Store()
    tx, labels = MemoryTransaction(store), tuple(f"label {j}" for j in range(k))
    with store.all_or_nothing():
        campaign = create_campaign(tx, Draft("bench", "Bench", "Which?", labels, policy=setting.policy), BEGIN)
        new = [
            NewItem(f"{seed}-{at}", Content(Medium.TEXT, f"item {at}"), None if at < setting.items else int(known[at]))
            for at in range(n)
        ]
        import_items(tx, "bench", "bench", new)
        people = [(_hired(tx, at), mind) for at, mind in enumerate(crowd_of(k, seed))]
    ids = [store.names[campaign.id, one.name] for one in new]
    pace = dice.lognormal(0.0, 0.6, len(people))
    assert campaign.state is CampaignState.OPEN
    return World(
        setting, tx, MemoryArchive(store), campaign.id, people,
        dict(zip(ids, known.tolist(), strict=True)), dict(zip(ids, hard.tolist(), strict=True)),
        dict(zip(ids, dice.integers(0, k, n).tolist(), strict=True)), pace / pace.sum(), dice,
        random.Random(seed), seed,
    )  # fmt: skip


def _hired(tx: MemoryTransaction, number: int) -> Worker:
    worker = consent(tx, tx.add_worker(Account("telegram", number + 1), "en", BEGIN))
    return enrol(tx, worker, "bench", BEGIN).worker
