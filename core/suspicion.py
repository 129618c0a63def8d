"""What beliefs tell about a worker's good faith: missed controls, answers that ignore the item, runs of one button.

Each compares two explanations of what a worker did, the honest one being a worker as the crowd has them (for controls
the least honest of them, `core/suspension.py`), and starts from the same share of random answerers. A flag asks a
control first; it takes no answer away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.inference.table import AnswerTable, Refit
from core.reliability import Model, Pool
from core.rings import kept
from core.suspension import honest_level, step
from core.vigilance import Flag
from core.worker import Reason

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RANDOM = 0.1  # share of workers who answer at random, before anything is known
SPAMMER = 0.5  # of the crowd's own score: a worker above tells enough about the items
FALSE = 0.01  # share of the flags for runs that may be chance


def suspected(table: AnswerTable, found: Refit) -> tuple[Flag, ...]:
    """The flags of all workers; `table` as the answers came, in the order of their coming."""
    if table.labels < 2 or not len(table.item):
        return ()
    label = table.sets.argmax(axis=1)[table.evidence]
    label[table.sets.sum(axis=1)[table.evidence] > 1] = -1
    told = (label >= 0) & not_everything(table)
    level = honest_level(found.pool)
    flags = []
    if table.controls is not None:
        here = told & (table.controls[table.item] >= 0)
        truth = table.controls[table.item[here]]
        strength = missed(table.worker[here], label[here], truth, table.n_workers, table.labels, level)
        flags += _flags(strength, Reason.MISSED)
    flags += _flags(alike(found.counts, found.pool, level), Reason.ALIKE)
    flags += _flags(runs(table.worker[told], label[told], table.item[told], found, table.n_workers), Reason.RUNS)
    return tuple(flags)


def not_everything(table: AnswerTable) -> NDArray[np.bool_]:
    """(A,) whether an answer says anything."""
    everything: NDArray[np.bool_] = np.asarray(table.sets.all(axis=1), dtype=bool)
    return ~everything[table.evidence]


def missed(worker: Ints, label: Ints, truth: Ints, workers: int, labels: int, level: float) -> Floats:
    """(W,) chance that a worker's controls were answered at random, each class of controls counting alike: somebody
    who always says the commonest label is no better than chance."""
    count = np.bincount(truth, minlength=labels)
    weight = count[count > 0].min(initial=len(truth)) / np.maximum(count, 1)
    nats = np.where(label == truth, step(True, labels, level), step(False, labels, level)) * weight[truth]
    return _chance(np.bincount(worker, nats, workers).astype(np.float64), np.bincount(worker, minlength=workers))


def alike(counts: Floats, pool: Pool, level: float) -> Floats:
    """(W,) chance that a worker's answers do not depend on the items, from soft counts (W, K*K) or (W, 2).

    0 for those whose score (`spammer_scores`) is above `SPAMMER` times the crowd's.
    """
    k = pool.labels
    if pool.model is Model.ACCURACY:
        nats = counts @ np.array([step(True, k, level), step(False, k, level)])
        return _chance(nats, counts.sum(axis=1))
    theta = counts.reshape(-1, k, k)
    share, honest = np.array(pool.prior) @ np.array(pool.confusion), np.array(pool.confusion)
    total = theta.sum(axis=(1, 2))
    habit = (theta.sum(axis=1) + share) / (total + 1)[:, None]
    nats = (theta.sum(axis=1) * np.log(np.maximum(habit, 1e-12))).sum(axis=1)
    nats -= (theta * np.log(np.maximum(honest, 1e-12))).sum(axis=(1, 2))
    nats -= (k - 1) / 2 * np.log(np.maximum(total, 1.0))  # the habit is fitted to these very answers
    own = spammer_scores(theta + habit[:, None])  # a class never met tells nothing: its row is the habit
    crowd = spammer_scores(np.array([pool.confusion]))[0]
    return _chance(np.where(own < SPAMMER * crowd, nats, -np.inf), total)


def spammer_scores(theta: Floats) -> Floats:
    """(W,) 0 (rows all alike: answers say nothing) .. 1 (always right), from matrices (W, K, K) up to their rows' sums.

    Source: Raykar and Yu 2012 (JMLR 13:491), equation 12.
    """
    k = theta.shape[1]
    if k < 2:
        return np.ones(len(theta))
    theta = theta / np.maximum(theta.sum(axis=2, keepdims=True), 1e-12)
    square = k * (theta**2).sum(axis=(1, 2)) - (theta.sum(axis=1) ** 2).sum(axis=1)  # sum over pairs of rows
    found: Floats = np.clip(square / (k * (k - 1)), 0.0, 1.0)
    return found


def runs(worker: Ints, label: Ints, item: Ints, found: Refit, workers: int) -> Floats:
    """(W,) 1 minus the chance of a worker's most surprising run of one label, 0 where it may be chance.

    An answer of a run is as likely as the worker's own habit or the belief about the item makes it, whichever is more:
    neither a habit nor a row of items with the same label is a surprise.
    """
    if not len(worker):
        return np.zeros(workers)
    order = np.argsort(worker, kind="stable")
    worker, label, item = worker[order], label[order], item[order]
    k = found.posteriors.shape[1]
    total = np.bincount(worker, minlength=workers)
    habit = (np.bincount(worker * k + label, minlength=workers * k).reshape(workers, k) + 1) / (total + k)[:, None]
    likely = np.maximum(habit[worker, label], found.posteriors[item, label])
    first = np.flatnonzero(np.diff(worker, prepend=-1).astype(bool) | np.diff(label, prepend=-1).astype(bool))
    length = np.diff(np.append(first, len(worker)))
    nats = np.add.reduceat(-np.log(np.maximum(likely, 1e-12)), first)
    nats -= np.log(total[worker[first]] - length + 1)  # places where it could have begun
    best = np.zeros(workers)
    np.maximum.at(best, worker[first], nats)
    chance = np.exp(-best)
    return np.where(kept(chance, FALSE), 1 - chance, 0.0)


def _chance(nats: Floats, seen: Floats | Ints) -> Floats:
    """(W,) posterior chance of the suspicious explanation; 0 for those of whom nothing was seen."""
    odds = np.clip(nats + math.log(RANDOM / (1 - RANDOM)), -500, 500)
    found: Floats = np.where(seen > 0, 1 / (1 + np.exp(-odds)), 0.0)
    return found


def _flags(strength: Floats, reason: Reason) -> list[Flag]:
    return [Flag(int(w), reason, float(strength[w])) for w in np.flatnonzero(strength > 0.5)]
