"""Pairs ("A or B?"): scores of items by Bradley-Terry, under the reliability of each worker.

    P(worker w says that i beats j) = eta_w sigmoid(s_i - s_j) + (1 - eta_w) sigmoid(s_j - s_i)
    s_i ~ N(0, SPREAD^2),  eta_w ~ Beta

The next pair is the one whose answer is expected to tell most about who beats whom.
Source: Chen et al. 2013 (Crowd-BT), doi:10.1145/2433396.2433420, equations 3-6. Deviations: batch EM with a normal
prior in place of online moment matching and of the virtual node; the worth of a pair is the mutual information
between the answer and the scores, not the expected Kullback-Leibler divergence of all beliefs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.inference.sparse import sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPREAD = 2.0  # standard deviation of scores before any answer, in log odds
HONEST, AGAINST = 8.0, 1.0  # Beta prior of eta
POINTS, MASSES = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """Answers that each say which of two items is more."""

    winner: Ints  # (A,) 0..n_items-1
    loser: Ints  # (A,)
    worker: Ints  # (A,) 0..n_workers-1
    n_items: int
    n_workers: int
    weight: Floats | None = None  # (A,) 0..1, by vigilance

    def __post_init__(self) -> None:
        if not len(self.winner) == len(self.loser) == len(self.worker):
            raise ValueError("winner, loser and worker differ in length")
        if (self.winner == self.loser).any():
            raise ValueError("an item cannot be compared with itself")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Beliefs about the scores of items and about workers."""

    mean: Floats  # (N,) log odds, around 0
    deviation: Floats  # (N,) standard deviation of the belief
    eta: Floats  # (W,) how often a worker answers by the scores, not against them
    sweeps: int

    def beats(self, i: Ints, j: Ints) -> Floats:
        """(P,) probability that a perfect worker says that i beats j."""
        return _expected(self.mean[i] - self.mean[j], self.deviation[i] ** 2 + self.deviation[j] ** 2)[0]

    def ranking(self) -> Ints:
        """(N,) items, the best first."""
        return np.argsort(-self.mean, kind="stable")


def refit(table: PairTable, sweeps: int = 200) -> Scores:
    """All beliefs from all answers; items and workers without answers stay at the prior."""
    weight = np.ones(len(table.winner)) if table.weight is None else table.weight
    s = np.zeros(table.n_items)
    eta = np.full(table.n_workers, HONEST / (HONEST + AGAINST))
    along = weight * eta[table.worker]
    done = 0
    for done in range(1, sweeps + 1):
        before = s
        s = _scores(table, along, weight - along, s)
        by_scores = _sigmoid(s[table.winner] - s[table.loser])
        up = eta[table.worker] * by_scores
        along = weight * up / np.maximum(up + (1 - eta[table.worker]) * (1 - by_scores), 1e-300)
        right = np.bincount(table.worker, along, table.n_workers)
        total = np.bincount(table.worker, weight, table.n_workers)
        eta = (right + HONEST) / (total + HONEST + AGAINST)
        if done > 3 and float(np.abs(s - before).max(initial=0.0)) < 1e-5:
            break
    return Scores(s, _deviations(table, weight, eta, s), eta, done)


def worth(scores: Scores, i: Ints, j: Ints, eta: float = 1.0) -> Floats:
    """(P,) nats that one answer of a worker of reliability `eta` is expected to tell about each pair."""
    chance, doubt = _expected(scores.mean[i] - scores.mean[j], scores.deviation[i] ** 2 + scores.deviation[j] ** 2, eta)
    found: Floats = np.maximum(_entropy(chance) - doubt, 0.0)
    return found


def next_pair(scores: Scores, rng: np.random.Generator, eta: float = 1.0, draws: int = 2000) -> tuple[int, int]:
    """The pair worth asking; of many items `draws` random pairs are looked at. ValueError under two items."""
    n = len(scores.mean)
    if n < 2:
        raise ValueError("a pair needs two items")
    if n * (n - 1) // 2 <= draws:
        i, j = np.triu_indices(n, 1)
    else:
        i = rng.integers(0, n, draws)
        j = (i + rng.integers(1, n, draws)) % n
    value = worth(scores, i, j, eta)
    best = int(rng.choice(np.flatnonzero(value >= value.max() - 1e-12)))
    return int(i[best]), int(j[best])


def _scores(table: PairTable, along: Floats, against: Floats, s: Floats) -> Floats:
    """(N,) the scores of highest posterior: Newton steps, each solved by conjugate gradients over the answers."""
    for _ in range(3):
        chance = _sigmoid(s[table.winner] - s[table.loser])
        push = along * (1 - chance) - against * chance
        slope = _spread(table, push) - s / SPREAD**2
        bend = (along + against) * chance * (1 - chance)
        s = s + np.clip(_solved(table, bend, slope), -2.0, 2.0)
    return s


def _spread(table: PairTable, value: Floats) -> Floats:
    """(N,) sums of values (A,), with a plus for winners and a minus for losers."""
    n = table.n_items
    return sums(table.winner, value, n) - sums(table.loser, value, n)


def _solved(table: PairTable, bend: Floats, slope: Floats, steps: int = 50) -> Floats:
    """(N,) x with (B' diag(bend) B + I / SPREAD^2) x = slope, B the pairs."""
    x, r = np.zeros_like(slope), slope.copy()
    p, size = r.copy(), float(r @ r)
    for _ in range(steps):
        if size < 1e-16:
            break
        image = _spread(table, bend * (p[table.winner] - p[table.loser])) + p / SPREAD**2
        step = size / float(p @ image)
        x, r = x + step * p, r - step * image
        before, size = size, float(r @ r)
        p = r + (size / before) * p
    return x


def _deviations(table: PairTable, weight: Floats, eta: Floats, s: Floats) -> Floats:
    """(N,) from the diagonal of the information (Laplace); a lower bound, as scores of rivals are taken for known."""
    chance = _sigmoid(s[table.winner] - s[table.loser])
    sight = (2 * eta[table.worker] - 1) ** 2
    bend = weight * sight * chance * (1 - chance)
    n = table.n_items
    information = np.bincount(table.winner, bend, n) + np.bincount(table.loser, bend, n) + 1 / SPREAD**2
    return np.asarray(1 / np.sqrt(information))


def _expected(mean: Floats, variance: Floats, eta: float = 1.0) -> tuple[Floats, Floats]:
    """(P,) chance of the answer "i" and (P,) its expected entropy where the scores were known; Gauss-Hermite."""
    at = _sigmoid(mean[:, None] + np.sqrt(variance)[:, None] * POINTS)
    said = eta * at + (1 - eta) * (1 - at)
    masses = MASSES / MASSES.sum()
    return said @ masses, _entropy(said) @ masses


def _entropy(p: Floats) -> Floats:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-p * np.log(p) - (1 - p) * np.log1p(-p))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))
