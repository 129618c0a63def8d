"""Who does not answer in good faith? Weights and reasons, never a silent ban.

- rapid guesses: response times as a mixture of two log-normals (Wise and Kong 2005, doi:10.1207/s15324818ame1802_2)
- spammer score: how far a confusion matrix is from one whose rows are all alike (Raykar and Yu 2012, JMLR 13:491)
- runs: the same button again and again, beyond what the worker's own habit explains
- rings: groups that agree among themselves beyond what their agreement with everybody else explains; one ring has
  one vote. Members are tested against the rest of the ring, which finds groups whose pairs have met only a few times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.reliability import Pool, Reliability, confusion

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


MOST_RINGS = 5
EXCESS = 0.5  # correlation beyond skill, from which a group is a ring: honest workers share errors, but not that many
SURE = 5.0  # standard deviations, for each member against the rest of the ring


class Reason(Enum):
    RAPID = "answers faster than the question can be read"
    ALIKE = "answers do not depend on the item"
    RUNS = "the same button again and again"
    RING = "agrees with certain others more than honest work explains"


@dataclass(frozen=True, slots=True)
class Flag:
    """A suspicion about one worker: it asks a control first."""

    worker: int
    reason: Reason
    strength: float  # 0 none .. 1 certain


@dataclass(frozen=True, slots=True, eq=False)
class Vigilance:
    """What the refit should do about it."""

    weight: Floats  # (A,) 0..1
    group: Ints  # (W,) ring of each worker, -1 for none
    flags: tuple[Flag, ...]

    def one_vote(self, worker: Ints) -> Ints:
        """(A,) the worker of each answer, with all members of a ring as one."""
        first = np.arange(len(self.group))
        for ring in range(int(self.group.max(initial=-1)) + 1):
            members = np.flatnonzero(self.group == ring)
            first[members] = members[0]
        found: Ints = first[worker]
        return found


def watch(
    item: Ints, worker: Ints, label: Ints, items: int, workers: int, labels: int, seconds: Floats | None = None
) -> Vigilance:
    """Everything that the answers alone can tell; `label` -1 where an answer names no single label; `seconds` (A,)."""
    named = label >= 0
    group = rings(item[named], worker[named], label[named], workers, labels)
    weight = np.ones(len(item))
    flags = [Flag(int(w), Reason.RING, 1.0) for w in np.flatnonzero(group >= 0)]
    ring = group[worker]
    inside = np.flatnonzero(ring >= 0)
    if len(inside):
        key = item[inside] * (int(group.max()) + 1) + ring[inside]
        _, where, size = np.unique(key, return_inverse=True, return_counts=True)
        weight[inside] = 1.0 / size[where.reshape(-1)]
    if seconds is not None:
        rapid = rapid_guesses(seconds)
        weight = weight * (1 - rapid)
        share = np.bincount(worker, rapid, workers) / np.maximum(np.bincount(worker, minlength=workers), 1)
        flags += [Flag(int(w), Reason.RAPID, float(share[w])) for w in np.flatnonzero(share > 0.5)]
    return Vigilance(weight, group, tuple(flags))


def spammer_score(reliability: Reliability, pool: Pool) -> float:
    """0 (rows all alike: answers say nothing) .. 1 (always right): Raykar and Yu 2012, equation 12."""
    theta = np.array(confusion(reliability, pool))
    k = len(theta)
    if k < 2:
        return 1.0
    gaps = theta[:, None, :] - theta[None, :, :]
    return float((gaps**2).sum() / 2 / (k * (k - 1)))


def longest_run_surprise(labels: Sequence[int]) -> float:
    """-log10 of the chance of so long a run of one label, given how often this worker uses it (0: no surprise)."""
    if not labels:
        return 0.0
    best, run, surprise = 0, 0, 0.0
    before = -1
    for label in labels:
        run = run + 1 if label == before else 1
        before = label
        share = (labels.count(label) + 1) / (len(labels) + 2) if run > best else 1.0
        if run > best:
            best = run
            tries = max(len(labels) - run + 1, 1)
            surprise = -min(run * math.log10(share) + math.log10(tries), 0.0)
    return surprise


def rapid_guesses(seconds: Floats, sweeps: int = 60) -> Floats:
    """(A,) chance that each answer was a guess made before reading: the fast part of a mixture of two log-normals.

    All zero where there is no clear fast part: its median must be under a third of the other's and under three seconds.
    """
    known = np.isfinite(seconds) & (seconds > 0)
    found = np.zeros(len(seconds))
    if known.sum() < 30:
        return found
    x = np.log(seconds[known])
    middle = np.array([np.quantile(x, 0.05), np.quantile(x, 0.6)])
    spread, share = np.full(2, max(float(x.std()), 0.1)), np.array([0.1, 0.9])
    for _ in range(sweeps):
        density = share * np.exp(-0.5 * ((x[:, None] - middle) / spread) ** 2) / spread
        part = density / np.maximum(density.sum(axis=1, keepdims=True), 1e-300)
        mass = part.sum(axis=0) + 1e-9
        share = mass / mass.sum()
        middle = (part * x[:, None]).sum(axis=0) / mass
        spread = np.sqrt((part * (x[:, None] - middle) ** 2).sum(axis=0) / mass + 0.05**2)
    if middle[0] > middle[1] - math.log(3) or middle[0] > math.log(3):
        return found
    found[known] = part[:, 0] * (x < middle[1])
    return found


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
