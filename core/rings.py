"""Groups that share their answers: they agree among themselves beyond what honest work explains.

Members are tested against the rest of the ring, which finds groups whose pairs have met only a few times. One ring has
one vote (`core/vigilance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_RINGS = 5
EXCESS = 0.5  # correlation beyond skill, from which a group is a ring: honest workers share errors, but not that many
SURE = 5.0  # standard deviations, for each member against the rest of the ring


def rings(item: Ints, worker: Ints, label: Ints, workers: int, labels: int) -> Ints:
    """(W,) ring of each worker, -1 for none: groups that agree among themselves beyond what honest work explains.

    Answers of two honest workers correlate as the product of their skills (each worker's own label habits taken out).
    Candidate groups come from the leading directions of the correlations; a member's skill is judged by outsiders
    alone, so that a ring cannot vouch for itself; and a ring holds under half of the answers, or nobody could say
    who it is.
    """
    group = np.full(workers, -1)
    pairs = _pairs(item, worker, label, workers, labels)
    answers = np.bincount(worker, minlength=workers)
    for ring in range(MOST_RINGS if len(pairs.first) else 0):
        left = group < 0
        found = max(
            (_refined(seed & left, pairs, answers, left) for seed in _seeds(pairs, left)),
            key=lambda member: pairs.tightness(member),
            default=np.zeros(workers, dtype=bool),
        )
        if found.sum() < 2:
            break
        group[found] = ring
    return group


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of workers who share items."""

    first: Ints  # (P,)
    second: Ints  # (P,)
    met: Floats  # (P,) items that both answered
    alike: Floats  # (P,) sum over them of the product of the two standardised answers: met times the correlation
    square: Floats  # (P,) sum of the squares of these products: rare labels make them swing widely
    workers: int

    def of_worker(self, first: Floats, second: Floats) -> Floats:
        """(W,) sums over each worker's pairs: `first` where they come first, `second` where second."""
        found: Floats = np.bincount(self.first, first, self.workers).astype(np.float64)
        found += np.bincount(self.second, second, self.workers)
        return found

    def tightness(self, member: Bools) -> float:
        """Mean correlation inside a group: a ring copies, honest workers merely know."""
        inside = member[self.first] & member[self.second]
        return float((self.alike * inside).sum() / max(float((self.met * inside).sum()), 1.0))

    def with_members(self, member: Bools, value: Floats) -> Floats:
        """(W,) sums of a quantity of pairs over each worker's pairs with members."""
        return self.of_worker(value * member[self.second], value * member[self.first])


def _pairs(item: Ints, worker: Ints, label: Ints, workers: int, labels: int) -> Pairs:
    order = np.argsort(item, kind="stable")
    item, worker, label = item[order], worker[order], label[order]
    share = np.bincount(label, minlength=labels) / max(len(label), 1)
    habit = np.bincount(worker * labels + label, minlength=workers * labels).reshape(workers, labels) + 4 * share
    habit = habit / habit.sum(axis=1, keepdims=True)
    width = np.sqrt(np.maximum(1 - (habit**2).sum(axis=1), 0.05))
    keys, alike = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for gap in range(1, int(np.bincount(item).max(initial=0)) if len(item) else 0):
        here = np.flatnonzero(item[gap:] == item[:-gap])
        u, v, a, b = worker[here], worker[here + gap], label[here], label[here + gap]
        apart = u != v
        u, v, a, b = u[apart], v[apart], a[apart], b[apart]
        product = (a == b) - habit[u, b] - habit[v, a] + (habit[u] * habit[v]).sum(axis=1)
        keys.append(np.minimum(u, v) * workers + np.maximum(u, v))
        alike.append(product / (width[u] * width[v]))
    values, place = np.unique(np.concatenate(keys), return_inverse=True)
    place = place.reshape(-1)
    met = np.bincount(place, minlength=len(values)).astype(np.float64)
    total = np.bincount(place, np.concatenate(alike), len(values)).astype(np.float64)
    square = np.bincount(place, np.concatenate(alike) ** 2, len(values)).astype(np.float64)
    return Pairs(values // workers, values % workers, met, total, square, workers)


def _seeds(pairs: Pairs, left: Bools) -> list[Bools]:
    """Candidate groups: both ends of the three leading directions of the correlations."""
    use = left[pairs.first] & left[pairs.second]
    value = pairs.alike / np.sqrt(pairs.met) * use
    seeds, basis = [], np.zeros((0, pairs.workers))
    rng = np.random.default_rng(0)  # a start for the power iteration, nothing else
    for _ in range(3):
        x = rng.normal(size=pairs.workers)
        for _ in range(40):
            x = pairs.of_worker(value * x[pairs.second], value * x[pairs.first])
            x -= basis.T @ (basis @ x)
            x /= max(float(np.linalg.norm(x)), 1e-12)
        basis = np.vstack([basis, x])
        for side in (x, -x):
            seeds += [side > cut * side.max() for cut in (0.2, 0.5) if side.max() > 0]
    return seeds


def _refined(member: Bools, pairs: Pairs, answers: Ints, left: Bools) -> Bools:
    """The group that a candidate settles on: those who agree with it beyond skill; nobody where it is no ring."""
    for _ in range(12):
        if member.sum() < 2:
            break
        skill = _skills(pairs, member, left)
        excess = pairs.with_members(member, pairs.alike - pairs.met * skill[pairs.first] * skill[pairs.second])
        met = pairs.with_members(member, pairs.met)
        swing = pairs.with_members(member, np.maximum(pairs.square, pairs.met))
        new = left & (excess > EXCESS * met) & (excess > SURE * np.sqrt(swing)) & (met > 4)
        if (new == member).all():
            break
        member = new
    ring = member.sum() >= 2 and answers[member].sum() < 0.5 * answers[left].sum()
    return member if ring else np.zeros_like(member)


def _skills(pairs: Pairs, member: Bools, left: Bools) -> Floats:
    """(W,) skills by least squares, from all pairs but those inside the candidate group and those of known rings."""
    use = ~(member[pairs.first] & member[pairs.second]) & left[pairs.first] & left[pairs.second]
    met, alike = pairs.met * use, pairs.alike * use
    skill = np.full(pairs.workers, 0.6)
    for _ in range(15):
        up = pairs.of_worker(alike * skill[pairs.second], alike * skill[pairs.first])
        down = pairs.of_worker(met * skill[pairs.second] ** 2, met * skill[pairs.first] ** 2)
        skill = 0.5 * skill + 0.5 * np.clip((up + 0.6) / (down + 1.0), 0.0, 1.0)
    return skill
