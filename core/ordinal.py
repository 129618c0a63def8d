"""Ratings: labels 0..K-1 in order; a worker who errs is likelier to be one step off than two.

Raters come in few communities (`core.inference.communities`): levels of skill whose errors fall off with the distance
|k - l| before the answers speak, and those who always give the same grade. Everybody is as their community: a rater's
own matrix is more than a few answers on a scale can teach (measured: bench_kinds). The belief is the mean of this
reading, of the same without order, and of the committee: their mistakes are of different kinds. Consensus is the
posterior median, which expects the least absolute error, with its interval.
Source: Venanzi et al. 2014, doi:10.1145/2566486.2567989 (communities); Zhou et al. 2014 (PMLR 32:255; ordinal
structure). Deviations: order is a prior that answers may overrule; EM, no minimax; no difficulty of single items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.calibration import Calibration
from core.inference import communities
from core.inference.committee import refit as committee
from core.inference.sparse import Sparse
from core.inference.table import AnswerTable, Floats, Ints
from core.reliability import Pool

WIDTH = 0.5  # steps in which errors fall off by a factor of e
BANDED = 0.7  # of a rater's errors before the answers speak; the rest are as the crowd's shares of labels


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Beliefs about the ratings of items, and about workers."""

    posteriors: Floats  # (N, K), rows sum to 1
    calibrated: Floats  # (N, K), rows sum to 1: as sure as may be claimed
    confusion: Floats  # (W, K, K) P(answer | truth), rows sum to 1
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


def banded(labels: int, width: float = WIDTH) -> Floats:
    """(K, K) errors that fall off by a factor of e for each `width` steps from the diagonal, which is 0; rows sum to 1
    (one label: 0)."""
    place = np.arange(labels)
    found = np.exp(-np.abs(place[:, None] - place[None]) / width) * (1 - np.eye(labels))
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300))


def refit(table: AnswerTable, start: Pool | None = None, sweeps: int = 60) -> Ratings:
    """All beliefs from all answers; sane where there are none."""
    nominal = committee(table, start, sweeps)
    sparse = Sparse.of(table)
    prior = None if table.suggestion is None else table.suggestion.T
    errors = _errors(sparse.votes().sum(axis=1))
    own, minds, done = communities.learnt(sparse, table.controls, prior, None, sweeps, stray=False, errors=errors)
    plain, more = communities.fit(sparse, table.controls, prior, None, sweeps, stray=False)
    posteriors = (nominal.posteriors + own.T + plain.T) / 3
    claims = Calibration(nominal.pool.temperature, nominal.pool.lapse).of(posteriors)
    shares = (posteriors.sum(axis=0) + 1) / (len(posteriors) + table.labels)
    theta = minds.theta.transpose(1, 0, 2)
    theta = theta / theta.sum(axis=2, keepdims=True)
    return Ratings(posteriors, claims, theta, shares, nominal.sweeps + done + more)


def _errors(votes: Floats) -> Floats:
    """(K, K) how raters err before the answers speak."""
    k = len(votes)
    common = (votes + 1) * (1 - np.eye(k))
    common /= np.maximum(common.sum(axis=1, keepdims=True), 1e-12)
    return BANDED * banded(k) + (1 - BANDED) * common
