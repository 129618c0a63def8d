"""Numeric ratings: each worker has a bias and a noise of their own; an item's value is weighed by precision.

    x_a = z_i + b_w + e_a,    z_i ~ N(mu, t^2),    b_w ~ N(0, v^2),    e_a ~ N(0, s_w^2 / u_a),    u_a ~ Gamma(d/2, d/2)

so that single answers far off (u_a small) pull neither the item nor the worker. z, b and u have posteriors of their
own (mean field), mu, t, v are estimated, and 1 / s_w^2 is shrunk to the crowd's mean as if `SHARED` answers said so.
Source: Raykar et al. 2010, JMLR 11:1297, section 5 (precision of each annotator); Rodrigues et al. 2017,
doi:10.1109/TPAMI.2017.2648786 (bias and precision). Deviations: no features, robust noise, empirical Bayes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARED = 4.0  # answers' worth of belief that a worker is as noisy as the crowd
TAILS = 5.0  # degrees of freedom of the noise
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """Answers that are numbers, sparse."""

    item: Ints  # (A,) 0..n_items-1
    worker: Ints  # (A,) 0..n_workers-1
    value: Floats  # (A,) finite
    n_items: int
    n_workers: int
    weight: Floats | None = None  # (A,) 0..1, by vigilance
    controls: Floats | None = None  # (N,) the known value, nan where unknown

    def __post_init__(self) -> None:
        if not len(self.item) == len(self.worker) == len(self.value):
            raise ValueError("item, worker and value differ in length")
        if not np.isfinite(self.value).all():
            raise ValueError("a value is not finite")


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Beliefs about the values of items and about workers."""

    mean: Floats  # (N,)
    deviation: Floats  # (N,) standard deviation of the belief, 0 for controls
    bias: Floats  # (W,) how much too high a worker answers
    noise: Floats  # (W,) standard deviation of a worker's errors
    centre: float  # mu: the mean of all items
    spread: float  # t: standard deviation of the items
    sweeps: int

    def interval(self) -> tuple[Floats, Floats]:
        """(N,) and (N,): the ends of the 95 % credible interval."""
        return self.mean - NORMAL_95 * self.deviation, self.mean + NORMAL_95 * self.deviation

    def certainty(self) -> Floats:
        """(N,) share of the items' variance that the answers have explained: 0 nothing known .. 1 certain."""
        before = self.spread**2 + 1e-300
        found: Floats = np.clip(1 - self.deviation**2 / before, 0.0, 1.0)
        return found


def refit(table: NumberTable, sweeps: int = 200) -> Numbers:
    """All beliefs from all answers; an item without answers is believed to be as the others are."""
    n, w = table.n_items, table.n_workers
    x = table.value
    weight = np.ones(len(x)) if table.weight is None else table.weight
    scale = float(x.std()) if len(x) else 0.0
    tiny = (1e-4 * scale) ** 2 + 1e-18
    mu = float(np.average(x, weights=weight)) if weight.sum() > 0 else 0.0
    t2, v2 = max(scale**2 / 2, tiny), max(scale**2 / 20, tiny)
    precision = np.full(w, 1 / max(scale**2 / 2, tiny))
    z, z2 = _known(np.full(n, mu), np.full(n, t2), table.controls)
    b, b2, u = np.zeros(w), np.full(w, v2), weight.copy()
    done = 0
    for done in range(1, sweeps + 1):
        before = z
        sure = u * precision[table.worker]
        z, z2 = _known(*_normal(table.item, x - b[table.worker], sure, mu, t2, n), table.controls)
        b, b2 = _normal(table.worker, x - z[table.item], sure, 0.0, v2, w)
        off = (x - z[table.item] - b[table.worker]) ** 2 + z2[table.item] + b2[table.worker]
        u = weight * (TAILS + 1) / (TAILS + precision[table.worker] * off)
        precision = _precisions(table.worker, u * off, weight, w, tiny)
        mu, t2 = _prior(z, z2, table.item, tiny, mu)
        v2 = max(float((b**2 + b2).sum() / max(w, 1)), tiny)
        if done > 5 and float(np.abs(z - before).max(initial=0.0)) < 1e-5 * (scale + 1e-12):
            break
    noise = np.sqrt(TAILS / (TAILS - 2) / precision)
    z2 = z2 * (TAILS + 3) / (TAILS + 1)  # the mean field takes u for known; so much less does Student's t tell (Fisher)
    return Numbers(z, np.sqrt(z2), b, noise, mu, float(np.sqrt(t2)), done)


def _normal(
    group: Ints, value: Floats, precision: Floats, mean: float, variance: float, n: int
) -> tuple[Floats, Floats]:
    """(n,) means and (n,) variances of normal beliefs, from values of given precision (A,) and a normal prior."""
    total = np.bincount(group, precision, n) + 1 / variance
    found: Floats = (np.bincount(group, precision * value, n) + mean / variance) / total
    return found, 1 / total


def _known(mean: Floats, variance: Floats, controls: Floats | None) -> tuple[Floats, Floats]:
    if controls is None:
        return mean, variance
    known = np.isfinite(controls)
    return np.where(known, controls, mean), np.where(known, 0.0, variance)


def _precisions(worker: Ints, off: Floats, weight: Floats, w: int, tiny: float) -> Floats:
    """(W,) 1 / s_w^2, shrunk to the crowd's."""
    squares, count = np.bincount(worker, off, w), np.bincount(worker, weight, w)
    pooled = float(squares.sum() / max(count.sum(), 1e-12)) if count.sum() > 0 else 1.0
    found: Floats = (count + SHARED) / (squares + SHARED * max(pooled, tiny))
    return np.minimum(found, 1 / tiny)


def _prior(z: Floats, z2: Floats, item: Ints, tiny: float, mu: float) -> tuple[float, float]:
    """Mean and variance of the items that have answers."""
    if not len(item):
        return mu, tiny
    heard = np.unique(item)
    centre = float(z[heard].mean())
    return centre, max(float(((z[heard] - centre) ** 2 + z2[heard]).mean()), tiny)
