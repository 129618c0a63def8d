"""Belief about one worker: a confusion matrix, shrunk towards the campaign's pool.

P(answer l | truth k, worker w) = theta_w[k, l]. The rows have Dirichlet priors centred on the pooled confusion pi[k, .]
with strength s (hierarchical Dawid-Skene): a newcomer is the pool, and moves away as fast as the facts say.
Above `MATRIX_LABELS` labels one accuracy per worker keeps the pool's pattern of errors.
Source: Dawid and Skene 1979, doi:10.2307/2346806; Paun et al. 2018, doi:10.1162/tacl_a_00040
(hierarchical, partial pooling).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from core import marks
from core.beta import beta_quantile
from core.evidence import Evidence

ACCURACY_PRIOR = 4.0  # answers that a newcomer's accuracy is worth
MATRIX_LABELS = 10  # a full matrix per worker is unlearnable above this


class Model(Enum):
    MATRIX = "matrix"  # K x K soft counts for each worker
    ACCURACY = "accuracy"  # right and wrong for each worker, errors as the pool's
    MARKS = "marks"  # several labels for each item: two rates for each label (`core/marks`)


@dataclass(frozen=True, slots=True)
class Pool:
    """What a campaign's workers have in common."""

    prior: tuple[float, ...]  # (K,), sums to 1; of marks: how often each label holds
    confusion: tuple[tuple[float, ...], ...]  # (K, K), rows sum to 1; of marks: (K, 2), imagines and sees
    strength: float  # of the Dirichlet priors, in answers
    temperature: float  # of the calibrated posterior; above 1 where beliefs are too sure
    model: Model
    lapse: float = 0.0  # chance of error that no number of agreeing answers removes
    pace: tuple[float, ...] = ()  # how much longer than `core.effort` says each form takes here; () where unknown
    voice: float = 1.0  # how far the network may be heard (`core.voice`); network_weight of the policy caps it

    def __post_init__(self) -> None:
        if not self.prior or len(self.confusion) != len(self.prior):
            raise ValueError("a pool needs one confusion row for each label")
        if not (self.strength > 0 and self.temperature > 0):
            raise ValueError("strength and temperature are positive")

    @classmethod
    def fresh(cls, labels: int, accuracy: float = 0.7, strength: float = 8.0) -> Pool:
        """The belief before any answer: even prior, `accuracy` right, errors evenly spread."""
        if labels < 1:
            raise ValueError("a pool needs at least one label")
        wrong = (1 - accuracy) / max(labels - 1, 1)
        right = accuracy if labels > 1 else 1.0
        rows = tuple(tuple(right if k == j else wrong for j in range(labels)) for k in range(labels))
        model = Model.MATRIX if labels <= MATRIX_LABELS else Model.ACCURACY
        return cls((1 / labels,) * labels, rows, strength, 1.3, model)

    @classmethod
    def of_marks(cls, labels: int) -> Pool:
        """The same where an item has several labels; the network is not heard there."""
        return cls((marks.HOLDS,) * labels, ((marks.IMAGINES, marks.SEES),) * labels, 8.0, 1.3, Model.MARKS, voice=0.0)

    @classmethod
    def of_words(cls) -> Pool:
        """The same where words of the item's text are marked, which all share one label."""
        rates = (marks.WORD_IMAGINES, marks.WORD_SEES)
        return cls((marks.WORD_HOLDS,), (rates,), 8.0, 1.3, Model.MARKS, voice=0.0)

    @property
    def labels(self) -> int:
        return len(self.prior)

    @property
    def of_one(self) -> bool:
        """Whether there is nothing to be wrong about: a single label that always holds."""
        return self.labels == 1 and self.model is not Model.MARKS

    @property
    def accuracy(self) -> float:
        """How often an average worker is right; of marks: about one label."""
        if self.model is Model.MARKS:
            return sum(marks.accuracies(self.prior, self.confusion)) / self.labels
        return sum(p * row[k] for k, (p, row) in enumerate(zip(self.prior, self.confusion, strict=True)))

    def to_json(self) -> str:
        belief = (self.prior, self.confusion, self.strength, self.temperature, self.model.value)
        return json.dumps([*belief, self.lapse, self.pace, self.voice])

    @classmethod
    def from_json(cls, text: str) -> Pool:
        prior, confusion, strength, temperature, model, *rest = json.loads(text)
        more: list[Any] = [0.0, (), 1.0]
        lapse, pace, voice = rest + more[len(rest) :]
        rows = tuple(map(tuple, confusion))
        return cls(tuple(prior), rows, strength, temperature, Model(model), lapse, tuple(pace), voice)


@dataclass(frozen=True, slots=True)
class Reliability:
    """One worker's soft counts beyond the pool: K*K row by row (matrix), right and wrong (accuracy), or 4K (marks)."""

    counts: tuple[float, ...]

    @classmethod
    def newcomer(cls, pool: Pool) -> Reliability:
        """The worker of whom nothing is known."""
        size = {Model.MATRIX: pool.labels**2, Model.MARKS: marks.COUNTS * pool.labels}.get(pool.model, 2)
        return cls((0.0,) * size)

    @property
    def seen(self) -> float:
        """Soft number of answers that this belief rests on."""
        return sum(self.counts)

    def to_json(self) -> str:
        return json.dumps([round(count, 6) for count in self.counts])

    @classmethod
    def from_json(cls, text: str) -> Reliability:
        return cls(tuple(map(float, json.loads(text))))


def likelihood(evidence: Evidence, reliability: Reliability, pool: Pool) -> tuple[float, ...]:
    """(K,) P(evidence | truth k, this worker)."""
    k = pool.labels
    labels = evidence.labels()
    if pool.model is Model.ACCURACY:
        return _likelihood_by_accuracy(evidence, labels, reliability, pool)
    counts, s = reliability.counts, pool.strength
    if len(labels) == 1:
        j = labels[0]
        return tuple([
            (s * row[j] + counts[at + j]) / (s + sum(counts[at : at + k]))
            for at, row in zip(range(0, k * k, k), pool.confusion, strict=True)
        ])  # fmt: skip
    return tuple([
        sum([s * row[j] + counts[at + j] for j in labels]) / (s + sum(counts[at : at + k]))
        for at, row in zip(range(0, k * k, k), pool.confusion, strict=True)
    ])  # fmt: skip


def _likelihood_by_accuracy(
    evidence: Evidence, labels: tuple[int, ...], reliability: Reliability, pool: Pool
) -> tuple[float, ...]:
    right = hit_chance(reliability, pool)
    found = []
    for k, row in enumerate(pool.confusion):
        wrong = (1 - right) / max(1 - row[k], 1e-12)
        mass = sum([row[j] for j in labels]) * wrong
        found.append(mass + right - row[k] * wrong if k in evidence else mass)
    return tuple(found)


def hit_chance(reliability: Reliability, pool: Pool) -> float:
    """How often this worker is right, where one accuracy says all of them (`Model.ACCURACY`)."""
    if pool.labels == 1:
        return 1.0
    right, wrong = reliability.counts
    return (pool.strength * pool.accuracy + right) / (pool.strength + right + wrong)


def confusion(reliability: Reliability, pool: Pool) -> tuple[tuple[float, ...], ...]:
    """(K, K) the worker's confusion matrix; rows are the truth and sum to 1."""
    if pool.model is Model.ACCURACY:
        columns = [likelihood(Evidence.of(j), reliability, pool) for j in range(pool.labels)]
        return tuple(zip(*columns, strict=True))
    counts, s, k = reliability.counts, pool.strength, pool.labels
    found = []
    for at, row in zip(range(0, k * k, k), pool.confusion, strict=True):
        mine = counts[at : at + k]
        total = s + sum(mine)
        found.append(tuple([(s * p + count) / total for p, count in zip(row, mine, strict=True)]))
    return tuple(found)


def learnt(
    reliability: Reliability, posterior: Sequence[float], evidence: Evidence, pool: Pool, weight: float = 1.0
) -> Reliability:
    """The belief after one more answer to an item believed to be `posterior` (K,).

    `posterior` must not contain this worker's own answer (one-hot for a control), or the worker would vote
    on themselves.
    """
    if pool.model is Model.MARKS:
        said = marks.marked_by(evidence, len(posterior))
        return reliability if said is None else Reliability(marks.counted(reliability.counts, posterior, said, weight))
    if evidence.is_everything(pool.labels):
        return reliability
    if pool.model is Model.MATRIX:
        return _learnt_matrix(reliability, posterior, evidence, pool, weight)
    chance = likelihood(evidence, reliability, pool)
    hit = hit_chance(reliability, pool)
    gained = weight * sum([posterior[k] * hit / chance[k] for k in evidence.labels() if chance[k] > 0.0])
    right, wrong = reliability.counts
    return Reliability((right + gained, wrong + weight - gained))


def _learnt_matrix(
    reliability: Reliability, posterior: Sequence[float], evidence: Evidence, pool: Pool, weight: float
) -> Reliability:
    counts, k = list(reliability.counts), pool.labels
    labels = evidence.labels()
    if len(labels) == 1:
        for at, p in enumerate(posterior):
            counts[at * k + labels[0]] += weight * p
        return Reliability(tuple(counts))
    for at, (p, row) in enumerate(zip(posterior, pool.confusion, strict=True)):
        parts = [pool.strength * row[j] + reliability.counts[at * k + j] for j in labels]
        total = sum(parts)
        for j, part in zip(labels, parts, strict=True):
            counts[at * k + j] += weight * p * part / total
    return Reliability(tuple(counts))


def accuracy(reliability: Reliability, pool: Pool, mass: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high): how often this worker is right on such items, with the credible interval."""
    if pool.of_one:
        return 1.0, 1.0, 1.0
    counts = marks.right_and_wrong(reliability.counts) if pool.model is Model.MARKS else reliability.counts
    right = sum(counts[:: pool.labels + 1]) if pool.model is Model.MATRIX else counts[0]
    wrong = max(sum(counts) - right, 0.0)
    a = right + ACCURACY_PRIOR * pool.accuracy
    b = wrong + ACCURACY_PRIOR * (1 - pool.accuracy)
    tail = (1 - mass) / 2
    return a / (a + b), beta_quantile(tail, a, b), beta_quantile(1 - tail, a, b)
