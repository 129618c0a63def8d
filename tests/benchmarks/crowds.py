"""Recorded crowds, draws from them, and hostile accounts to inject."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.inference import AnswerTable

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "crowd"
CATEGORICAL = (
    *("bluebirds", "product", "possent", "rte", "temp", "dog", "face", "web"),
    *("adult2", "weather", "music", "sp", "reuters", "zencrowd_us", "hitspam"),
)
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Recorded answers (A,) and the truth (N,), -1 where unknown."""

    name: str
    item: Ints
    worker: Ints
    label: Ints
    truth: Ints
    workers: int
    labels: int

    def table(self, **rest: object) -> AnswerTable:
        return AnswerTable.of_labels(
            self.item, self.worker, self.label, self.labels, len(self.truth), self.workers, **rest
        )

    def right(self, posteriors: Floats, among: Ints | None = None) -> float:
        """Accuracy, in percent, over the items of known truth (or those of `among`)."""
        known = np.flatnonzero(self.truth >= 0) if among is None else among
        return 100 * float((posteriors[known].argmax(axis=1) == self.truth[known]).mean())

    def vote(self) -> float:
        """Accuracy of majority vote in percent, ties broken at random (its expectation)."""
        votes = np.bincount(self.item * self.labels + self.label, minlength=len(self.truth) * self.labels)
        votes = votes.reshape(-1, self.labels)
        top, known = votes == votes.max(axis=1, keepdims=True), np.flatnonzero(self.truth >= 0)
        return 100 * float((top[known, self.truth[known]] / top[known].sum(axis=1)).mean())

    def only(self, keep: NDArray[np.bool_]) -> Crowd:
        return replace(self, item=self.item[keep], worker=self.worker[keep], label=self.label[keep])

    def turn(self, seed: int) -> Ints:
        """(A,) the place of each answer in a random order of its item's answers."""
        order = np.lexsort((np.random.default_rng(seed).random(len(self.item)), self.item))
        found = np.empty(len(order), dtype=np.int64)
        item = self.item[order]
        found[order] = np.arange(len(order)) - np.searchsorted(item, item)
        return found

    def controls(self, share: float, seed: int) -> tuple[Ints, Ints]:
        """(N,) known labels for a share of the items of known truth, and the other items of known truth."""
        known = np.random.default_rng(seed).permutation(np.flatnonzero(self.truth >= 0))
        told = np.full(len(self.truth), -1)
        cut = int(len(known) * share)
        told[known[:cut]] = self.truth[known[:cut]]
        return told, np.sort(known[cut:])


def load(name: str) -> Crowd:
    with (FOLDER / name / "answers.csv").open(encoding="utf-8") as file:
        rows = [(row["task"], row["worker"], row["label"]) for row in csv.DictReader(file)]
    with (FOLDER / name / "truth.csv").open(encoding="utf-8") as file:
        truth = {row["task"]: row["label"] for row in csv.DictReader(file)}
    tasks, workers = sorted({r[0] for r in rows}), sorted({r[1] for r in rows})
    labels = sorted({r[2] for r in rows} | set(truth.values()))
    t, w, k = ({name: at for at, name in enumerate(names)} for names in (tasks, workers, labels))
    return Crowd(
        name,
        np.array([t[r[0]] for r in rows]),
        np.array([w[r[1]] for r in rows]),
        np.array([k[r[2]] for r in rows]),
        np.array([k[truth[task]] if task in truth else -1 for task in tasks]),
        len(workers),
        len(labels),
    )


def simulated(seed: int, labels: int, items: int = 600, workers: int = 60, overlap: int = 5) -> Crowd:
    """A crowd on which nothing was tuned: hard items, uneven classes, workers of all kinds with habits."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(labels, items, p=rng.dirichlet(np.full(labels, 3.0)))
    hard, trap = rng.random(items) < 0.2, rng.integers(0, labels, items)
    skill, habit = rng.beta(4, 1.5, workers), rng.dirichlet(np.full(labels, 1.0), workers)
    item = np.repeat(np.arange(items), overlap)
    worker = rng.integers(0, workers, len(item))
    knows = rng.random(len(item)) < skill[worker] * np.where(hard[item], 0.55, 1.0)
    guess = np.array([rng.choice(labels, p=habit[w]) for w in worker])
    fooled = hard[item] & (rng.random(len(item)) < 0.5)
    label = np.where(knows, truth[item], np.where(fooled, trap[item], guess))
    return Crowd(f"simulated {labels}", item, worker, label, truth, workers, labels)


def tilted(seed: int, labels: int, items: int = 600, workers: int = 60, overlap: int = 5) -> Crowd:
    """Another crowd on which nothing was tuned: labels on a scale, each worker with a noise and a bias of their own."""
    rng = np.random.default_rng(1000 + seed)
    truth = rng.choice(labels, items, p=rng.dirichlet(np.full(labels, 2.0)))
    noise, bias = rng.gamma(3.0, 0.25, workers), rng.normal(0.0, 0.35, workers)
    item, worker = np.repeat(np.arange(items), overlap), rng.integers(0, workers, items * overlap)
    blur = rng.gamma(2.0, 0.5, items)[item]  # how hard an item is to place
    seen = truth[item] + bias[worker] + noise[worker] * blur * rng.normal(size=len(item))
    label = np.clip(np.rint(seen), 0, labels - 1).astype(np.int64)
    return Crowd(f"tilted {labels}", item, worker, label, truth, workers, labels)


def million(seed: int = 0, answers: int = 1_000_000) -> Crowd:
    """A large simulated crowd: 5 answers an item, 200 a worker, 4 labels."""
    rng = np.random.default_rng(seed)
    items, workers = answers // 5, max(answers // 200, 1)
    truth, skill = rng.integers(0, 4, items), rng.uniform(0.4, 0.95, workers)
    item, worker = rng.integers(0, items, answers), rng.integers(0, workers, answers)
    label = np.where(rng.random(answers) < skill[worker], truth[item], rng.integers(0, 4, answers))
    return Crowd("million", item, worker, label, truth, workers, 4)


def attacked(crowd: Crowd, kind: str, share: float, told: Ints, seed: int) -> Crowd:
    """The crowd with accounts added until `share` of all answers are theirs, each as busy as the median worker.

    "spam": random, constant and prior-matching by turns. "ring": all share one random answer to each item.
    "insiders": a ring that also knows every control in `told`.
    """
    rng = np.random.default_rng(seed)
    busy = min(max(int(np.median(np.bincount(crowd.worker))), 10), len(crowd.truth))
    accounts = max(int(np.ceil(len(crowd.item) * share / (1 - share) / busy)), 2)
    habit = np.bincount(crowd.label, minlength=crowd.labels) / len(crowd.label)
    shared = rng.choice(crowd.labels, len(crowd.truth))
    if kind == "insiders":
        shared = np.where(told >= 0, told, shared)
    items = [rng.choice(len(crowd.truth), busy, replace=False) for _ in range(accounts)]
    labels = []
    for account, mine in enumerate(items):
        spam = (
            rng.choice(crowd.labels, busy),
            np.full(busy, rng.integers(crowd.labels)),
            rng.choice(crowd.labels, busy, p=habit),
        )
        labels.append(spam[account % 3] if kind == "spam" else shared[mine])
    return replace(
        crowd,
        item=np.concatenate([crowd.item, *items]),
        worker=np.concatenate([crowd.worker, np.repeat(crowd.workers + np.arange(accounts), busy)]),
        label=np.concatenate([crowd.label, *labels]),
        workers=crowd.workers + accounts,
    )
