"""Other kinds of answers through the same beliefs: several labels at once, ratings, which of two is better.

Ratings are read by the committee as categories (its matrices learn that neighbours are confused) and summarised by the
posterior median, the estimate of least mean absolute error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.inference.table import AnswerTable, Bools, Floats, Ints


def choices(item: Ints, worker: Ints, chosen: Bools, items: int, workers: int) -> AnswerTable:
    """The table of multi-label answers, chosen (A, K): item i's label k becomes yes/no item i * K + k, and every worker
    has one belief for all labels."""
    answers, k = chosen.shape
    return AnswerTable.of_labels(
        (item[:, None] * k + np.arange(k)).reshape(-1),
        np.repeat(worker, k),
        chosen.astype(np.int64).reshape(answers * k),
        2,
        items * k,
        workers,
    )


def chosen(posteriors: Floats, labels: int, threshold: float = 0.5) -> Bools:
    """(N, K) which labels each item has, from the posteriors (N * K, 2) of a table of `choices`."""
    found: Bools = np.asarray(posteriors[:, 1].reshape(-1, labels) >= threshold, dtype=bool)
    return found


def ratings(posteriors: Floats, mass: float = 0.9) -> tuple[Ints, Ints, Ints]:
    """(N,) median grade, and the grades between which the truth lies with this chance; grades in ascending order."""
    below = np.cumsum(posteriors, axis=1)
    cuts = (0.5, (1 - mass) / 2, (1 + mass) / 2)
    median, low, high = ((below < cut - 1e-12).sum(axis=1).clip(0, posteriors.shape[1] - 1) for cut in cuts)
    return median, low, high


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Worth of each item, and how far each worker's comparisons can be trusted."""

    score: Floats  # (N,) log worth, mean 0
    trust: Floats  # (W,) chance that a worker reports the better one as better


def ranked(better: Ints, worse: Ints, worker: Ints, items: int, workers: int, sweeps: int = 200) -> Ranking:
    """Bradley-Terry with worker reliability: P(w says i over j) is t_w s(i - j) + (1 - t_w) s(j - i), s logistic.

    A draw against an imaginary item of worth 0 keeps scores finite; trust has a Beta(8, 2) prior.
    Source: Chen et al. 2013, doi:10.1145/2433396.2433420 (Crowd-BT). Deviation: EM with Newton-like steps, not online.
    """
    score, trust = np.zeros(items), np.full(workers, 0.8)
    for _ in range(sweeps):
        sigma = 1 / (1 + np.exp(score[worse] - score[better]))
        honest = trust[worker] * sigma
        honest = honest / np.maximum(honest + (1 - trust[worker]) * (1 - sigma), 1e-12)
        slope = honest - sigma  # (A,) of the expected log likelihood, by score[better]
        own = 1 / (1 + np.exp(-score))
        up = np.bincount(better, slope, items) - np.bincount(worse, slope, items) + (0.5 - own)
        bend = sigma * (1 - sigma)
        curve = np.bincount(better, bend, items) + np.bincount(worse, bend, items) + own * (1 - own)
        step = up / np.maximum(2 * curve, 1e-6)
        score = score + np.clip(step, -1, 1)
        total = np.bincount(worker, minlength=workers)
        trust = (np.bincount(worker, honest, workers) + 7) / (total + 8)
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    return Ranking(score - score.mean() if items else score, trust)
