"""The committee: the mean of five readings, and the beliefs about workers that the day goes on with.

No single model wins everywhere; their mistakes are of different kinds, so the mean of their posteriors is both more
often right and less sure than each (measured in tests/benchmarks/bench_beliefs.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from core.calibration import RECORDED, Calibration, Habits, fitted
from core.inference import coin, communities, readings
from core.inference.foretold import heat
from core.inference.readings import GRADED, HARD
from core.inference.sparse import Sparse, clamped, strength, sums
from core.inference.table import AnswerTable, Floats, Ints, Refit
from core.inference.untold import untold
from core.reliability import MATRIX_LABELS, Model, Pool

Member = Callable[[Sparse, Ints | None, Floats | None, Floats | None, int], tuple[Floats, int]]  # (C, N), sweeps

ACCURACY_PRIOR = 4.0  # answers
COMMITTEE: tuple[Member, ...] = (
    coin.read,
    communities.fit,
    partial(communities.fit, stray=False),
    partial(readings.fit, HARD),
    partial(readings.fit, GRADED),
)


def refit(
    table: AnswerTable,
    start: Pool | None = None,
    sweeps: int = 60,
    committee: tuple[Member, ...] = COMMITTEE,
    habits: Habits = RECORDED,
) -> Refit:
    """All beliefs from all answers; sane where there are none.

    Controls teach about the workers; how sure the committee may be is learnt from what it thinks of the controls
    before it is told, and from the `habits` of other campaigns. Without any, from how well the answers foretell each
    other. `start` gives the model and its strength to begin with.
    """
    begun = start or Pool.fresh(table.labels)
    sparse = Sparse.of(table)
    prior = None if table.suggestion is None else table.suggestion.T
    members = committee if table.labels <= MATRIX_LABELS else (coin.read,)
    q, warm, done = _read(members, sparse, None, prior, None, sweeps)
    calibration = None
    if table.controls is not None and (table.controls >= 0).any():
        calibration = fitted(*_hidden(members, table, prior, warm, sweeps), habits)
        q, _, more = _read(members, sparse, table.controls, prior, warm, sweeps)
        done += more
    return _concluded(table, sparse, begun, q, calibration, done)


def hidden(table: AnswerTable, sweeps: int = 60, committee: tuple[Member, ...] = COMMITTEE) -> tuple[Floats, Ints]:
    """(M, K) what is believed of the M answered controls while each is hidden, and (M,) their truth: all that
    calibration rests on."""
    prior = None if table.suggestion is None else table.suggestion.T
    members = committee if table.labels <= MATRIX_LABELS else (coin.read,)
    _, warm, _ = _read(members, Sparse.of(table), None, prior, None, sweeps)
    return _hidden(members, table, prior, warm, sweeps)


def _hidden(
    members: tuple[Member, ...], table: AnswerTable, prior: Floats | None, warm: list[Floats], sweeps: int
) -> tuple[Floats, Ints]:
    def read(part: AnswerTable) -> Floats:
        begin = [one.copy() for one in warm]  # a reading makes what is told certain, in place
        return _read(members, Sparse.of(part), part.controls, prior, begin, sweeps)[0]

    return untold(table, read)


def _read(
    members: tuple[Member, ...],
    sparse: Sparse,
    controls: Ints | None,
    prior: Floats | None,
    warm: list[Floats] | None,
    sweeps: int,
) -> tuple[Floats, list[Floats], int]:
    """(K, N) the mean of the members' beliefs, each one's own, and the sweeps that they took together."""
    before: list[Floats | None] = list(warm) if warm else [None] * len(members)
    own, mean, done = [], np.zeros((sparse.labels, sparse.n_items)), 0
    for member, start in zip(members, before, strict=True):
        classes, more = member(sparse, controls, prior, start, sweeps)
        own.append(classes)
        mean += classes.reshape(sparse.labels, len(classes) // sparse.labels, sparse.n_items).sum(axis=1)
        done += more
    return mean / len(own), own, done


def _concluded(
    table: AnswerTable, sparse: Sparse, begun: Pool, q: Floats, calibration: Calibration | None, done: int
) -> Refit:
    pool, counts = _workers(sparse, q, begun)
    chance = _chances(sparse, pool, counts)
    if calibration is None:
        calibration = _unguided(sparse, q, pool, counts, chance)
    pool = replace(pool, temperature=calibration.temperature, lapse=calibration.lapse)
    posteriors = np.ascontiguousarray(clamped(q, table.controls).T)
    method = "committee of five" if table.labels <= MATRIX_LABELS else "one accuracy"
    evidence = _predicted(sparse, q, chance)
    sure = clamped(np.ascontiguousarray(calibration.of(posteriors).T), table.controls)
    accuracy = _accuracy(sparse, sure)
    return Refit(pool, posteriors, np.ascontiguousarray(sure.T), counts, accuracy, evidence, method, done)


def _accuracy(sparse: Sparse, sure: Floats) -> Floats:
    """(W, 3) how often each worker is right, from beliefs as sure as may be claimed (K, N).

    The interval has the worker's own sampling error, and half the crowd's doubt: where the items are uncertain, all
    workers may be judged too high or too low together.
    """
    label = sparse.slot_cell % sparse.labels
    hit = np.zeros(len(sparse.pair_worker))
    by_pair = sparse.by_pair(sure)
    np.add.at(hit, sparse.slot_pair, by_pair[label, sparse.slot_pair])
    right = sums(sparse.pair_worker, hit, sparse.n_workers)
    total = sums(sparse.pair_worker, sparse.mass(np.ones(len(sparse.item))), sparse.n_workers)
    crowd = float((right.sum() + 1.4) / (total.sum() + 2))
    mean = np.clip((right + ACCURACY_PRIOR * crowd) / (total + ACCURACY_PRIOR), 1e-6, 1 - 1e-6)
    doubt = 0.5 * float(1 - sure.max(axis=0).mean()) if sure.size else 0.0
    deviation = np.sqrt(mean * (1 - mean) / (total + ACCURACY_PRIOR + 1) + doubt**2) / (mean * (1 - mean))
    middle = np.log(mean / (1 - mean))
    low, high = 1 / (1 + np.exp(1.96 * deviation - middle)), 1 / (1 + np.exp(-1.96 * deviation - middle))
    return np.stack([mean, low, high], axis=1)


def _chances(sparse: Sparse, pool: Pool, counts: Floats) -> Floats:
    """(K, U) P(evidence | label) of each pair of worker and evidence, as the pool and the worker's counts have it."""
    if pool.model is Model.ACCURACY:
        right = (counts[:, 0] + pool.strength * pool.accuracy) / (counts.sum(axis=1) + pool.strength)
        pattern = np.array(pool.confusion) * (1 - np.eye(sparse.labels))
        pattern /= np.maximum(pattern.sum(axis=1, keepdims=True), 1e-12)
        return coin.chance(sparse, right, 1 - right, pattern)
    theta = counts.reshape(-1, sparse.labels, sparse.labels).transpose(1, 0, 2)
    theta = theta + pool.strength * np.array(pool.confusion)[:, None, :]
    return np.asarray(np.exp(sparse.pair_log(theta / theta.sum(axis=2, keepdims=True))))


def _unguided(sparse: Sparse, q: Floats, pool: Pool, counts: Floats, chance: Floats) -> Calibration:
    """How sure the beliefs may be called where no control guides: as ever, or less where answers foretell each other
    badly. Above MATRIX_LABELS labels as ever: no recorded crowd tells."""
    usual = Calibration()
    if pool.model is Model.ACCURACY:
        return usual
    heard = counts.reshape(-1, sparse.labels, sparse.labels).sum(axis=2).T + pool.strength
    return replace(usual, temperature=usual.temperature * heat(sparse, q, chance, heard))


def _predicted(sparse: Sparse, q: Floats, chance: Floats) -> float:
    """Log likelihood (nats) of every answer given the others: p(a | rest) = 1 / E_q[1 / P(a | k)] (Gelfand 1996)."""
    doubt = sum(
        (q[k].take(sparse.item) / np.maximum(chance[k].take(sparse.pair), 1e-12) for k in range(sparse.labels)),
        np.zeros(len(sparse.item)),
    )
    return -float(np.log(np.maximum(doubt, 1e-12)).sum())


def _workers(sparse: Sparse, q: Floats, begun: Pool) -> tuple[Pool, Floats]:
    """The pool and every worker's soft counts, given what is believed of the items."""
    k = sparse.labels
    theta = np.repeat(np.array(begun.confusion)[:, None, :], sparse.n_workers, axis=1) if not sparse.single else q
    if begun.model is Model.ACCURACY:
        return _accuracies(sparse, q, begun)
    counts = sparse.counts(sparse.by_pair(q), theta)  # (K, W, K)
    pooled = counts.sum(axis=1) + 2.0 * np.array(Pool.fresh(k).confusion)
    pooled /= pooled.sum(axis=1, keepdims=True)
    s = begun.strength
    for _ in range(3):
        s = strength(counts.reshape(-1, k), np.repeat(pooled, sparse.n_workers, axis=0), s, low=1.0, high=100.0)
    pool = replace(begun, prior=_prior(q), confusion=_rows(pooled), strength=s)
    return pool, counts.transpose(1, 0, 2).reshape(sparse.n_workers, k * k)


def _accuracies(sparse: Sparse, q: Floats, begun: Pool) -> tuple[Pool, Floats]:
    k = sparse.labels
    total = sums(sparse.pair_worker, sparse.mass(np.ones(len(sparse.item))), sparse.n_workers)
    _, accuracy, errors, _ = coin.fit(sparse, None, None, q.copy(), 1)
    hits = np.minimum(accuracy * total, total)
    mean = float((hits.sum() + 7) / (total.sum() + 10))
    rows = np.stack([hits, total - hits], axis=1)
    s = strength(rows, np.array([mean, 1 - mean]), begun.strength, high=100.0, steps=5)
    pooled = errors * (1 - mean) + np.eye(k) * mean
    return replace(begun, prior=_prior(q), confusion=_rows(pooled), strength=s), rows


def _prior(q: Floats) -> tuple[float, ...]:
    mass = q.sum(axis=1) + 1.0
    return tuple((mass / mass.sum()).tolist())


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
