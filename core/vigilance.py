"""Who does not answer in good faith? Weights and reasons, never a silent ban.

- rapid guesses: response times as a mixture of two log-normals (Wise and Kong 2005, doi:10.1207/s15324818ame1802_2)
- spammer score: how far a confusion matrix is from one whose rows are all alike (Raykar and Yu 2012, JMLR 13:491)
- runs: the same button again and again, beyond what the worker's own habit explains
- rings: groups that share their answers (`core/rings.py`); one ring has one vote
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.reliability import Pool, Reliability, confusion
from core.rings import rings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
