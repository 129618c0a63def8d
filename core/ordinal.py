"""Ratings: labels 0..K-1 in order; a worker who errs is likelier to be one step off than two.

    P(l | k, w) = theta_w[k, l],  theta_w[k, .] ~ Dirichlet(s c_w[k, .])
    c_w[k, l] proportional to pi[k, l]^g_w exp(h_w[l]),   g_w ~ N(1, .),  h_w ~ N(0, .)

pi is the crowd's pattern, with a prior that falls off with the distance |k - l|; g_w is how sharp a worker's eye is (0:
answers do not depend on the item) and h_w their habit, so that a few answers tell a spammer from a harsh judge. The
belief is the mean of this reading and of the committee that does not know of the order: their mistakes are of
different kinds. Consensus is the posterior median, which expects the least absolute error, with its interval.
Source: Zhou et al. 2014 (PMLR 32:255; ordinal structure, a log-linear worker); Dawid and Skene 1979,
doi:10.2307/2346806. Deviations: EM with normal priors of estimated width, no minimax; order is a prior that answers may
overrule; no difficulty of single items (tried, worse).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.calibration import Calibration
from core.inference.committee import refit as committee
from core.inference.sparse import Sparse, clamped, softmax, strength
from core.inference.table import AnswerTable, Floats, Ints
from core.reliability import Pool

WIDTH = 0.5  # steps in which the prior of pi falls off by a factor of e
ANCHOR = 20.0  # answers' worth of belief in that prior, for each label
WARM = 8  # sweeps before strengths are estimated


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Beliefs about the ratings of items, and about workers."""

    posteriors: Floats  # (N, K), rows sum to 1
    calibrated: Floats  # (N, K), rows sum to 1: as sure as may be claimed
    confusion: Floats  # (W, K, K) P(answer | truth), rows sum to 1
    sharpness: Floats  # (W,) 0 blind .. 1 as the crowd .. sharper
    pattern: Floats  # (K, K) the crowd's, rows sum to 1
    prior: Floats  # (K,), sums to 1
    sweeps: int

    def median(self) -> Ints:
        """(N,) the posterior median."""
        return self.quantile(0.5)

    def quantile(self, p: float) -> Ints:
        """(N,) the least label that the rating stays at or under with probability p."""
        last = self.posteriors.shape[1] - 1
        return np.asarray((self.posteriors.cumsum(axis=1) < p - 1e-9).sum(axis=1).clip(max=last))

    def interval(self, mass: float = 0.95) -> tuple[Ints, Ints]:
        """(N,) and (N,): lowest and highest label of the central credible interval."""
        return self.quantile((1 - mass) / 2), self.quantile((1 + mass) / 2)

    def accuracy(self) -> Floats:
        """(W,) how often each worker gives exactly the right label."""
        found: Floats = np.einsum("k,wkk->w", self.prior, self.confusion)
        return found


@dataclass(slots=True, eq=False)
class Eyes:
    """What is believed about the workers, while it sweeps."""

    pattern: Floats  # (K, K)
    start: Floats  # (K, K) its prior
    sharp: Floats  # (W,)
    habit: Floats  # (W, K)
    theta: Floats  # (K, W, K)
    sharp_spread: float = 0.5  # variances between workers
    habit_spread: float = 1.0
    stray: float = 8.0

    def centre(self) -> Floats:
        """(K, W, K) what workers do who do not stray."""
        log = np.log(np.maximum(self.pattern, 1e-6))
        x = self.sharp[None, :, None] * log[:, None, :] + self.habit[None]
        x = np.exp(x - x.max(axis=2, keepdims=True))
        return np.asarray(x / x.sum(axis=2, keepdims=True))


def banded(labels: int, width: float = WIDTH) -> Floats:
    """(K, K) rows that fall off by a factor of e for each `width` steps from the diagonal and sum to 1."""
    place = np.arange(labels)
    found = np.exp(-np.abs(place[:, None] - place[None]) / width)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def refit(table: AnswerTable, start: Pool | None = None, sweeps: int = 100) -> Ratings:
    """All beliefs from all answers; sane where there are none."""
    nominal = committee(table, start)
    own, eyes, done = _fit(table, Sparse.of(table), sweeps)
    posteriors = (nominal.posteriors + own.T) / 2
    claims = Calibration(nominal.pool.temperature, nominal.pool.lapse).of(posteriors)
    prior = (posteriors.sum(axis=0) + 1) / (len(posteriors) + table.labels)
    theta = np.ascontiguousarray(eyes.theta.transpose(1, 0, 2))
    return Ratings(posteriors, claims, theta, eyes.sharp, eyes.pattern, prior, done)


def _fit(table: AnswerTable, sparse: Sparse, sweeps: int) -> tuple[Floats, Eyes, int]:
    """(K, N) beliefs of the ordinal reading alone, what it thinks of workers, and the sweeps it took."""
    k, w = table.labels, table.n_workers
    votes = sparse.votes()
    shares = (votes.sum(axis=1) + 1) / (votes.sum() + k)
    band = banded(k)
    eyes = Eyes(band, band, np.ones(w), np.zeros((w, k)), np.repeat(band[:, None, :], w, axis=1))
    q, _ = softmax(np.log(0.8 * band + 0.2 * shares) @ votes + np.log(shares)[:, None])
    q = clamped(q, table.controls)
    own = None if table.suggestion is None else np.log(np.maximum(table.suggestion.T, 1e-12))
    done = 0
    for done in range(1, sweeps + 1):
        _learn(eyes, sparse, q, done > WARM)
        prior = (q.sum(axis=1) + 0.5 * q.shape[1] * shares + 1) / (1.5 * q.shape[1] + k)
        new = sparse.by_item(sparse.pair_log(eyes.theta)) + (np.log(prior)[:, None] if own is None else own)
        new = clamped(softmax(new)[0], table.controls)
        moved = float(np.abs(new - q).max(initial=0.0))
        q = new
        if done > WARM + 2 and moved < 1e-3:
            break
    return q, eyes, done


def _learn(eyes: Eyes, sparse: Sparse, q: Floats, estimate: bool) -> None:
    """One M step: each worker's eye and habit, the crowd's pattern, strengths, and so theta."""
    counts = sparse.counts(sparse.by_pair(q), eyes.theta)  # (K, W, K)
    for _ in range(2):
        doubt = _newton(eyes, counts)
    seeing = counts * np.clip(eyes.sharp, 0, 1)[None, :, None]  # the blind teach nothing about the pattern
    pattern = seeing.sum(axis=1) + ANCHOR * eyes.start
    eyes.pattern = pattern / pattern.sum(axis=1, keepdims=True)
    centre = eyes.centre()
    k = len(counts)
    if estimate and len(doubt):
        eyes.habit_spread = float(np.clip((eyes.habit**2 + doubt[:, :k]).mean(), 0.02, 9.0))
        eyes.sharp_spread = float(np.clip(((eyes.sharp - 1) ** 2 + doubt[:, k]).mean(), 0.02, 4.0))
        eyes.stray = strength(counts.reshape(-1, k), centre.reshape(-1, k), eyes.stray)
    eyes.theta = (counts + eyes.stray * centre) / (counts.sum(axis=2, keepdims=True) + eyes.stray)


def _newton(eyes: Eyes, counts: Floats) -> Floats:
    """One Newton step for every worker's habit and sharpness; (W, K + 1) the variances of what is believed of them."""
    k, w, _ = counts.shape
    log = np.log(np.maximum(eyes.pattern, 1e-6))[:, None, :]
    chance, total = eyes.centre(), counts.sum(axis=2, keepdims=True)
    off, mass = counts - total * chance, total * chance
    slope = np.empty((w, k + 1))
    slope[:, :k] = off.sum(axis=0) - eyes.habit / eyes.habit_spread
    slope[:, k] = (off * log).sum(axis=(0, 2)) - (eyes.sharp - 1) / eyes.sharp_spread
    from_mean = log - (chance * log).sum(axis=2, keepdims=True)
    curve = np.zeros((w, k + 1, k + 1))
    curve[:, :k, :k] = -np.einsum("twl,twm->wlm", mass, chance)
    curve[:, range(k), range(k)] += mass.sum(axis=0) + 1 / eyes.habit_spread
    curve[:, :k, k] = curve[:, k, :k] = (mass * from_mean).sum(axis=0)
    curve[:, k, k] = (mass * from_mean**2).sum(axis=(0, 2)) + 1 / eyes.sharp_spread
    inverse = np.linalg.inv(curve)
    step = np.clip((inverse @ slope[:, :, None])[:, :, 0], -1.0, 1.0)
    eyes.habit = np.clip(eyes.habit + step[:, :k], -6.0, 6.0)
    eyes.sharp = np.clip(eyes.sharp + step[:, k], 0.0, 4.0)
    return np.asarray(np.diagonal(inverse, axis1=1, axis2=2))
