"""When to stop asking about an item: it is settled, or another answer is worth less than it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from core import marks
from core.posterior import claimed, consensus, sureness
from core.reliability import Model, Pool

GOOD = 2.0  # deviations above the average worker: as good a worker as one may hope for
LIKELIEST = 0.99  # nobody is hoped to be right more often
MOST_LEFT = 50  # answers; more would settle anything


class Next(Enum):
    ASK = "ask"
    SETTLE = "settle"
    DISPUTE = "dispute"  # the crowd cannot tell: an admin must


@dataclass(frozen=True, slots=True)
class StopRule:
    """Settle at `confidence` (calibrated) with at least `min_overlap` answers; dispute at `max_overlap`.

    Where items have several labels, `confidence` is what each single one of them must reach: of the label decisions of
    settled items at least that share is right, of whole sets perhaps less.

    `price`: the least worth (see `worth`) of another answer to an item that is not sure; under it the item is disputed
    as well. 0 where answers are asked for as long as they may settle something.
    """

    confidence: float = 0.95
    min_overlap: int = 2
    max_overlap: int = 7
    price: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1.0:
            raise ValueError(f"confidence is at least 0.5 and under 1, not {self.confidence}")
        if not 2 <= self.min_overlap <= self.max_overlap:
            raise ValueError("2 <= min_overlap <= max_overlap: one answer alone settles nothing")
        if not 0.0 <= self.price <= 1.0:
            raise ValueError(f"a price is at least 0 and at most 1, not {self.price}")


def decide(claim: Sequence[float], answers: int, rule: StopRule, best: float = 1.0) -> Next:
    """What to do with an item after `answers` answers, given its calibrated posterior (K,), or only its sureness (1,).

    `best`: how sure the answers that are left could make it, see `hoped`.
    """
    if answers >= rule.min_overlap and max(claim) >= rule.confidence:
        return Next.SETTLE
    if answers >= rule.max_overlap:
        return Next.DISPUTE
    hopeless = best < rule.confidence or worth(max(claim), answers) < rule.price
    return Next.DISPUTE if answers >= rule.min_overlap and hopeless else Next.ASK


def worth(sure: float, answers: int) -> float:
    """What going on with an item may bring for each answer: its doubt over the root of the answers that it took.

    Doubt bounds the gain in correct labels. An item that is in doubt after many answers is probably a hard one, on
    which the next answers will not agree either: the longer it took, the longer it will take.
    """
    return (1.0 - sure) / math.sqrt(answers + 1)


def hoped(posterior: Sequence[float], left: int, rule: StopRule, pool: Pool) -> float:
    """How sure an item would be if `left` more answers all named its likeliest label, from workers as good as may be
    hoped for; 1 where the campaign's calibration lets no item settle, which is no fault of this item.

    `posterior` (K,) not yet calibrated. An item that even this does not settle need not be asked about again
    (stochastic curtailment; Lan, Simon and Halperin 1982, doi:10.1080/07474948208836014).
    """
    k = pool.labels
    if pool.model is Model.MARKS:
        return _hoped_of_marks(posterior, min(left, MOST_LEFT), rule, pool)
    if k < 2 or 1.0 - pool.lapse * (k - 1) / k < rule.confidence:
        return 1.0
    label, _ = consensus(posterior)
    right, left = _good(pool, label), min(left, MOST_LEFT)
    masses = []
    for j, (p, row) in enumerate(zip(posterior, pool.confusion, strict=True)):
        wrong = row[label] * (1 - _good(pool, j)) / max(1 - row[j], 1e-9)
        masses.append(p if j == label else p * min(wrong / right, 1.0) ** left)
    total = sum(masses)
    return max(claimed([mass / total for mass in masses], pool))


def _hoped_of_marks(posterior: Sequence[float], left: int, rule: StopRule, pool: Pool) -> float:
    """The same of the least sure of several labels: the answers agree on what is likelier of each."""
    if 1.0 - pool.lapse / 2 < rule.confidence:
        return 1.0
    rates = [(1 - _better(1 - imagines, pool), _better(sees, pool)) for imagines, sees in pool.confusion]
    return sureness(claimed(marks.hoped(posterior, left, rates), pool), pool)


def _good(pool: Pool, label: int) -> float:
    """How often as good a worker as may be hoped for is right on items of this label."""
    mean = pool.accuracy if pool.model is Model.ACCURACY else pool.confusion[label][label]
    return _better(mean, pool)


def _better(mean: float, pool: Pool) -> float:
    return max(min(mean + GOOD * math.sqrt(mean * (1 - mean) / (pool.strength + 1)), LIKELIEST), mean)
