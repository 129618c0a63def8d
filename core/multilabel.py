"""Multi-label items: K binary beliefs under one worker belief.

    P(worker w marks label k | it holds)        = theta1[w, k] ~ Beta, centred on sigmoid(logit pi1[k] + c1[w])
    P(worker w marks label k | it does not)     = theta0[w, k] ~ Beta, centred on sigmoid(logit pi0[k] + c0[w])

A worker is one thing, how much more readily than others they see what is there (c1) and what is not (c0), learnt from
all labels at once; each label moves away from it by a strength that is estimated. A newcomer is the pool.
Source: Dawid and Skene 1979, doi:10.2307/2346806, for each label (binary relevance); partial pooling: Paun et al. 2018,
doi:10.1162/tacl_a_00040. Deviations: the worker's two shifts are ours; maximum a posteriori by EM; shares of labels are
anchored on shares of votes; labels are independent given the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.inference.sparse import strength, sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ANCHOR = 10.0  # answers' worth of belief in the starting pool, for each label
SPREAD = 0.5  # variance of the workers' shifts before the answers speak, in squared log odds
MOST_SEEN = 0.75  # pi1 at the start: how often a label that holds is marked


@dataclass(frozen=True, slots=True, eq=False)
class MarkTable:
    """Answers that each mark some of K labels, perhaps none."""

    item: Ints  # (A,) 0..n_items-1
    worker: Ints  # (A,) 0..n_workers-1
    marked: Bools  # (A, K)
    n_items: int
    n_workers: int
    weight: Floats | None = None  # (A,) 0..1, by vigilance
    controls: Floats | None = None  # (N, K) 1 holds, 0 does not, nan unknown

    def __post_init__(self) -> None:
        if self.marked.ndim != 2 or not len(self.item) == len(self.worker) == len(self.marked):
            raise ValueError("item, worker and marked differ in length")

    @property
    def labels(self) -> int:
        return int(self.marked.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Beliefs about which labels hold, and about workers."""

    holds: Floats  # (N, K) probability of each label
    prior: Floats  # (K,) how often each label holds
    sees: Floats  # (W, K) P(marked | holds)
    imagines: Floats  # (W, K) P(marked | does not hold)
    sweeps: int
    common: Floats  # (K, 2) how often an average worker imagines and sees each label
    strength: tuple[float, float]  # answers that this is worth beside a worker's own, to what is absent and there

    def consensus(self) -> Bools:
        """(N, K) the labels that hold more likely than not: the likeliest set."""
        return np.asarray(self.holds > 0.5)

    def confidence(self) -> Floats:
        """(N,) probability that the likeliest set is exactly right."""
        found: Floats = np.maximum(self.holds, 1 - self.holds).prod(axis=1)
        return found

    def accuracy(self) -> Floats:
        """(W,) how often a mark or its absence is right, over all labels."""
        found: Floats = (self.prior * self.sees + (1 - self.prior) * (1 - self.imagines)).mean(axis=1)
        return found


@dataclass(slots=True, eq=False)
class Half:
    """What is believed of marks where labels hold, or of those where they do not."""

    pi: Floats  # (K,)
    start: Floats  # (K,)
    shift: Floats  # (W,)
    theta: Floats  # (W, K)
    spread: float = SPREAD
    stray: float = 8.0


def refit(table: MarkTable, sweeps: int = 100) -> Marks:
    """All beliefs from all answers."""
    weight = np.ones(len(table.item)) if table.weight is None else table.weight
    share = (_sums(np.zeros_like(table.item), weight, table.marked, 1)[0] + 0.5) / (weight.sum() + 1)
    sees, imagines = _half(np.full(table.labels, MOST_SEEN), table), _half(share / 2, table)
    said = np.bincount(table.item, weight, table.n_items)[:, None]
    votes = _sums(table.item, weight, table.marked, table.n_items)
    q = _known((votes + share) / (said + 1), table.controls)
    heard, prior, done = said[:, 0] > 0, share, 0
    for done in range(1, sweeps + 1):
        _learn(sees, table, weight, q, done > 5)
        _learn(imagines, table, weight, 1 - q, done > 5)
        n = max(int(heard.sum()), 1)
        prior = np.clip((q[heard].sum(axis=0) + n * share + 0.5) / (2 * n + 1), 1e-6, 1 - 1e-6)
        new = _known(_sigmoid(_logit(prior) + _odds(table, weight, sees.theta, imagines.theta)), table.controls)
        moved = np.abs(new - q)
        q = new
        if done > 10 and (float(moved.max(initial=0.0)) < 1e-3 or float(moved.mean()) < 1e-4):
            break
    common = np.stack([imagines.pi, sees.pi], axis=1)
    return Marks(q, prior, sees.theta, imagines.theta, done, common, (imagines.stray, sees.stray))


def _half(start: Floats, table: MarkTable) -> Half:
    w = table.n_workers
    return Half(start.copy(), start, np.zeros(w), np.tile(start, (w, 1)))


def _learn(half: Half, table: MarkTable, weight: Floats, q: Floats, estimate: bool) -> None:
    """One M step: pool, the workers' shifts, and so theta; `q` (N, K) the belief in this half."""
    w = table.n_workers
    total, hits = np.empty((w, table.labels)), np.empty((w, table.labels))
    for k in range(table.labels):
        mass = q[:, k].take(table.item) * weight
        total[:, k] = np.bincount(table.worker, mass, w)
        hits[:, k] = np.bincount(table.worker, mass * table.marked[:, k], w)
    half.pi = (hits.sum(axis=0) + ANCHOR * half.start) / (total.sum(axis=0) + ANCHOR)
    base = _logit(half.pi)
    for _ in range(3):
        chance = _sigmoid(base + half.shift[:, None])
        slope = (hits - total * chance).sum(axis=1) - half.shift / half.spread
        curve = (total * chance * (1 - chance)).sum(axis=1) + 1 / half.spread
        half.shift = np.clip(half.shift + np.clip(slope / curve, -1.0, 1.0), -4.0, 4.0)
    centre = np.clip(_sigmoid(base + half.shift[:, None]), 1e-4, 1 - 1e-4)
    if estimate and w:
        half.spread = float(np.clip((half.shift**2 + 1 / curve).mean(), 0.05, 4.0))
        rows = np.stack([hits.ravel(), (total - hits).ravel()], axis=1)
        middle = np.stack([centre.ravel(), 1 - centre.ravel()], axis=1)
        half.stray = strength(np.maximum(rows, 0.0), middle, half.stray, low=1.0, high=300.0)
    half.theta = (hits + half.stray * centre) / (total + half.stray)


def _odds(table: MarkTable, weight: Floats, sees: Floats, imagines: Floats) -> Floats:
    """(N, K) log odds that the answers lend to each label."""
    yes, no = np.log(sees) - np.log(imagines), np.log1p(-sees) - np.log1p(-imagines)
    found = np.empty((table.n_items, table.labels))
    for k in range(table.labels):
        voice = np.where(table.marked[:, k], yes[:, k].take(table.worker), no[:, k].take(table.worker))
        found[:, k] = np.bincount(table.item, weight * voice, table.n_items)
    return found


def _sums(group: Ints, weight: Floats, marked: Bools, n: int) -> Floats:
    """(n, K) weights of marks by group."""
    found = np.empty((n, marked.shape[1]))
    for k, column in enumerate(marked.T):
        found[:, k] = sums(group, weight * column, n)
    return found


def _known(q: Floats, controls: Floats | None) -> Floats:
    return q if controls is None else np.where(np.isfinite(controls), np.nan_to_num(controls), q)


def _logit(p: Floats) -> Floats:
    found: Floats = np.log(p) - np.log1p(-p)
    return found


def _sigmoid(x: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return found
