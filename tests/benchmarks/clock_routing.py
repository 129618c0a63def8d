"""How long the choice of the next question takes: its head and its draw, as the open items grow."""

from __future__ import annotations

import random
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.asking import new_question
from core.campaign import Campaign, Draft, Policy
from core.ids import Account, ItemId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.ports import Transaction
from core.reliability import Pool, Reliability
from core.worker import Enrolment
from storage.ledger import SqlTransaction
from storage.mapping import packed
from storage.memory import MemoryTransaction
from storage.memory_store import Store
from storage.migrations import migrate
from storage.sql import Cursor, Kind

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LABELS = 6
BEGUN = 0.001  # share of the open items that are begun: those of the hour


@dataclass(frozen=True, slots=True)
class Clock:
    """Milliseconds of a choice."""

    store: str
    items: int
    labels: int
    p50: float
    p99: float
    own_p50: float  # of the thread alone: what a machine that does nothing else would show
    own_p99: float


def draft(labels: int) -> Draft:
    return Draft("clock", "Clock", "?", tuple(f"topic {n}" for n in range(labels)), policy=Policy(newcomer_controls=0))


def posteriors(n: int, labels: int) -> NDArray[np.float64]:
    """(n, K) of which the first share is begun."""
    found = np.full((n, labels), 1 / labels)
    begun = max(int(n * BEGUN), 64)
    found[:begun] = np.random.default_rng(1).dirichlet(np.full(labels, 0.5), begun)
    return np.clip(found, 1e-6, 1.0) / np.clip(found, 1e-6, 1.0).sum(axis=1, keepdims=True)


def priorities(n: int) -> NDArray[np.float64]:
    dice = np.random.default_rng(2)
    found = dice.random(n)
    begun = max(int(n * BEGUN), 64)
    found[:begun] = 1.0 + 2 * dice.random(begun)
    return found


def timed(tx: Transaction, campaign: Campaign, rounds: int, undo: object) -> NDArray[np.float64]:
    """(rounds, 2) milliseconds, of the clock and of the thread: `new_question`, each taken back afterwards."""
    rng, found = random.Random(3), []
    taps = tuple(float(n) for n in np.random.default_rng(4).integers(0, 9, LABELS**2))
    for n in range(rounds):
        known = Reliability(taps) if campaign.pool.labels == LABELS else Reliability((9.0, 2.0))
        enrolment = Enrolment(campaign.id, WorkerId(1 + n % 30), known, NOW, answered=99)
        begin, own = time.perf_counter(), time.thread_time()
        asked = new_question(tx, campaign, enrolment, NOW, rng)
        found.append((1000 * (time.perf_counter() - begin), 1000 * (time.thread_time() - own)))
        assert asked is not None
        undo()  # type: ignore[operator]
    return np.array(found[rounds // 10 :])  # the first ones warm caches


def in_memory(n: int, labels: int, rounds: int) -> Clock:
    """A store filled past its import, which is not what is measured."""
    store = Store()
    tx = MemoryTransaction(store)
    campaign = tx.add_campaign(draft(labels), Pool.fresh(labels), NOW)
    content, q, place = Content(Medium.TEXT, "text"), posteriors(n, labels), priorities(n).tolist()
    plain, beliefs = tuple(q[-1].tolist()), max(int(n * BEGUN), 64)
    for at in range(n):
        belief = tuple(q[at].tolist()) if at < beliefs else plain
        store.items[ItemId(at + 1)] = Item(
            ItemId(at + 1), campaign.id, "i", content, Role.PLAIN, None, "", Verdict.OPEN, belief,
            answers=int(at < beliefs), priority=place[at],
        )  # fmt: skip
    store.queues[campaign.id] = sorted((-place[at], ItemId(at + 1)) for at in range(n))

    def back() -> None:
        for undo in reversed(store._back):
            undo()
        store._back.clear()

    store._back.clear()
    return _clock("memory", n, labels, timed(tx, campaign, rounds, back))


def in_sqlite(n: int, labels: int, rounds: int, folder: Path) -> Clock:
    """A migrated file with its items written straight into the table."""
    place = folder / f"clock-{n}-{labels}.db"
    migrate(f"sqlite:///{place}")
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")  # while it is filled
    cursor = connection.cursor()
    tx = SqlTransaction(Cursor(cursor, Kind.SQLITE), {})
    cursor.execute("BEGIN")
    campaign = tx.add_campaign(draft(labels), Pool.fresh(labels), NOW)
    people = [tx.add_worker(Account("telegram", 1 + at), "en", NOW) for at in range(30)]
    assert people[0].id == 1
    q, where = posteriors(min(n, 1_000_000), labels), priorities(n)
    plain, begun = packed(q[-1].tolist()), max(int(n * BEGUN), 64)
    cursor.executemany(
        "INSERT INTO item (campaign, name, medium, text, media, role, reason, verdict, posterior, answers, leases,"
        " seats, problems, worth, priority) VALUES (?, ?, 'text', 'text', '', 'plain', '', 'open', ?, ?,"
        " 0, 7, 0, 0.5, ?)",
        ((campaign.id, f"i{at}", packed(q[at].tolist()) if at < begun else plain, int(at < begun), float(where[at]))
         for at in range(n)),
    )  # fmt: skip
    cursor.execute("COMMIT")
    connection.execute("PRAGMA synchronous=FULL")
    cursor.execute("BEGIN IMMEDIATE")
    cursor.execute("SAVEPOINT ask")

    def back() -> None:
        cursor.execute("ROLLBACK TO ask")

    campaign = tx.campaign(campaign.id)
    found = _clock("SQLite file", n, labels, timed(tx, campaign, rounds, back))
    cursor.execute("ROLLBACK")
    connection.close()
    return found


def _clock(store: str, n: int, labels: int, spent: NDArray[np.float64]) -> Clock:
    (p50, own_p50), (p99, own_p99) = np.median(spent, axis=0), np.quantile(spent, 0.99, axis=0)
    return Clock(store, n, labels, float(p50), float(p99), float(own_p50), float(own_p99))
