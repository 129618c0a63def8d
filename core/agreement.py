"""How much workers agree: Krippendorff's alpha, Fleiss' kappa, percent, one beside the others; and who has met whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLED = 5000  # items at most


class Scale(Enum):
    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"  # labels are the numbers 0..K-1


@dataclass(frozen=True, slots=True)
class Agreement:
    """A figure with its bootstrap interval; nan where no item has two answers."""

    value: float
    low: float
    high: float


def tally(item: Ints, label: Ints, items: int, labels: int) -> Floats:
    """(N, K) how often each item was given each label."""
    found = np.bincount(item * labels + label, minlength=items * labels).astype(np.float64)
    return found.reshape(items, labels)


def alpha(counts: Floats, scale: Scale = Scale.NOMINAL) -> float:
    """Krippendorff's alpha of counts (N, K); items with one answer or none are left out; 1 where nothing ever varies.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability" (repository.upenn.edu/asc_papers/43).
    """
    paired = counts[counts.sum(axis=1) >= 2]
    if not len(paired):
        return float("nan")
    size = paired.sum(axis=1)
    weighted = paired / (size - 1)[:, None]
    coincidences = paired.T @ weighted - np.diag(weighted.sum(axis=0))
    totals = coincidences.sum(axis=1)
    distance = _distance(totals, scale)
    expected = float(totals @ distance @ totals) / float(totals.sum() - 1)
    if expected <= 0:
        return 1.0
    return 1.0 - float((coincidences * distance).sum()) / expected


def _distance(totals: Floats, scale: Scale) -> Floats:
    """(K, K) squared distances between labels."""
    k = len(totals)
    if scale is Scale.NOMINAL:
        return 1.0 - np.eye(k)
    place = np.arange(k, dtype=np.float64)
    if scale is Scale.ORDINAL:
        place = np.cumsum(totals) - totals / 2
    gap: Floats = (place[:, None] - place[None]) ** 2
    return gap


def fleiss(counts: Floats) -> float:
    """Fleiss' kappa of counts (N, K), generalised to differing numbers of answers; 1 where one label is ever used.

    Source: Fleiss 1971, doi:10.1037/h0031619.
    """
    paired = counts[counts.sum(axis=1) >= 2]
    if not len(paired):
        return float("nan")
    share = paired.sum(axis=0) / paired.sum()
    chance = float((share**2).sum())
    return 1.0 if chance >= 1.0 else float((percent(paired) - chance) / (1 - chance))


def percent(counts: Floats) -> float:
    """Mean over items of the share of pairs of answers that agree."""
    size = counts.sum(axis=1)
    paired, size = counts[size >= 2], size[size >= 2]
    if not len(paired):
        return float("nan")
    return float(((paired * (paired - 1)).sum(axis=1) / (size * (size - 1))).mean())


def by_label(counts: Floats) -> Floats:
    """(K,) how often another answer to the same item says the label too, where one says it; nan where none does.

    Source: Fleiss, Levin and Paik 2003, "Statistical Methods for Rates and Proportions", 18.1 (specific agreement).
    """
    paired = counts[counts.sum(axis=1) >= 2]
    met = (paired * (paired.sum(axis=1, keepdims=True) - 1)).sum(axis=0)
    agreed = (paired * (paired - 1)).sum(axis=0)
    found: Floats = np.divide(agreed, met, out=np.full(counts.shape[1], np.nan), where=met > 0)
    return found


def bootstrap(
    counts: Floats, figure: Callable[[Floats], float], rng: np.random.Generator, draws: int = 200, mass: float = 0.95
) -> Agreement:
    """The figure of counts (N, K) with the interval that resampling items gives.

    Of more items than `RESAMPLED` that many are resampled, and the interval is narrowed by the root of their share,
    so that its cost is bounded.
    """
    paired = counts[counts.sum(axis=1) >= 2]
    value = float(figure(paired))
    if len(paired) < 2:
        return Agreement(value, value, value)
    some = paired if len(paired) <= RESAMPLED else paired[rng.choice(len(paired), RESAMPLED, replace=False)]
    found = np.array([figure(some[rng.integers(0, len(some), len(some))]) for _ in range(draws)])
    if len(some) < len(paired):
        found = value + (found - np.nanmean(found)) * np.sqrt(len(some) / len(paired))
    low, high = np.nanquantile(found, [(1 - mass) / 2, (1 + mass) / 2])
    return Agreement(value, float(low), float(high))


def beside_others(counts: Floats, guess: Ints) -> tuple[Floats, Floats]:
    """(n,) how often one answer to an item says what most of the others say, and (n,) how often `guess` (N,) does in
    its place, held against the same others; of the n items in counts (N, K) with two answers or more, ties shared.

    The others err, so neither is an accuracy; but both meet the same errors, so the two compare.
    """
    some = counts.sum(axis=1) >= 2
    votes, guess = counts[some], guess[some]
    own, other = np.zeros(len(votes)), np.zeros(len(votes))
    for label in range(counts.shape[1]):
        rows = np.flatnonzero(votes[:, label])
        rest = votes[rows]
        rest[:, label] -= 1
        most = rest == rest.max(axis=1, keepdims=True)
        share = votes[rows, label] / most.sum(axis=1)
        own[rows] += share * most[:, label]
        other[rows] += share * most[np.arange(len(rows)), guess[rows]]
    size = votes.sum(axis=1)
    return own / size, other / size


def cliques(item: Ints, worker: Ints, workers: int) -> Ints:
    """(W,) the group of each worker: two are in one group where shared items link them. Reliabilities of groups that
    never meet cannot be compared."""
    group = np.arange(workers)
    order = np.argsort(item, kind="stable")
    same = np.flatnonzero(item[order][1:] == item[order][:-1])
    links = np.stack([worker[order][same], worker[order][same + 1]], axis=1)
    links = np.unique(links, axis=0) if len(links) else np.zeros((0, 2), dtype=np.int64)
    while len(links):
        low = np.minimum(group[links[:, 0]], group[links[:, 1]])
        before = group.copy()
        np.minimum.at(group, links[:, 0], low)
        np.minimum.at(group, links[:, 1], low)
        group = group[group]
        if (group == before).all():
            break
    return group
