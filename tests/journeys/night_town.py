"""A campaign in SQLite whose nights are real: a tiny text network, three workers, sentences about three topics."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bot.nightly import recipe_of
from bot.settings import Settings, Storage, Telegram, Training
from core.campaign import Campaign, Draft, Policy
from core.evidence import Evidence
from core.forms import Form, Layout
from core.ids import Account, QuestionId, VersionId, WorkerId
from core.intake import absorbed
from core.item import Content, Item, Medium, NewItem, Role, role_of
from core.ports import Transaction
from core.posterior import start
from core.question import Answer, Question, QuestionState
from core.reliability import Pool, Reliability
from core.worker import Enrolment
from storage.access import Access
from storage.archive import SqlArchive
from storage.engine import parse
from storage.ledger import SqlTransaction
from storage.migrations import migrate
from tests.training.conftest import sentences, tiny_base
from training.errors import VersionRefused
from training.teacher import Teacher
from training.versions import open_version

SLUG = "town"
LABELS = ("weather", "food", "travel")
ADMIN = 1
BORN = timedelta(days=30)
ITEMS, JUDGED = 260, 400


@dataclass(frozen=True, slots=True)
class Town:
    """A folder with a database and versions; copies of it are towns of their own."""

    folder: Path
    base: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'crowdloop.db'}"

    @property
    def home(self) -> Path:
        return self.folder / "versions" / SLUG

    @property
    def archive(self) -> SqlArchive:
        return SqlArchive(parse(self.url))

    @property
    def campaign(self) -> Campaign:
        return self.archive.campaign_named(SLUG)

    def settings(self, **training: object) -> Settings:
        """As an operator would write them; the night was due an hour ago."""
        due = (datetime.now(UTC) - timedelta(hours=1)).time()
        chosen = {"epochs": 4, "learning_rate": 0.01} | training
        return Settings(
            telegram=Telegram(admins=frozenset({ADMIN})),
            storage=Storage(url=self.url, versions=self.folder / "versions"),
            training=Training(train_at=due, base=str(self.base), **chosen),  # type: ignore[arg-type]
        )

    def copied(self, folder: Path) -> Town:
        shutil.copytree(self.folder, folder)
        return Town(folder, self.base)

    def says(self, version: VersionId) -> np.ndarray:
        """(JUDGED, K) what a version thinks of sentences that nobody was asked about; raises VersionRefused."""
        teacher = Teacher(self.home, recipe_of(self.settings()), LABELS, lambda sha: b"")
        contents = [Content(Medium.TEXT, text) for text in sentences(JUDGED, 99)[0]]
        return np.concatenate([scores.probabilities for scores in teacher.score(version, contents)])

    def lease_runs_out(self) -> None:
        """A quarter of an hour goes by."""
        with sqlite3.connect(self.folder / "crowdloop.db") as database:
            database.execute("UPDATE night SET lease_until = 0 WHERE outcome = 'running'")

    def asked(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.folder / "crowdloop.db") as database:
            return database.execute(query).fetchall()

    def faults(self) -> list[str]:
        """What is wrong with what would serve now; empty where nothing is."""
        found = []
        if self.asked("PRAGMA integrity_check") != [("ok",)]:
            found.append("the database is damaged")
        serving = self.campaign.serving
        states = self.asked("SELECT id FROM version WHERE state = 'serving'")
        if states != ([(serving,)] if serving else []):
            found.append(f"the campaign serves {serving}, the versions say {states}")
        for folder in self.home.iterdir():
            if not folder.name.startswith(".part-") and folder.name not in ("checkpoints", "media", "records"):
                try:
                    open_version(folder)
                except VersionRefused as error:
                    found.append(str(error))
        try:
            if serving and not np.isfinite(self.says(serving)).all():
                found.append("the serving version says what is no number")
        except VersionRefused as error:
            found.append(f"the serving version is refused: {error}")
        return found


def founded(folder: Path, answered: int = 120) -> Town:
    """A town whose items have never been learnt from; `answered` of them have three answers."""
    folder.mkdir(parents=True, exist_ok=True)
    town = Town(folder / "town", tiny_base(folder / "base"))
    town.home.mkdir(parents=True)
    migrate(town.url)
    now = datetime.now(UTC) - BORN
    texts, topics = sentences(ITEMS, 5)
    policy = Policy(min_overlap=2, max_overlap=5, audit_share=0.25)

    def build(tx: Transaction) -> None:
        draft = Draft(SLUG, "Town", "What is it about?", LABELS, policy=policy)
        campaign = tx.add_campaign(draft, Pool.fresh(3), now)
        new = [NewItem(f"n{n}", Content(Medium.TEXT, text)) for n, text in enumerate(texts)]
        tx.add_items(campaign.id, [(one, role_of(SLUG, one, 0.25)) for one in new], start(campaign.pool))
        for number in range(3):
            worker = tx.add_worker(Account("telegram", 10 + number), "en", now)
            tx.save_enrolment(Enrolment(campaign.id, worker.id, Reliability.newcomer(campaign.pool), now))

    Access(parse(town.url)).write(lambda cursor: build(SqlTransaction(cursor, {})))
    answer(town, range(answered), topics)
    return town


def answer(town: Town, rows: range, topics: np.ndarray) -> None:
    """Three workers, right nine times in ten, answer these items."""
    rng, campaign = np.random.default_rng(rows.start), town.campaign
    now = datetime.now(UTC) - BORN + timedelta(hours=1)

    def work(tx: Transaction) -> None:
        for n in rows:
            for number in range(3):
                right = rng.random() < 0.9
                label = int(topics[n]) if right else int(rng.integers(3))
                one_answer(tx, campaign, tx.item_named(campaign.id, f"n{n}"), WorkerId(number + 1), label, now)

    Access(parse(town.url)).write(lambda cursor: work(SqlTransaction(cursor, {})))


def one_answer(tx: Transaction, campaign: Campaign, item: Item, who: WorkerId, label: int, now: datetime) -> None:
    """What a tap leaves behind."""
    question = Question(
        QuestionId(f"q{item.id}-{who}"), campaign.id, item.id, who, Layout(Form.ALL, (0, 1, 2)), 0.5, 0,
        QuestionState.ANSWERED, now, now + timedelta(minutes=9),
    )  # fmt: skip
    tx.add_question(question)
    evidence = Evidence.of(label)
    tx.add_answer(Answer(question.id, 0, campaign.id, item.id, who, evidence, now, 4000, False, True))
    enrolment = tx.enrolment(campaign.id, who)
    assert enrolment is not None
    change = absorbed(campaign, item, enrolment, evidence, seated=False)
    tx.save_item(change.item)
    tx.save_enrolment(change.enrolment)


def audits(town: Town) -> int:
    return sum(item.role is Role.AUDIT for item in town.archive.snapshot(town.campaign.id).items)
