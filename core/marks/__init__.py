"""Several labels for each item: K binary beliefs, moved exactly by each answer, given its worker's two rates a label.

An answer marks some labels, perhaps none, and so says yes or no of each of them. A worker sees label k (marks it where
it holds) and imagines it (marks it where it does not), each so often:

    q(k)  ->  q(k) s / (q(k) s + (1 - q(k)) i)      s, i = sees_k, imagines_k where k is marked, else 1 minus them

A pool keeps (imagines, sees) of each label as its `confusion`; a worker four soft counts of each label beyond it:
absent and left, absent and marked, there and left, there and marked. Labels are independent, given the item.
Source: Dawid and Skene 1979, doi:10.2307/2346806, for each label (binary relevance). Deviations: by day a worker's
labels are learnt one by one; that they have something in common is the refit's to know (`core/multilabel.py`).

Where words of a text are marked an item has as many beliefs as words, and all words share one label: a pool of one,
whose rates and shares `stretched` repeats. How many marks an item has is the length of its belief.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from core.evidence import Evidence

T = TypeVar("T")

HOLDS = 0.3  # of each label, before any answer
IMAGINES, SEES = 0.1, 0.75  # of a worker of whom nobody knows anything
WORD_HOLDS, WORD_IMAGINES, WORD_SEES = 0.15, 0.04, 0.8  # the same of a word: few are names, and the eye finds them
FLOOR = 1e-12  # no label is ever certain: a later answer may turn it
NOTHING = "(none)"  # the empty set in files
COUNTS = 4  # soft counts of a worker for each label

Rates = Sequence[Sequence[float]]  # (K, 2): imagines, sees; (1, 2) where all marks share them


def stretched(of: Sequence[T], marks: int) -> Sequence[T]:
    """What a pool says of each label, for each of an item's marks."""
    return list(of) * marks if len(of) == 1 else of


def evidence_of(marked: Iterable[int], labels: int) -> Evidence:
    """An answer that marks these of 0..labels-1 as evidence; one that marks none is the single bit `labels`."""
    found = sorted(set(marked))
    if found and not 0 <= found[0] <= found[-1] < labels:
        raise ValueError(f"labels {found} of {labels}")
    return Evidence.among(found or (labels,))


def not_sure(labels: int) -> Evidence:
    """The answer that says nothing of any label."""
    return Evidence.all(labels + 1)


def marked_by(evidence: Evidence, labels: int) -> tuple[int, ...] | None:
    """The labels that an answer marks, perhaps none; None for "not sure". ValueError for what is no such answer."""
    if evidence.is_everything(labels + 1):
        return None
    if (labels in evidence and len(evidence) > 1) or not evidence.fits(labels + 1):
        raise ValueError(f"{evidence.labels()} is no set of {labels} labels")
    return () if labels in evidence else evidence.labels()


def set_of(bits: int) -> tuple[int, ...]:
    """The labels of a set that is kept as bits (the truth of a control, a ruling); 0 is the empty set."""
    return tuple(label for label in range(bits.bit_length()) if bits >> label & 1)


def bits_of(labels: Iterable[int]) -> int:
    """The inverse of `set_of`."""
    return sum(1 << label for label in set(labels))


def written(labels: Iterable[int], names: Sequence[str]) -> str:
    """A set in a cell of a file: "cat|dog"."""
    return "|".join(names[label] for label in labels) or NOTHING


def parts_of(cell: str) -> list[str]:
    """The labels in such a cell."""
    parts = [part.strip() for part in cell.split("|")]
    return [part for part in parts if part and part.casefold() != NOTHING]


def certainty(bits: int, labels: int) -> tuple[float, ...]:
    """(K,) the belief about an item whose set is known."""
    return tuple(float(bits >> k & 1) for k in range(labels))


def likeliest(belief: Sequence[float]) -> tuple[int, ...]:
    """The labels that hold more likely than not: the likeliest set, perhaps empty."""
    return tuple(k for k, p in enumerate(belief) if p > 0.5)


def sureness(claim: Sequence[float]) -> float:
    """How sure the least sure of the labels is, in [0.5, 1]."""
    return min(max(p, 1 - p) for p in claim)


def claimed(belief: Sequence[float], temperature: float, lapse: float) -> tuple[float, ...]:
    """(K,) each label's chance as sure as may be claimed, as a belief of two: `core.posterior.calibrated`."""
    cool, found = 1 / temperature, []
    for p in belief:
        yes, no = p**cool, (1 - p) ** cool
        found.append((1 - lapse) * yes / (yes + no) + lapse / 2)
    return tuple(found)


def rates_of(counts: Sequence[float], confusion: Rates, strength: float) -> list[tuple[float, float]]:
    """(K, 2) how often a worker imagines and sees each label."""
    found = []
    for at, (imagines, sees) in zip(range(0, len(counts), COUNTS), confusion, strict=True):
        left, false, missed, right = counts[at : at + COUNTS]
        found.append(
            ((strength * imagines + false) / (strength + left + false),
             (strength * sees + right) / (strength + missed + right))
        )  # fmt: skip
    return found


def moved(belief: Sequence[float], marked: Iterable[int], rates: Rates, weight: float = 1.0) -> tuple[float, ...]:
    """(K,) the belief after one more answer, of a worker with these rates."""
    on, found = set(marked), []
    for k, (p, (imagines, sees)) in enumerate(zip(belief, stretched(rates, len(belief)), strict=True)):
        s, i = (sees, imagines) if k in on else (1 - sees, 1 - imagines)
        yes, no = max(p, FLOOR) * s**weight, max(1 - p, FLOOR) * i**weight
        found.append(min(max(yes / (yes + no), FLOOR), 1 - FLOOR))
    return tuple(found)


def counted(
    counts: Sequence[float], belief: Sequence[float], marked: Iterable[int], weight: float = 1.0
) -> tuple[float, ...]:
    """(4K,) a worker's soft counts after one more answer, to an item believed to be `belief` without it; (4,) where all
    marks share them."""
    on, found = set(marked), list(counts)
    for k, p in enumerate(belief):
        at = COUNTS * k % len(found) + (k in on)
        found[at] += weight * (1 - p)
        found[at + 2] += weight * p
    return tuple(found)


def accuracies(prior: Sequence[float], rates: Rates) -> list[float]:
    """(K,) how often a worker is right about each label."""
    return [p * sees + (1 - p) * (1 - imagines) for p, (imagines, sees) in zip(prior, rates, strict=True)]


def right_and_wrong(counts: Sequence[float]) -> tuple[float, float]:
    """Soft numbers of decisions about labels that were right and wrong, in answers: K decisions make one; of words each
    counts as one."""
    labels = max(len(counts) // COUNTS, 1)
    right = sum(counts[0::COUNTS]) + sum(counts[3::COUNTS])
    return max(right, 0.0) / labels, max(sum(counts) - right, 0.0) / labels


def hoped(belief: Sequence[float], left: int, rates: Rates) -> tuple[float, ...]:
    """(K,) the belief after `left` more answers that all say of each label what is likelier now."""
    return tuple(_agreed(belief, left, rates))


def _agreed(belief: Sequence[float], left: int, rates: Rates) -> Iterator[float]:
    for p, (imagines, sees) in zip(belief, stretched(rates, len(belief)), strict=True):
        yes = p > 0.5
        nats = math.log(sees / imagines) if yes else math.log((1 - sees) / (1 - imagines))
        p = min(max(p, FLOOR), 1 - FLOOR)
        odds = math.log(p / (1 - p)) + left * (max(nats, 0.0) if yes else min(nats, 0.0))
        yield 1 / (1 + math.exp(-min(max(odds, -27.0), 27.0)))
