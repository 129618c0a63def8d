"""Our rule: the real service over the store in memory, simulated workers, a fake clock and a night now and then."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from bot.simulated.arrivals import Arrivals
from bot.simulated.curve import Curve, Point, Tell
from bot.simulated.network import Network
from bot.simulated.task import SLUG, Scene
from core import effort
from core.administration import create_campaign, import_items
from core.campaign import Campaign, Draft, Policy
from core.errors import NothingToLearn
from core.forms import Form
from core.ids import Account, CampaignId, ItemId, VersionId, WorkerId
from core.item import Role, Verdict
from core.night import run_night
from core.planning import plan
from core.ports import Transaction
from core.question import Question, Tap
from core.refit import beliefs_of
from core.routing import Head
from core.service import Asked, ask, consent, enrol
from core.tapping import tap
from core.teaching import lessons_of
from core.worker import Worker
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store

PATIENCE = 300  # arrivals in a row for whom there is nothing, after which nobody will find anything


class OnRecord(MemoryTransaction):
    """A store that offers a worker no item but those of which an answer by them is on record."""

    def __init__(self, store: Store, items: Collection[ItemId]) -> None:
        super().__init__(store)
        self.items = items

    def head(self, campaign: CampaignId, worker: WorkerId, limit: int) -> Head:
        """The best of all their open items, which may lie deep in the queue."""
        queue = self.store.queues.get(campaign, [])
        found = [item for item in self._unmet(queue, worker) if item.id in self.items][:limit]
        learning = [0.0 if item.answers else item.worth for item in found]
        return Head([item.id for item in found], np.array([item.posterior for item in found]), np.array(learning))

    def unmet_controls(self, campaign: CampaignId, worker: WorkerId, limit: int) -> list[ItemId]:
        """Controls among them."""
        every = super().unmet_controls(campaign, worker, len(self.store.items))
        return [item for item in every if item in self.items][:limit]


@dataclass(slots=True, eq=False)
class Loop:
    """A running campaign, with what only the simulator knows."""

    scene: Scene
    trainer: Network
    arrivals: Arrivals
    dice: np.random.Generator
    rng: random.Random
    learns: bool  # nights have a say in what is asked; else they only train
    id: CampaignId
    store: Store = field(default_factory=Store)
    people: list[Worker] = field(default_factory=list)
    row_of: dict[ItemId, int] = field(default_factory=dict)
    on_record: dict[int, Collection[ItemId]] = field(default_factory=dict)  # by worker, where answers are recorded
    spent: int = 0
    seconds: float = 0.0
    nights: int = 0

    @property
    def archive(self) -> MemoryArchive:
        return MemoryArchive(self.store)

    def answer(self) -> bool:
        """The next worker gets a question and answers it; False where there is none for them."""
        who = self.arrivals.next()
        with self.store.all_or_nothing():
            tx = self.transaction(who)
            asked = ask(tx, self.people[who], self.id, self.arrivals.now, self.rng)
            if not isinstance(asked, Asked):
                self.arrivals.idle(who)
                return False
            mind, row = self.scene.crowd[who], self.row_of[asked.item.id]
            truth = int(self.scene.task.truth[row])
            choice = mind.choice(truth, row, asked.question.layout, self.dice)
            usual = seconds_of(asked.campaign, asked.question, choice)
            later = self.arrivals.answers(who, usual)
            tap(tx, self.people[who], Tap(asked.question.id, asked.question.lease, choice), later)
        self.spent += 1
        self.seconds += usual
        return True

    def transaction(self, who: int) -> Transaction:
        """The store, as far as this worker can be asked."""
        mind = self.scene.crowd[who]
        if mind.recorded is None:
            return MemoryTransaction(self.store)
        if who not in self.on_record:
            self.on_record[who] = {item for item, row in self.row_of.items() if mind.knows(row)}
        return OnRecord(self.store, self.on_record[who])

    def refit(self) -> None:
        """The refit of the day."""
        self.archive.publish(self.id, beliefs_of(self.archive.snapshot(self.id)))

    def night(self) -> float:
        """A night; how right its version is on held-out items."""
        try:
            version = self._night() if self.learns else self._training()
        except NothingToLearn:
            shares = np.bincount(self.scene.task.truth) / len(self.scene.task)
            return float(shares.max())
        return self.trainer.accuracy(version, self.scene.judged_on())

    def _night(self) -> VersionId:
        self.nights += 1
        now = self.arrivals.now
        claim = self.archive.claim(self.id, (now + timedelta(days=400 * self.nights)).date(), now, again=True)
        assert claim is not None
        try:
            report = run_night(self.archive, self.trainer, claim, lambda: now, self.dice, _silent, lambda _: [])
        except NothingToLearn as error:
            self.archive.fail(claim, str(error), [], now)
            raise
        return report.version

    def _training(self) -> VersionId:
        self.refit()
        snapshot = self.archive.snapshot(self.id)
        beliefs = beliefs_of(snapshot)
        return self.trainer.train(lessons_of(snapshot, beliefs, plan(snapshot, beliefs).taught), _silent)

    def point(self, version_accuracy: float) -> Point:
        """Where the campaign stands now."""
        truth = self.scene.task.truth
        items = [item for item in self.store.items.values() if item.role is not Role.CONTROL]
        right = sum(
            item.answers > 0 and item.posterior.index(max(item.posterior)) == truth[self.row_of[item.id]]
            for item in items
        )
        settled = sum(item.verdict is Verdict.SETTLED for item in items)
        return Point(self.spent, right / len(items), version_accuracy, settled, self.seconds)


def _silent(_: str) -> None:
    """Progress for nobody."""


def seconds_of(campaign: Campaign, question: Question, choice: int) -> float:
    """What the cost model says of an answer."""
    layout, labels = question.layout, len(campaign.labels)
    if layout.form is Form.ALL:
        return effort.of_all(labels)
    if layout.form is Form.YES_NO:
        return effort.of_yes_no()
    beyond = float(choice >= len(layout.shown))
    if layout.form is Form.SHORT:
        return float(effort.of_short(len(layout.shown), beyond))
    return float(effort.of_groups(len(layout.shown), beyond, effort.of_stages(campaign.groups)))


def opened(scene: Scene, policy: Policy, trainer: Network, controls: int, learns: bool = True) -> Loop:
    """A campaign of which nothing is known but the truth of `controls` items."""
    arrivals = Arrivals(scene.crowd, np.random.default_rng([scene.seed, 1]))
    dice = np.random.default_rng([scene.seed, 2])
    store, labels = Store(), tuple(label[:64] for label in scene.task.labels)
    tx = MemoryTransaction(store)
    campaign = create_campaign(tx, Draft(SLUG, "Simulated", "", labels, policy=policy), arrivals.now)
    loop = Loop(scene, trainer, arrivals, dice, random.Random(scene.seed), learns, campaign.id, store)
    order = dice.permutation(len(scene.task)).tolist()
    free = np.ones(len(order), dtype=bool)
    free[scene.audit] = False
    known = set([row for row in order if free[row]][:controls])
    import_items(tx, SLUG, scene.task.name, [scene.task.item(row, row in known) for row in order])
    loop.row_of = {item.id: int(item.name) for item in loop.store.items.values()}
    for at in range(len(scene.crowd)):
        worker = consent(tx, tx.add_worker(Account(SLUG, at + 1), "en", arrivals.now))
        enrol(tx, worker, SLUG, arrivals.now)
        loop.people.append(worker)
    return loop


def run(loop: Loop, tell: Tell) -> Curve:
    """Spends the budget; a point at every night. Ends early where nothing is left to ask."""
    curve, scene, nothing = Curve(), loop.scene, 0
    while loop.spent < scene.budget:
        nothing = 0 if loop.answer() else nothing + 1
        if nothing > PATIENCE:
            break
        if nothing:
            continue
        tell(loop.spent)
        if loop.spent % scene.step == 0:
            curve.points.append(loop.point(loop.night()))
    return curve
