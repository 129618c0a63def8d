"""No worker, and no group that is suspected of sharing answers, may steer what a version learns.

In the training weight of a version no worker has more than max(2 %, 3 / active workers), no suspected group more than
5 %. An item's weight is shared out over its answers by theirs; a voice that has too much is turned down by one factor
everywhere: its items weigh less, by as much of them as came from it, and what it said leaves their targets in part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WORKER, ACTIVE, GROUP = 0.02, 3.0, 0.05  # shares of the training weight
STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Capped:
    """How far each worker is turned down, and what is left of the items."""

    voice: Floats  # (W,) 0..1
    weight: Floats  # (N,) of each item, at most what it was


def capped(weight: Floats, item: Ints, worker: Ints, strength: Floats, group: Ints) -> Capped:
    """Item weights (N,) under the caps. Answers (A,) by item, worker and their own weight; group (W,), -1 for none.

    Where too few independent voices are left for any to stay under its cap, all weights are 0.
    """
    n, w = len(weight), len(group)
    total = np.bincount(item, strength, n)
    share = strength / np.maximum(total[item], 1e-12)  # of its item's weight
    mass = _sums(worker, weight[item] * share, w)
    voices, cap = _voices(mass, group)
    factor = turned_down(_sums(voices, mass, len(cap)), cap)[voices]
    left = np.bincount(item, share * factor[worker], n)
    return Capped(factor, weight * np.where(total > 0, left, 1.0))


def _sums(group: Ints, rows: Floats, n: int) -> Floats:
    found: Floats = np.bincount(group, rows, n).astype(np.float64)
    return found


def _voices(mass: Floats, group: Ints) -> tuple[Ints, Floats]:
    """(W,) the voice of each worker, their own or their group's, and (V,) the cap of each voice."""
    alone = group < 0
    cap = np.full(len(group) + int(group.max(initial=-1)) + 1, GROUP)
    cap[: len(group)] = max(WORKER, ACTIVE / max(int((mass[alone] > 0).sum()), 1))
    return np.where(alone, np.arange(len(group)), len(group) + group), cap


def turned_down(mass: Floats, cap: Floats) -> Floats:
    """(V,) the largest factors 0..1 with which no voice has more than its cap of what is left."""
    factor = np.ones(len(mass))
    for _ in range(STEPS):
        left = factor * mass
        total = float(left.sum())
        if total <= 0 or (left <= cap * total * (1 + 1e-9)).all():
            return factor
        over = left >= cap * total * (1 - 1e-12)
        room = 1.0 - float(cap[over].sum())
        if room <= 0:
            return np.zeros(len(mass))
        rest = float(left[~over].sum())
        factor[over] = np.minimum(factor[over], cap[over] * rest / room / np.maximum(mass[over], 1e-300))
    return factor
