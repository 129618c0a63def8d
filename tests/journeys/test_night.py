"""A night over the in-memory store: what is taught, judged, promoted and queued, and what a lost claim leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import numpy as np
import pytest

from core.campaign import Campaign, Draft, Policy
from core.errors import Conflict, NothingToLearn, TrainingFailed, VersionRefused
from core.evidence import Evidence
from core.forms import Form, Layout
from core.ids import Account, ItemId, QuestionId, VersionId
from core.intake import absorbed
from core.item import Content, Item, Medium, NewItem, Role, Verdict, role_of
from core.night import NightReport, run_night
from core.ports import Claim, Letter, Transaction
from core.posterior import start
from core.question import Answer, Question, QuestionState
from core.refit import beliefs_of
from core.reliability import Pool, Reliability
from core.version import Floats, Lessons, Scores
from core.worker import Enrolment
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store

LABELS = ("low", "high")
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
ITEMS = 400


@dataclass
class LineTrainer:
    """A real, tiny trainer: logistic regression of the label on the number in the text."""

    noise: float = 0.0  # makes a worse version
    lean: float = 0.0  # makes one that says "high" more often
    taught: list[Lessons] = field(default_factory=list)
    versions: dict[VersionId, Floats] = field(default_factory=dict)
    damaged: set[VersionId] = field(default_factory=set)

    def cross_fit(self, lessons: Lessons) -> Floats:
        x, said = _features(lessons.contents), np.zeros(lessons.targets.shape)
        for fold in range(5):
            mine = np.arange(len(x)) % 5 == fold
            said[mine, 1] = 1 / (1 + np.exp(-x[mine] @ _fitted(x, lessons.targets[:, 1], lessons.weights * ~mine)))
        said[:, 0] = 1 - said[:, 1]
        return said

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        self.taught.append(lessons)
        x = _features(lessons.contents)
        weights = _fitted(x, lessons.targets[:, 1], lessons.weights) * (1 - self.noise)
        weights[0] += self.lean
        version = VersionId(sha256(weights.tobytes()).hexdigest())
        self.versions[version] = weights
        tell("trained")
        return version

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        if version in self.damaged:
            raise VersionRefused(f"version {version[:12]}: its weights cannot be read")
        for at in range(0, len(contents), 7):  # in chunks, as the real one
            x = _features(contents[at : at + 7])
            p = 1 / (1 + np.exp(-x @ self.versions[version]))
            yield Scores(np.stack([1 - p, p], axis=1), x)


def _fitted(x: Floats, target: Floats, importance: Floats) -> Floats:
    weights = np.zeros(x.shape[1])
    for _ in range(300):
        p = 1 / (1 + np.exp(-x @ weights))
        weights += 0.5 * x.T @ (importance * (target - p)) / len(x)
    return weights


def _features(contents: Sequence[Content]) -> Floats:
    number = np.array([float(content.text) for content in contents])
    return np.stack([np.ones(len(number)), 6 * (number / ITEMS - 0.5)], axis=1)


class Town:
    """A campaign whose items are numbers, half of them answered by three workers who are right 9 times in 10."""

    def __init__(self, answered: int = ITEMS // 2) -> None:
        self.store = Store()
        self.archive = MemoryArchive(self.store)
        self.rng = np.random.default_rng(3)
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            policy = Policy(min_overlap=2, max_overlap=5, audit_share=0.2)
            self.campaign = tx.add_campaign(
                Draft("size", "Size", "Low or high?", LABELS, policy=policy), Pool.fresh(2), NOW
            )
            new = [NewItem(f"n{n}", Content(Medium.TEXT, str(n))) for n in range(ITEMS)]
            roles = [role_of("size", item, 0.2) for item in new]
            tx.add_items(self.campaign.id, list(zip(new, roles, strict=True)), start(self.campaign.pool))
            self.workers = [tx.add_worker(Account("telegram", n), "en", NOW) for n in range(3)]
            for worker in self.workers:
                tx.save_enrolment(Enrolment(self.campaign.id, worker.id, Reliability.newcomer(self.campaign.pool), NOW))
            for n in self.rng.permutation(ITEMS)[:answered]:
                for worker in range(3):
                    self.answer(tx, int(n), worker)

    def answer(self, tx: Transaction, n: int, worker: int) -> None:
        item = self.item(n)
        truth = int(n >= ITEMS // 2)
        evidence = Evidence.of(truth if self.rng.random() < 0.9 else 1 - truth)
        who = self.workers[worker].id
        question = Question(
            QuestionId(f"q{n}-{worker}"), self.campaign.id, item.id, who, Layout(Form.ALL, (0, 1)), 0.5, 0,
            QuestionState.ANSWERED, NOW, NOW + timedelta(minutes=9),
        )  # fmt: skip
        tx.add_question(question)
        tx.add_answer(Answer(question.id, 0, self.campaign.id, item.id, who, evidence, NOW, 900, False, True))
        enrolment = tx.enrolment(self.campaign.id, who)
        assert enrolment is not None
        change = absorbed(self.campaign, item, enrolment, evidence, seated=False)
        tx.save_item(change.item)
        tx.save_enrolment(change.enrolment)

    def item(self, n: int) -> Item:
        return self.store.items[self.store.names[self.campaign.id, f"n{n}"]]

    def claim(self, night: int = 22) -> Claim:
        claim = self.archive.claim(self.campaign.id, date(2026, 11, night), NOW)
        assert claim is not None
        return claim

    def run(self, trainer: LineTrainer, claim: Claim) -> NightReport:
        rng = np.random.default_rng(1)
        return run_night(self.archive, trainer, claim, lambda: NOW, rng, lambda _: None, _letters)

    @property
    def now(self) -> Campaign:
        return self.archive.campaign_named("size")


def _letters(report: NightReport) -> Sequence[Letter]:
    return [Letter(1, "sendMessage", {"text": report.version})]


def test_a_night_teaches_judges_promotes_and_queues() -> None:
    town, trainer = Town(), LineTrainer()
    report = town.run(trainer, town.claim())
    assert report.promoted and town.now.serving == report.version
    assert report.after.accuracy > 0.85 and report.after.low <= report.after.accuracy <= report.after.high
    taught = {content.text for content in trainer.taught[0].contents}
    audits = {item.content.text for item in town.store.items.values() if item.role is Role.AUDIT}
    assert taught and not taught & audits  # audit items are never learned from
    assert report.after.items == len(report.truth) <= len(audits)
    assert len(town.store.letters) == 1

    heard = [item for item in town.store.items.values() if item.spoken is not None]
    assert heard and all(item.answers == 0 and item.role is Role.PLAIN for item in heard)
    sure = max(heard, key=lambda item: max(item.suggestion or (0,)))
    assert np.argmax(sure.posterior) == np.argmax(sure.suggestion)
    worths = [item.worth for item in town.store.items.values() if item.verdict is Verdict.OPEN]
    assert len(set(worths)) > 10 and min(worths) >= 0 and max(worths) <= 1


def test_a_worse_version_does_not_serve() -> None:
    town = Town()
    trainer = LineTrainer()
    first = town.run(trainer, town.claim(22))
    trainer.noise = 0.8
    second = town.run(trainer, town.claim(23))
    assert not second.promoted and town.now.serving == first.version
    assert [version.id for version in town.archive.versions(town.campaign.id)] != [first.version]  # kept as a candidate


def test_the_newest_version_chooses_also_where_the_one_before_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with the serving version's doubts, which chose for weeks where none was promoted; with the newest
    one's suggestions; with a batch of all that was taught since the serving one; with one surely worse that chooses."""
    town, trainer, batches = Town(), LineTrainer(lean=-1.0), list[tuple[int, int]]()
    monkeypatch.setattr("core.night.expected", lambda taught, before: batches.append((taught, before)) or 32)
    first, chosen = town.run(trainer, town.claim(22)), list[float]()
    for night, lean in ((23, 0.3), (24, 40.0)):  # about as right as the first, to the other side; surely worse
        trainer.lean = lean
        report = town.run(trainer, town.claim(night))
        assert not report.promoted and report.behind is (lean == 40.0) and town.now.serving == first.version
        untouched = [item for item in town.store.items.values() if item.role is Role.PLAIN and not item.answers]
        assert {item.spoken for item in untouched} == {first.version}
        (said,) = trainer.score(first.version, [untouched[0].content])
        assert untouched[0].suggestion == pytest.approx(said.probabilities[0].tolist())
        eyes = trainer.versions[first.version if report.behind else report.version]
        middle = ITEMS * (0.5 - eyes[0] / eyes[1] / 6)  # where a version doubts most
        best = sorted(untouched, key=lambda item: -item.worth)[:20]
        chosen.append(float(np.mean([float(item.content.text) for item in best])))
        assert abs(chosen[-1] - middle) < 20
    assert chosen[0] < chosen[1] - 40
    assert batches == [(first.taught, 0), *[(first.taught, first.taught)] * 2]


def test_a_damaged_serving_version_is_left_out_and_told() -> None:
    """Seen to fail where the night broke off at the damage, and where it kept the better one from serving."""
    town, trainer = Town(), LineTrainer()
    town.run(trainer, town.claim())
    heard: list[str] = []
    second = LineTrainer(noise=0.01, damaged=set(trainer.versions))
    claim, rng = town.claim(23), np.random.default_rng(1)
    report = run_night(town.archive, second, claim, lambda: NOW, rng, heard.append, _letters)
    assert report.promoted and report.before is None
    assert any("it is left out" in line for line in heard)


def test_a_lost_claim_writes_nothing() -> None:
    town = Town()
    claim = town.claim()
    stolen = town.archive.claim(town.campaign.id, claim.night, NOW + timedelta(days=1))
    assert stolen is not None and stolen.fence > claim.fence
    with pytest.raises(Conflict):
        town.run(LineTrainer(), claim)
    assert town.now.serving is None and not town.store.letters


def test_too_little_to_learn_from_is_one_sentence() -> None:
    town = Town(answered=5)
    with pytest.raises(TrainingFailed, match="items have answers; training starts at 20"):
        town.run(LineTrainer(), town.claim())


def test_a_night_without_a_network_still_settles() -> None:
    """As with sounds, from which none learns. Seen to fail where the night ended with its refit unwritten."""

    class Deaf(LineTrainer):
        def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
            raise NothingToLearn("No network learns from sounds yet.")

    town = Town()
    found = beliefs_of(town.archive.snapshot(town.campaign.id))
    with pytest.raises(NothingToLearn):
        town.run(Deaf(), town.claim())
    assert town.now.serving is None and not town.store.letters and town.now.pool == found.pool
    assert {item.id: item.verdict for item in found.items}.items() <= {
        item.id: item.verdict for item in town.store.items.values()
    }.items()  # fmt: skip


def test_an_answer_that_came_during_the_night_is_not_overwritten() -> None:
    town, trainer = Town(), LineTrainer()
    fresh = next(n for n in range(ITEMS) if town.item(n).answers == 0 and town.item(n).role is Role.PLAIN)
    train = trainer.train

    def interrupted(lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        with town.store.all_or_nothing():
            town.answer(MemoryTransaction(town.store), fresh, 0)
        return train(lessons, tell)

    trainer.train = interrupted  # type: ignore[method-assign]
    town.run(trainer, town.claim())
    item = town.store.items[ItemId(town.item(fresh).id)]
    assert item.answers == 1 and item.spoken is None


def test_no_version_speaks_about_an_item_that_it_learnt_from() -> None:
    """Seen to fail where an undone answer made an item look untouched, and where answered items heard new versions."""
    town, trainer = Town(answered=ITEMS // 4), LineTrainer()
    rng, untouched = np.random.default_rng(5), [n for n in range(ITEMS) if town.item(n).answers == 0]
    taught_by: dict[VersionId, set[str]] = {}
    for night, noise in enumerate((0.8, 0.4, 0.0, 0.9)):  # better, better, and then the one before goes on serving
        with town.store.all_or_nothing():
            tx = MemoryTransaction(town.store)
            some, untouched = untouched[:30], untouched[30:]
            for n in some:
                town.answer(tx, n, int(rng.integers(3)))
        trainer.noise = noise
        town.run(trainer, town.claim(22 + night))
        for version, lessons in zip(trainer.versions, trainer.taught, strict=True):
            taught_by[version] = {content.text for content in lessons.contents}
        with town.store.all_or_nothing():
            tx = MemoryTransaction(town.store)
            for n in some[:10]:
                _undo(tx, town, n)
    heard = [item for item in town.store.items.values() if item.spoken is not None]
    assert len(heard) > 50 and len({item.spoken for item in heard}) > 1
    assert not [item.name for item in heard if item.content.text in taught_by[VersionId(item.spoken or "")]]


def _undo(tx: Transaction, town: Town, n: int) -> None:
    """The answer of whoever answered is taken back, and nobody gave another since."""
    for worker in range(3):
        question = tx.question(QuestionId(f"q{n}-{worker}"))
        if question is not None:
            tx.save_question(replace(question, lease=1, state=QuestionState.EXPIRED))
            tx.save_item(replace(town.item(n), answers=0))


def test_a_better_version_waits_in_the_shadow_before_it_serves() -> None:
    """Seen to fail where the shadow was not scored again: a version that had become worse would have served."""
    town, trainer = Town(), LineTrainer(noise=0.9)
    first = town.run(trainer, town.claim(22))
    assert first.promoted
    with town.store.all_or_nothing():
        campaign = town.store.campaign(town.campaign.id)
        policy = replace(campaign.policy, shadow_nights=1)
        town.store.put(
            town.store.campaigns, campaign.id, replace(campaign, draft=replace(campaign.draft, policy=policy))
        )
    trainer.noise = 0.0
    second = town.run(trainer, town.claim(23))
    assert not second.promoted and second.waits == second.version and town.now.serving == first.version
    trainer.noise = 0.8
    third = town.run(trainer, town.claim(24))
    assert third.risen == second.version and town.now.serving == second.version and third.waits is None
    heard = {item.spoken for item in town.store.items.values() if item.spoken}
    assert third.version not in heard and second.version in heard
