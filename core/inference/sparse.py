"""Sums over sparse answers, one class at a time: no (items x workers x labels) array is ever built.

Answers of one worker with the same evidence are one *pair*; beliefs lie class-major, (C, N), so that every sum is one
`bincount` over answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.inference.table import AnswerTable, Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """The informative answers, prepared for sweeps. V *slots* are the (pair, label) members of the pairs' sets."""

    item: Ints  # (A,) sorted
    pair: Ints  # (A,)
    weight: Floats | None  # (A,)
    pair_worker: Ints  # (U,)
    slot_pair: Ints  # (V,)
    slot_cell: Ints  # (V,) worker * K + label
    single: bool  # every set names one label: slots are pairs
    n_items: int
    n_workers: int
    labels: int

    @classmethod
    def of(cls, table: AnswerTable) -> Sparse:
        """Drops answers that say nothing ("not sure", weight 0) and sorts the rest by item."""
        k = table.labels
        telling: Bools = np.asarray(~table.sets.all(axis=1) | (k == 1), dtype=bool)
        keep = telling[table.evidence]
        if table.weight is not None:
            keep = keep & (table.weight > 0)
        order = np.flatnonzero(keep)
        if len(order) and (np.diff(table.item[order]) < 0).any():
            order = order[np.argsort(table.item[order], kind="stable")]
        key = table.worker[order] * len(table.sets) + table.evidence[order]
        pairs, pair = _distinct(key, table.n_workers * len(table.sets))
        pair_worker, pair_set = pairs // len(table.sets), pairs % len(table.sets)
        slot_pair, slot_label = np.nonzero(table.sets[pair_set])
        return cls(
            table.item[order],
            pair,
            None if table.weight is None else table.weight[order],
            pair_worker,
            slot_pair,
            pair_worker[slot_pair] * k + slot_label,
            len(slot_pair) == len(pairs),
            table.n_items,
            table.n_workers,
            k,
        )

    def votes(self) -> Floats:
        """(K, N) votes, a set's vote spread evenly over its labels."""
        share = 1.0 / np.bincount(self.slot_pair, minlength=len(self.pair_worker))
        label = self.slot_cell % self.labels
        found = np.empty((self.labels, self.n_items))
        for k in range(self.labels):
            part = np.zeros(len(share))
            here = self.slot_pair[label == k]
            part[here] = share[here]
            found[k] = self._by_item(part)
        return found

    def pair_log(self, theta: Floats) -> Floats:
        """(C, U) log P(evidence | class, worker), from theta (C, W, K)."""
        flat = theta.reshape(len(theta), -1)
        if self.single:
            return np.log(np.maximum(flat[:, self.slot_cell], 1e-300))
        u = len(self.pair_worker)
        chance = np.stack([sums(self.slot_pair, row[self.slot_cell], u) for row in flat])
        return np.log(np.maximum(chance, 1e-300))

    def by_item(self, pair_log: Floats) -> Floats:
        """(C, N) sums over each item's answers of a quantity of their pairs (C, U)."""
        return np.stack([self._by_item(row) for row in pair_log])

    def _by_item(self, row: Floats) -> Floats:
        weight = row.take(self.pair) if self.weight is None else row.take(self.pair) * self.weight
        return sums(self.item, weight, self.n_items)

    def by_pair(self, q: Floats) -> Floats:
        """(C, U) beliefs q (C, N) summed over the answers of each pair."""
        return np.stack([self.mass(row.take(self.item)) for row in q])

    def mass(self, rows: Floats) -> Floats:
        """(U,) sums of a quantity of the answers (A,)."""
        return sums(self.pair, rows if self.weight is None else rows * self.weight, len(self.pair_worker))

    def counts(self, by_pair: Floats, theta: Floats) -> Floats:
        """(C, W, K) soft counts of named labels; a set's mass goes to its labels as theta (C, W, K) shares it out."""
        size = self.n_workers * self.labels
        shape = (len(by_pair), self.n_workers, self.labels)
        if self.single:
            return np.stack([sums(self.slot_cell, row, size) for row in by_pair]).reshape(shape)
        flat = theta.reshape(len(theta), -1)
        found = []
        for mass, row in zip(by_pair, flat, strict=True):
            share = row[self.slot_cell]
            total = sums(self.slot_pair, share, len(self.pair_worker))[self.slot_pair]
            found.append(sums(self.slot_cell, mass[self.slot_pair] * share / np.maximum(total, 1e-300), size))
        return np.stack(found).reshape(shape)


def sums(group: Ints, rows: Floats, n: int) -> Floats:
    """(n,) sums of rows by group, floats even where there are none."""
    found: Floats = np.bincount(group, rows, n).astype(np.float64, copy=False)
    return found


def _distinct(key: Ints, end: int) -> tuple[Ints, Ints]:
    """`np.unique` with inverse, without sorting where the keys are dense enough."""
    if end > 20 * len(key) + 10_000:
        values, inverse = np.unique(key, return_inverse=True)
        return values, inverse.reshape(-1)
    seen: Bools = np.zeros(end, dtype=bool)
    seen[key] = True
    values = np.flatnonzero(seen)
    place = np.zeros(end, dtype=np.int64)
    place[values] = np.arange(len(values))
    return values, place[key]


def softmax(log_q: Floats) -> tuple[Floats, Floats]:
    """(C, N) columns that sum to 1, and (N,) the log of what they summed to; changes its argument."""
    top = log_q.max(axis=0)
    log_q -= top
    np.exp(log_q, out=log_q)
    total = log_q.sum(axis=0)
    log_q /= total
    return log_q, top + np.log(total)


def anchored(mass: Floats, n: int, shares: Floats, weight: float) -> Floats:
    """(K, 1) log of a class prior from the mass (K,) of n items' beliefs, held to the shares of votes (K,) as if
    `weight * n` more items were spread like them."""
    prior: Floats = (mass + weight * n * shares + 1) / (n * (1 + weight) + len(shares))
    return np.log(prior)[:, None]


def clamped(q: Floats, controls: Ints | None, grades: int = 1) -> Floats:
    """q (C, N), class c = label * grades + grade, with what is known made certain (grades stay open); changes q."""
    if controls is None:
        return q
    known = np.flatnonzero(controls >= 0)
    other = np.arange(len(q))[:, None] // grades != controls[known]
    part = q[:, known]
    part[other] = 0.0
    total = part.sum(axis=0)
    part[:, total <= 0] = np.where(other[:, total <= 0], 0.0, 1.0)
    q[:, known] = part / part.sum(axis=0)
    return q


def digamma(x: Floats) -> Floats:
    """Logarithmic derivative of gamma for x > 0, to 1e-9 (recurrence, then the asymptotic series)."""
    x = x.copy()
    found = np.zeros_like(x)
    while (small := x < 6.0).any():
        found[small] -= 1.0 / x[small]
        x[small] += 1.0
    r = 1.0 / (x * x)
    return found + np.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))))


def strength(counts: Floats, centre: Floats, s: float, low: float = 1.0, high: float = 300.0, steps: int = 2) -> float:
    """The strength s of Dirichlet(s * centre) from which rows of counts (R, K) came; centre (R, K) or (K,).

    Source: Minka 2000, "Estimating a Dirichlet distribution", equation 55 (fixed point).
    """
    total = counts.sum(axis=1)
    busy = total > 1e-9
    if not busy.any():
        return s
    counts, total = counts[busy], total[busy]
    centre = centre[busy] if centre.ndim == 2 else centre
    for _ in range(steps):
        up = float((centre * (digamma(counts + s * centre + 1e-12) - digamma(s * centre + 1e-12))).sum())
        down = float((digamma(total + s) - digamma(np.full(len(total), s))).sum())
        if up <= 0 or down <= 0:
            return s
        s = float(np.clip(s * up / down, low, high))
    return s
