"""Belief about one item: K probabilities, moved exactly by each answer, given the workers' reliabilities.

Where items have several labels (`Model.MARKS`) they are K chances, one that each label holds, and where words are
marked one that each word is part of a stretch: `core/marks`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core import marks
from core.evidence import Evidence
from core.reliability import Model, Pool, Reliability, likelihood

TINY = 1e-9
FLOOR = 1e-12  # no label is ever impossible: a later answer may bring it back


def start(
    pool: Pool, suggestion: Sequence[float] | None = None, network_weight: float = 0.0, marks_: int = 1
) -> tuple[float, ...]:
    """(K,) the belief before any answer: class prior, times the network's voice where there is one. `marks_`: how many
    beliefs there are about the item, where its words are marked.

    `suggestion` (K,) must come from a version that has never seen an answer about this item. It is heard as a
    likelihood ratio against the class prior, (suggestion / prior)^weight, and never outweighs one average worker: the
    odds that it adds between two labels stay under those of one average answer. `core.voice` learns the weight.
    """
    if suggestion is None or network_weight <= 0.0:
        return tuple(marks.stretched(pool.prior, marks_))
    if len(suggestion) != pool.labels:
        raise ValueError(f"a suggestion for {pool.labels} labels has {len(suggestion)}")
    weight = min(network_weight, 1.0)
    voice = [(max(s, TINY) / max(p, TINY)) ** weight for s, p in zip(suggestion, pool.prior, strict=True)]
    floor = max(voice) / odds_of_one_answer(pool)
    return _normalised([p * max(v, floor) for p, v in zip(pool.prior, voice, strict=True)])


def odds_of_one_answer(pool: Pool) -> float:
    """How much likelier an average worker's answer makes the label it names than another one; at least 1."""
    right = pool.accuracy
    wrong = (1 - right) / max(pool.labels - 1, 1)
    return max(right / max(wrong, TINY), 1.0)


def absorb(
    posterior: Sequence[float], evidence: Evidence, reliability: Reliability, pool: Pool, weight: float = 1.0
) -> tuple[float, ...]:
    """(K,) the belief after one more answer: q(k) P(E | k, w)^weight, normalised."""
    if pool.model is Model.MARKS:
        marked = marks.marked_by(evidence, len(posterior))
        if marked is None:
            return tuple(posterior)
        return marks.moved(posterior, marked, marks.rates_of(reliability.counts, pool.confusion, pool.strength), weight)
    if weight <= 0.0 or evidence.is_everything(pool.labels):
        return tuple(posterior)
    chance = likelihood(evidence, reliability, pool)
    if weight == 1.0:
        return _normalised([p * c for p, c in zip(posterior, chance, strict=True)])
    return _normalised([p * c**weight for p, c in zip(posterior, chance, strict=True)])


def calibrated(posterior: Sequence[float], temperature: float, lapse: float = 0.0) -> tuple[float, ...]:
    """(K,) the belief as it may be claimed: q(k)^(1 / temperature), normalised, with `lapse` spread over all labels."""
    cool = 1 / temperature
    claim = _normalised([p**cool for p in posterior]) if temperature != 1.0 else tuple(posterior)
    return tuple([(1 - lapse) * p + lapse / len(claim) for p in claim]) if lapse else claim


def claimed(posterior: Sequence[float], pool: Pool) -> tuple[float, ...]:
    """(K,) the belief as sure as the campaign's calibration allows."""
    if pool.model is Model.MARKS:
        return marks.claimed(posterior, pool.temperature, pool.lapse)
    return calibrated(posterior, pool.temperature, pool.lapse)


def sureness(claim: Sequence[float], pool: Pool) -> float:
    """How sure a claim (K,) is: of its likeliest label; of the least sure one where items have several."""
    return marks.sureness(claim) if pool.model is Model.MARKS else max(claim)


def certainty(truth: int, pool: Pool, marks_: int) -> tuple[float, ...]:
    """(K,) the belief about an item whose truth is known, see `Item.truth`; `marks_`: how many beliefs it has."""
    return marks.certainty(truth, marks_) if pool.model is Model.MARKS else one_hot(truth, pool.labels)


def one_hot(label: int, labels: int) -> tuple[float, ...]:
    """(K,) certainty of one label."""
    return tuple(float(k == label) for k in range(labels))


def consensus(posterior: Sequence[float]) -> tuple[int, float]:
    """(label, its probability): the likeliest label, the first of equals."""
    confidence = max(posterior)
    return list(posterior).index(confidence), confidence


def entropy(posterior: Sequence[float]) -> float:
    """Doubt that is left, in nats."""
    return -sum(p * math.log(p) for p in posterior if p > 0.0)


def _normalised(masses: Sequence[float]) -> tuple[float, ...]:
    total = sum(masses)
    if total <= 0.0:
        return (1 / len(masses),) * len(masses)
    bound = total * FLOOR
    if min(masses) < bound:
        masses = [max(m, bound) for m in masses]
        total = sum(masses)
    return tuple([m / total for m in masses])
