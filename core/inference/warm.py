"""A refit of what changed: new answers move their items and their workers, nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.inference.committee import refit
from core.inference.sparse import Sparse, clamped, softmax
from core.inference.table import AnswerTable, Bools, Floats, Refit
from core.reliability import Model, Pool


def freshened(before: Refit, table: AnswerTable, since: int) -> Refit:
    """The beliefs after the answers from index `since` on, given `before` of the answers up to there.

    Items are judged exactly by the workers' reliabilities of before, as by day; then those workers' counts move with
    their items. A full refit later corrects what this leaves. Answers must be appended, and items and workers too.
    """
    pool = before.pool
    if pool.model is not Model.MATRIX or len(before.posteriors) > table.n_items:
        return refit(table, pool)
    changed = np.zeros(table.n_items, dtype=bool)
    changed[table.item[since:]] = True
    touched = changed[table.item]
    old = touched & (np.arange(len(table.item)) < since)
    k = table.labels
    counts = np.zeros((table.n_workers, k * k))
    counts[: len(before.counts)] = before.counts
    theta = _theta(counts, pool)
    q = np.tile(pool.prior, (table.n_items, 1))
    q[: len(before.posteriors)] = before.posteriors
    part = Sparse.of(_only(table, touched))
    prior = table.suggestion.T if table.suggestion is not None else np.array(pool.prior)[:, None]
    new, _ = softmax(part.by_item(part.pair_log(theta)) + np.log(np.maximum(prior, 1e-12)))
    new = clamped(new, table.controls)
    past = Sparse.of(_only(table, old))
    gained = part.counts(part.by_pair(new), theta) - past.counts(past.by_pair(np.ascontiguousarray(q.T)), theta)
    counts = np.maximum(counts + gained.transpose(1, 0, 2).reshape(counts.shape), 0.0)
    q[changed] = new.T[changed]
    sure = q ** (1 / pool.temperature)
    sure = (1 - pool.lapse) * sure / sure.sum(axis=1, keepdims=True) + pool.lapse / k
    return replace(before, posteriors=q, calibrated=sure, counts=counts, method=before.method + ", freshened")


def _theta(counts: Floats, pool: Pool) -> Floats:
    k = pool.labels
    theta = counts.reshape(-1, k, k).transpose(1, 0, 2) + pool.strength * np.array(pool.confusion)[:, None, :]
    found: Floats = theta / theta.sum(axis=2, keepdims=True)
    return found


def _only(table: AnswerTable, keep: Bools) -> AnswerTable:
    return replace(
        table,
        item=table.item[keep],
        worker=table.worker[keep],
        evidence=table.evidence[keep],
        weight=None if table.weight is None else table.weight[keep],
    )
