"""Readings that know of difficulty: workers who err together on a hard item do not give a label another meaning.

A reading says what a worker does on an item of class c = (label, grade):

    answers by the pooled pattern pi[c, .] with chance a_w; where `guess`, by their own habit xi_w otherwise
    (MACE, Hovy et al. 2013), and strays from that by a Dirichlet of estimated strength (hierarchical Dawid-Skene)

Grades are latent difficulties: in grade 0 nearly everybody who knows is right, in later ones fewer are (item-class
structure: Li, Rubinstein and Cohn 2019, EBCC). Where `tied`, a grade's chance to be right is the same for all labels
and a label's errors are the same in all grades, only more of them: a class cannot come to mean another label.

Deviations: parameters are maximum a posteriori, by EM; classes are anchored on shares of votes.
Source: Hovy et al. 2013 (aclanthology N13-1132); Li et al. 2019 (PMLR 97:3886); Dawid and Skene 1979,
doi:10.2307/2346806.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.inference.sparse import Sparse, anchored, clamped, softmax, strength
from core.inference.table import Floats, Ints

WARM = 8  # sweeps before strengths are estimated


@dataclass(frozen=True, slots=True)
class Reading:
    """One model of a crowd."""

    name: str
    grades: tuple[float, ...]  # how often those who know are right, by grade, before the answers speak
    guess: bool  # workers may guess by habit
    tied: bool  # grades mean the same under every label
    anchor: float = 20.0  # strength of `grades`, in answers
    prior: float = 0.5  # weight of vote shares in the class prior, relative to the items


HARD = Reading("easy or hard", (0.97, 0.6), guess=True, tied=True)
GRADED = Reading("three grades", (0.95, 0.75, 0.55), guess=False, tied=False, anchor=10.0, prior=1.0)


@dataclass(slots=True, eq=False)
class Minds:
    """What a reading believes about the workers, while it sweeps."""

    theta: Floats  # (C, W, K)
    pi: Floats  # (C, K)
    pi_start: Floats  # (C, K)
    knows: Floats  # (W,)
    habit: Floats  # (W, K)
    stray: Floats  # (C,) strengths
    spread: float = 4.0  # strength of `knows`
    shares: Floats = field(default_factory=lambda: np.zeros(0))  # (K,) of the votes


def fit(
    reading: Reading, sparse: Sparse, controls: Ints | None, prior: Floats | None, q: Floats | None, sweeps: int
) -> tuple[Floats, int]:
    """(C, N) beliefs about classes, and the sweeps it took. `prior` (K, N) where items have their own; `q` (C, N) warms
    it up."""
    minds, first = _begin(reading, sparse)
    q = clamped(first if q is None else q, controls, len(reading.grades))
    log_prior = None if prior is None else np.log(np.maximum(prior, 1e-12))
    done = 0
    for done in range(1, sweeps + 1):
        _learn(reading, sparse, minds, q, done > WARM and (done < 30 or done % 5 == 0))
        new = sparse.by_item(sparse.pair_log(minds.theta))
        new += _class_log_prior(reading, q, minds.shares, log_prior)
        new, _ = softmax(new)
        new = clamped(new, controls, len(reading.grades))
        moved = np.abs(new - q)
        q = new
        if done > WARM + 2 and (moved.max(initial=0.0) < 1e-3 or float(moved.mean()) < 2e-5):
            break
    return q, done


def _begin(reading: Reading, sparse: Sparse) -> tuple[Minds, Floats]:
    k, w, m = sparse.labels, sparse.n_workers, len(reading.grades)
    votes = sparse.votes()
    shares = (votes.sum(axis=1) + 1) / (votes.sum() + k)
    pi = np.empty((k * m, k))
    for c in range(k * m):
        off = shares * (np.arange(k) != c // m)
        off = 0.5 * off / max(off.sum(), 1e-12) + 0.5 * (np.arange(k) != c // m) / max(k - 1, 1)
        pi[c] = (1 - reading.grades[c % m]) * off
        pi[c, c // m] = reading.grades[c % m] if k > 1 else 1.0
    first = votes + shares[:, None]
    first /= first.sum(axis=0)
    split = np.exp(np.log(0.8 * pi + 0.2 * shares) @ votes - (np.log(0.8 * pi + 0.2 * shares) @ votes).max(axis=0))
    split = split.reshape(k, m, -1)
    split /= np.maximum(split.sum(axis=1, keepdims=True), 1e-300)
    theta = np.repeat(pi[:, None, :], w, axis=1)
    minds = Minds(theta, pi.copy(), pi, np.full(w, 0.7), np.tile(shares, (w, 1)), np.full(k * m, 8.0), shares=shares)
    return minds, (split * first[:, None, :]).reshape(k * m, -1)


def _learn(reading: Reading, sparse: Sparse, minds: Minds, q: Floats, estimate: bool) -> None:
    """One M step: pooled patterns, each worker's chance to know and habit, strengths, and so theta."""
    counts = sparse.counts(sparse.by_pair(q), minds.theta)  # (C, W, K)
    if reading.guess:
        for _ in range(2):
            _split(reading, minds, counts, estimate)
        centre = _mixture(minds)
    else:
        minds.pi = counts.sum(axis=1) + reading.anchor * minds.pi_start
        minds.pi /= minds.pi.sum(axis=1, keepdims=True)
        centre = np.broadcast_to(minds.pi[:, None, :], counts.shape)
    if estimate:
        _estimate_stray(reading, minds, counts, centre)
    s = minds.stray[:, None, None]
    minds.theta = (counts + s * centre) / (counts.sum(axis=2, keepdims=True) + s)


def _mixture(minds: Minds) -> Floats:
    """(C, W, K) what workers do who do not stray."""
    knows = minds.knows[None, :, None]
    mixed: Floats = knows * minds.pi[:, None, :] + (1 - knows) * minds.habit[None]
    return mixed


def _split(reading: Reading, minds: Minds, counts: Floats, estimate: bool) -> None:
    """Shares the counts out between knowing and guessing, and learns both."""
    known = counts * (minds.knows[None, :, None] * minds.pi[:, None, :]) / np.maximum(_mixture(minds), 1e-300)
    guessed = (counts - known).sum(axis=0)  # (W, K)
    hits, total = known.sum(axis=(0, 2)), counts.sum(axis=(0, 2))
    mean = (hits.sum() + 7) / (total.sum() + 10)
    if estimate:
        rows = np.stack([hits, total - hits], axis=1)
        minds.spread = strength(rows, np.array([mean, 1 - mean]), minds.spread, high=100.0)
    minds.knows = (hits + minds.spread * mean) / (total + minds.spread)
    common = (guessed.sum(axis=0) + minds.shares) / (guessed.sum() + 1)
    minds.habit = (guessed + 2 * common) / (guessed.sum(axis=1, keepdims=True) + 2)
    pooled = known.sum(axis=1)  # (C, K)
    pi = pooled + reading.anchor * minds.pi_start
    minds.pi = pi / pi.sum(axis=1, keepdims=True)
    if reading.tied:
        minds.pi = _tied(minds.pi, pooled.sum(axis=1), len(reading.grades))


def _tied(pi: Floats, mass: Floats, grades: int) -> Floats:
    """pi (C, K) with one chance to be right for each grade, and one pattern of errors for each label."""
    k = pi.shape[1]
    if k == 1:
        return pi
    by_label = pi.reshape(k, grades, k)
    weight = mass.reshape(k, grades)
    errors = (np.einsum("kg,kgl->kl", weight, by_label) + 1e-12) * (1 - np.eye(k))
    errors /= errors.sum(axis=1, keepdims=True)
    hits = (weight * np.einsum("kgk->kg", by_label)).sum(axis=0)
    right = np.where(weight.sum(axis=0) > 0, hits / np.maximum(weight.sum(axis=0), 1e-9), 0.5)
    tied = right[None, :, None] * np.eye(k)[:, None, :] + (1 - right)[None, :, None] * errors[:, None, :]
    return np.asarray(tied.reshape(-1, k))


def _estimate_stray(reading: Reading, minds: Minds, counts: Floats, centre: Floats) -> None:
    k = counts.shape[2]
    if reading.guess:
        rows, middle = counts.reshape(-1, k), centre.reshape(-1, k)
        minds.stray[:] = strength(rows, middle, float(minds.stray[0]))
        return
    for c in range(len(counts)):
        minds.stray[c] = strength(counts[c], centre[c], float(minds.stray[c]), high=100.0)


def _class_log_prior(reading: Reading, q: Floats, shares: Floats, log_prior: Floats | None) -> Floats:
    """(C, 1) or (C, N): the class prior, anchored on shares of votes, times the shares of grades."""
    k, m = len(shares), len(reading.grades)
    mass = q.sum(axis=1).reshape(k, m)
    grade = (mass + 1) / (mass + 1).sum(axis=1, keepdims=True)
    if log_prior is not None:
        own: Floats = (log_prior[:, None, :] + np.log(grade)[:, :, None]).reshape(k * m, -1)
        return own
    held = anchored(mass.sum(axis=1), q.shape[1], shares, reading.prior)
    common: Floats = (held + np.log(grade)).reshape(-1, 1)
    return common
