"""All answers -> all beliefs: the batch twin of the day's updates.

Hierarchical Dawid-Skene by collapsed variational Bayes (CVB0): an item is judged by worker statistics that
exclude that item, so that its own answers do not vote on the workers who then vote on it.
Source: Dawid and Skene 1979, doi:10.2307/2346806; Asuncion et al. 2009, arXiv:1205.2662 (CVB0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.reliability import Model, Pool, Reliability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class AnswerTable:
    """All answers of a campaign, sparse: answer a says that item[a]'s label is in sets[evidence[a]]."""

    item: Ints  # (A,) 0..n_items-1
    worker: Ints  # (A,) 0..n_workers-1
    evidence: Ints  # (A,) row of `sets`
    sets: Bools  # (S, K) each row a non-empty set of labels
    n_items: int
    n_workers: int
    weight: Floats | None = None  # (A,) 0..1, by vigilance
    controls: Ints | None = None  # (N,) the known label, -1 where unknown
    suggestion: Floats | None = None  # (N, K) prior of each item, rows sum to 1; the class prior where None

    def __post_init__(self) -> None:
        if self.sets.ndim != 2 or not self.sets.any(axis=1).all():
            raise ValueError("every evidence set needs at least one label")
        if not len(self.item) == len(self.worker) == len(self.evidence):
            raise ValueError("item, worker and evidence differ in length")
        for name, column, end in (
            ("item", self.item, self.n_items),
            ("worker", self.worker, self.n_workers),
            ("evidence", self.evidence, len(self.sets)),
        ):
            if len(column) and (column.min() < 0 or column.max() >= end):
                raise ValueError(f"{name} has an index outside 0..{end - 1}")

    @property
    def labels(self) -> int:
        return int(self.sets.shape[1])

    @classmethod
    def of_labels(
        cls, item: Ints, worker: Ints, label: Ints, labels: int, n_items: int, n_workers: int, **rest: Any
    ) -> AnswerTable:
        """The table of answers that each name one label (A,)."""
        return cls(item, worker, label, np.eye(labels, dtype=bool), n_items, n_workers, **rest)


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """Every belief of a campaign."""

    pool: Pool
    posteriors: Floats  # (N, K), rows sum to 1
    calibrated: Floats  # (N, K), rows sum to 1: as sure as may be claimed
    counts: Floats  # (W, K*K) or (W, 2): soft counts of `Reliability`
    log_likelihood: float  # nats, of all answers given the beliefs about workers
    method: str
    sweeps: int

    @property
    def temperature(self) -> float:
        return self.pool.temperature

    def reliability(self, worker: int) -> Reliability:
        """The belief about one worker, as the day uses it."""
        return Reliability(tuple(self.counts[worker].tolist()))


def refit(table: AnswerTable, start: Pool | None = None, sweeps: int = 40, tolerance: float = 1e-4) -> Refit:
    """All beliefs from all answers; `start` warms the pool up. Sane where there are no answers at all."""
    pool = start or Pool.fresh(table.labels)
    q = _votes(table)
    size = table.labels**2 if pool.model is Model.MATRIX else 2
    counts, done = np.zeros((table.n_workers, size)), 0
    for done in range(1, sweeps + 1):  # noqa: B007
        counts = _counts(table, q, pool)
        pool = _pooled(table, q, counts, pool)
        new, _ = _judge(table, q, counts, pool)
        moved = float(np.abs(new - q).max()) if len(q) else 0.0
        q = new
        if moved < tolerance:
            break
    counts = _counts(table, q, pool)
    q, evidence = _judge(table, q, counts, pool)
    cool = q ** (1 / pool.temperature)
    cool /= cool.sum(axis=1, keepdims=True)
    return Refit(pool, q, cool, counts, evidence, f"hierarchical {pool.model.value}", done)


def _votes(table: AnswerTable) -> Floats:
    """(N, K) shares of the votes, a set's vote spread over its labels, smoothed by the overall shares."""
    sizes = table.sets.sum(axis=1, keepdims=True)
    share = (table.sets / sizes)[table.evidence]
    if table.weight is not None:
        share = share * table.weight[:, None]
    votes = _by(table.item, share, table.n_items)
    overall = (votes.sum(axis=0) + 1) / (votes.sum() + table.labels)
    votes = votes + overall * (1.0 if table.suggestion is None else table.suggestion * table.labels)
    return _clamped(votes / votes.sum(axis=1, keepdims=True), table.controls)


def _by(group: Ints, rows: Floats, n: int) -> Floats:
    """(n, columns) sums of rows by group."""
    return np.stack([np.bincount(group, rows[:, j], n) for j in range(rows.shape[1])], axis=1)


def _clamped(q: Floats, controls: Ints | None) -> Floats:
    if controls is None:
        return q
    known = np.flatnonzero(controls >= 0)
    q[known] = 0.0
    q[known, controls[known]] = 1.0
    return q


def _parts(table: AnswerTable, q: Floats, pool: Pool) -> Floats:
    """(A, columns) what each answer adds to its worker's soft counts, given beliefs q about the items."""
    k = table.labels
    pi = np.array(pool.confusion)  # (K, K)
    weight = np.ones(len(table.item)) if table.weight is None else table.weight
    if k > 1:
        unsure: Bools = table.sets.all(axis=1)
        weight = weight * ~unsure[table.evidence]
    given = table.sets[:, None, :] * pi[None]  # (S, K, K)
    mass = given.sum(axis=2)  # (S, K)
    if pool.model is Model.ACCURACY:
        hit = (table.sets * np.diag(pi)) / np.maximum(mass, 1e-300)  # (S, K) P(named the truth | set, truth)
        right = weight * (q[table.item] * hit[table.evidence]).sum(axis=1)
        return np.stack([right, weight - right], axis=1)
    spread = given / np.maximum(mass, 1e-300)[:, :, None]  # (S, K, K)
    parts: Floats = (weight[:, None] * q[table.item])[:, :, None] * spread[table.evidence]
    return parts.reshape(-1, k * k)


def _counts(table: AnswerTable, q: Floats, pool: Pool) -> Floats:
    return _by(table.worker, _parts(table, q, pool), table.n_workers)


def _pooled(table: AnswerTable, q: Floats, counts: Floats, pool: Pool) -> Pool:
    """The pool with its class prior and confusion estimated from the soft counts."""
    k = table.labels
    prior = q.sum(axis=0) + 1.0
    prior /= prior.sum()
    parts = counts if pool.model is Model.MATRIX else _parts(table, q, replace(pool, model=Model.MATRIX))
    total = parts.sum(axis=0).reshape(k, k) + 2.0 * np.array(Pool.fresh(k).confusion)
    rows = total / total.sum(axis=1, keepdims=True)
    return replace(pool, prior=tuple(prior.tolist()), confusion=tuple(map(tuple, rows.tolist())))


def _judge(table: AnswerTable, q: Floats, counts: Floats, pool: Pool) -> tuple[Floats, float]:
    """(N, K) beliefs about items, each by worker counts that exclude it, and the log likelihood in nats."""
    k, s = table.labels, pool.strength
    pi = np.array(pool.confusion)
    rest = np.maximum(counts[table.worker] - _parts(table, q, pool), 0.0)  # (A, columns)
    if pool.model is Model.MATRIX:
        theta = rest.reshape(-1, k, k) + s * pi
        theta /= theta.sum(axis=2, keepdims=True)
        chance = np.einsum("akj,aj->ak", theta, table.sets[table.evidence].astype(float))
    else:
        right = (rest[:, :1] + s * pool.accuracy) / (rest.sum(axis=1, keepdims=True) + s)  # (A, 1)
        wrong = (1 - right) / np.maximum(1 - np.diag(pi), 1e-12)
        inside = table.sets * np.diag(pi)  # (S, K)
        mass = table.sets.astype(float) @ pi.T
        chance = (mass - inside)[table.evidence] * wrong + table.sets[table.evidence] * right
    log_chance = np.log(np.maximum(chance, 1e-300))
    if table.weight is not None:
        log_chance *= table.weight[:, None]
    prior = np.array(pool.prior) if table.suggestion is None else table.suggestion
    log_prior = np.log(np.maximum(prior, 1e-12))
    log_q = _by(table.item, log_chance, table.n_items) + log_prior
    top = log_q.max(axis=1, keepdims=True)
    new = np.exp(log_q - top)
    total = new.sum(axis=1, keepdims=True)
    return _clamped(new / total, table.controls), float((top + np.log(total)).sum())
