"""What `core/moves.py` plays forward where several labels may hold: an item's level is that of its least sure label.

Deviations: labels are independent, given the item; those that are surer than the least sure are so by an exponential
number of nats. Where words are marked, all items have as many as the usual one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.marks.worth import claimed
from core.reliability import Pool

Floats = NDArray[np.float64]

SURER = 1.5  # nats by which the other labels are surer, on average


def examples(pool: Pool, odds: Floats, rng: np.random.Generator, marks: int) -> Floats:
    """(L, R, K) beliefs of items with K `marks`, of which the least sure one has these log odds (L, R) of what is
    likelier of it."""
    more = rng.exponential(SURER, (*odds.shape, marks))
    np.put_along_axis(more, rng.integers(0, marks, (*odds.shape, 1)), 0.0, axis=2)
    sure = np.maximum(odds, 0.0)[..., None] + more
    holds = rng.random(sure.shape) < np.array(pool.prior)
    found: Floats = 1 / (1 + np.exp(np.where(holds, -sure, sure)))
    return found


def answered(q: Floats, rates: Floats, pool: Pool, rng: np.random.Generator) -> Floats:
    """(N, K) beliefs `q` (N, K) after one answer each of workers with rates (P, K, 2), or (P, 1, 2), where items are no
    harder than their beliefs claim."""
    truth = rng.random(q.shape) < claimed(q, pool.temperature, pool.lapse)
    who = rates[rng.integers(0, len(rates), len(q))]
    imagines, sees = who[:, :, 0], who[:, :, 1]
    marked = rng.random(q.shape) < np.where(truth, sees, imagines)
    yes, no = np.where(marked, sees, 1 - sees) * q, np.where(marked, imagines, 1 - imagines) * (1 - q)
    found: Floats = yes / np.maximum(yes + no, 1e-300)
    return found
