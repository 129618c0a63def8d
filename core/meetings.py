"""Pairs of workers who answered the same items, and how much alike they answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST = 300_000  # meetings that are counted: of more, those on a random part of the items


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Pairs of workers who share items."""

    first: Ints  # (P,)
    second: Ints  # (P,)
    met: Floats  # (P,) items that both answered
    alike: Floats  # (P,) sum over them of the product of the two standardised answers: met times the correlation
    square: Floats  # (P,) sum of the squares of these products: rare labels make them swing widely
    workers: int

    def sums(self, first: Floats, second: Floats) -> Floats:
        """(W,) sums over each worker's pairs: `first` where they come first, `second` where second."""
        found: Floats = np.bincount(self.first, first, self.workers).astype(np.float64)
        found += np.bincount(self.second, second, self.workers)
        return found

    def with_members(self, member: Bools, value: Floats) -> Floats:
        """(W,) sums of a quantity of pairs over each worker's pairs with members."""
        return self.sums(value * member[self.second], value * member[self.first])

    def tightness(self, member: Bools) -> float:
        """Mean correlation inside a group: a ring copies, honest workers merely know."""
        inside = member[self.first] & member[self.second]
        return float(self.alike[inside].sum() / max(float(self.met[inside].sum()), 1.0))


def meetings(item: Ints, worker: Ints, label: Ints, workers: int, labels: int, most: int = MOST) -> Meetings:
    """All meetings, or about `most` of them: those on items drawn at random, always the same ones.

    From a share s of the meetings a group's agreement has 1 / sqrt(s) times the standard error that it has from all.
    """
    order = np.argsort(item, kind="stable")
    order = order[_drawn(item[order], most)]
    item, worker, label = item[order], worker[order], label[order]
    habit, width = _habits(worker, label, workers, labels)
    keys, alike = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for gap in range(1, int(np.bincount(item).max(initial=0)) if len(item) else 0):
        here = np.flatnonzero((item[gap:] == item[:-gap]) & (worker[gap:] != worker[:-gap]))
        u, v, a, b = worker[here], worker[here + gap], label[here], label[here + gap]
        both = np.einsum("pk,pk->p", habit[u], habit[v])
        product = (a == b) - habit[u, b] - habit[v, a] + both
        keys.append(np.minimum(u, v) * workers + np.maximum(u, v))
        alike.append(product / (width[u] * width[v]))
    values, place = np.unique(np.concatenate(keys), return_inverse=True)
    place, every = place.reshape(-1), np.concatenate(alike)
    met = np.bincount(place, minlength=len(values)).astype(np.float64)
    total, square = (np.bincount(place, x, len(values)).astype(np.float64) for x in (every, every**2))
    return Meetings(values // workers, values % workers, met, total, square, workers)


def _drawn(item: Ints, most: int) -> Ints:
    """Indices of the answers to the items that are looked at; `item` (A,) is sorted."""
    count = np.bincount(item).astype(np.float64) if len(item) else np.zeros(0)
    turn = np.random.default_rng(0).permutation(len(count))
    cost = np.cumsum((count * (count - 1) / 2)[turn])
    look = np.zeros(len(count), dtype=bool)
    look[turn[: max(int(np.searchsorted(cost, most, side="right")), 1)]] = True
    return np.flatnonzero(look[item])


def _habits(worker: Ints, label: Ints, workers: int, labels: int) -> tuple[Floats, Floats]:
    """(W, K) how often each worker gives each label, and (W,) the standard deviation of their answers."""
    share = np.bincount(label, minlength=labels) / max(len(label), 1)
    if not len(label):
        share = np.full(labels, 1.0 / max(labels, 1))
    habit = np.bincount(worker * labels + label, minlength=workers * labels).reshape(workers, labels) + 4 * share
    habit = habit / habit.sum(axis=1, keepdims=True)
    return habit, np.sqrt(np.maximum(1 - (habit**2).sum(axis=1), 0.05))
