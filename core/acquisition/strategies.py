"""Strategies: what a version sees of N open items -> (N,) worth of labelling each, in [0, 1].

Each strategy puts the `batch` items that it would have labelled before the next night into (0.5, 1] and the others, by
their doubt, into [0, 0.5].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.acquisition.doubt import Floats, disagreement, entropies, margins, rarity
from core.acquisition.groups import SAMPLE, Ints, Singles, grouped, sample
from core.version import Rows

NEIGHBOURS = 20  # of an item whose typicality is asked
COMPANY = 512  # members of a group among whom neighbours are looked for
PREFILTER, SHARE = 10, 0.2  # batches, and share of the pool, among which groups are made
LEAST_DOUBT = 1e-3  # weight of an item that the version is sure of: the sure are asked last, not never


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a version sees of N items."""

    probabilities: Floats  # (N, K), rows sum to 1, calibrated; float32 will do
    embeddings: Rows  # (N, D)
    heads: Floats | None = None  # (H, N, K) of several heads, or of several passes with dropout
    shares: Floats | None = None  # (K,) of the labels among what was taught

    def __post_init__(self) -> None:
        if len(self.embeddings) != len(self.probabilities):
            raise ValueError("one embedding for each item")
        if self.heads is not None and self.heads.shape[1:] != self.probabilities.shape:
            raise ValueError("each head speaks about every item and label")

    def __len__(self) -> int:
        return len(self.probabilities)


Strategy = Callable[[View, int, np.random.Generator], Floats]


def by_chance(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """Every order is as likely as every other: the baseline that is never unsafe."""
    return rng.random(len(view))


def by_entropy(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """The most doubtful by entropy. They may all be alike."""
    return entropies(view.probabilities)


def by_margin(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """The most doubtful by the lead of the first label over the second. They may all be alike."""
    return margins(view.probabilities)


def by_disagreement(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """BALD: what the heads do not agree on; entropy where there is one head only."""
    return by_entropy(view, batch, rng) if view.heads is None else disagreement(view.heads)


def by_rarity(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """Doubtful items that are expected to carry labels seldom taught; margins where the shares are unknown."""
    doubt = margins(view.probabilities)
    return doubt if view.shares is None else np.sqrt(doubt * rarity(view.probabilities, view.shares))


def by_groups(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """The default. Weighted k-means among the more doubtful: as many groups as items can be labelled, their centres
    pulled by doubt, and the item nearest each centre first.

    Source: Zhdanov 2019, arXiv:1901.05954. Deviation: the prefilter keeps SHARE of the pool or ten batches, whichever
    is more, so that a small batch from a large pool is not taken from what nobody could label.
    """
    doubt = margins(view.probabilities)
    rows = most(doubt, max(PREFILTER * batch, int(SHARE * len(view))))
    embeddings = view.embeddings if len(rows) == len(view) else view.embeddings[rows]
    found = grouped(embeddings, np.maximum(doubt[rows], LEAST_DOUBT), batch, rng)
    each = -(-batch // len(found.centres))  # there are fewer groups than a very large batch has items
    return placed(rows[best_of_groups(found.group, found.distance, each)], doubt)


def most(doubt: Floats, count: int) -> Ints:
    """(count,) rows of the most doubtful, in order; all of them where there are no more."""
    if count >= len(doubt):
        return np.arange(len(doubt))
    return np.sort(np.argpartition(-doubt, count)[:count])


def by_gradients(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """BADGE: k-means++ over the gradients of the last layer if the likeliest label were the truth.

    The gradient of item i is (p_i - e_i) x h_i, of length K * D; distances need only products of its two factors.
    At most SAMPLE items, drawn by doubt, are looked at.
    Source: Ash et al. 2020, arXiv:1906.03671.
    """
    doubt = 1.0 - view.probabilities.max(axis=1, initial=0.0)
    rows = sample(np.maximum(doubt, LEAST_DOUBT), min(len(view), SAMPLE), rng)
    p = np.asarray(view.probabilities[rows], dtype=np.float32)
    lean = p - np.eye(p.shape[1], dtype=np.float32)[p.argmax(axis=1)]
    points = np.asarray(view.embeddings[rows], dtype=np.float32)
    chosen = rows[_far_apart(lean, points, min(batch, len(rows)), rng)]
    return placed(np.unique(chosen), margins(view.probabilities))


def _far_apart(lean: Singles, points: Singles, k: int, rng: np.random.Generator) -> Ints:
    """k-means++ over outer products lean (n, K) x points (n, D)."""
    size = np.square(lean).sum(axis=1) * np.square(points).sum(axis=1)
    chosen, gap = np.empty(k, dtype=np.int64), size.astype(np.float64)
    for at in range(k):
        chance = gap if gap.sum() > 0 else np.ones(len(gap))
        index = int(np.searchsorted(np.cumsum(chance), rng.random() * chance.sum(), side="right"))
        chosen[at] = index = min(index, len(gap) - 1)
        apart = size + size[index] - 2 * (lean @ lean[index]) * (points @ points[index])
        gap = np.minimum(gap, np.maximum(apart, 0.0)) if at else np.maximum(apart, 0.0).astype(np.float64)
        gap[index] = 0.0
    return chosen


def by_typicality(view: View, batch: int, rng: np.random.Generator) -> Floats:
    """TypiClust, for the cold start: as many groups as can be labelled, the item with the nearest neighbours first.

    Source: Hacohen, Dekel and Weinshall 2022, arXiv:2202.02794. Deviation: neighbours are looked for among at most
    COMPANY members of the group.
    """
    found = grouped(view.embeddings, np.ones(len(view)), batch, rng)
    order = np.argsort(found.group, kind="stable")
    cuts = np.flatnonzero(np.diff(found.group[order])) + 1
    best = [_most_typical(view.embeddings, rows, rng) for rows in np.split(order, cuts) if len(rows)]
    return placed(np.array(best, dtype=np.int64), margins(view.probabilities))


def _most_typical(embeddings: Rows, rows: Ints, rng: np.random.Generator) -> int:
    some = rows if len(rows) <= COMPANY else rng.choice(rows, COMPANY, replace=False)
    points = np.asarray(embeddings[some], dtype=np.float32)
    size = np.square(points).sum(axis=1)
    apart = np.sqrt(np.maximum(size[:, None] + size - 2 * points @ points.T, 0.0))
    near = np.sort(apart, axis=1)[:, : NEIGHBOURS + 1].mean(axis=1)  # the item itself is at 0 for everybody
    return int(some[near.argmin()])


def best_of_groups(group: Ints, cost: Floats, each: int = 1) -> Ints:
    """The cheapest items of every group, at most `each`."""
    order = np.lexsort((cost, group))
    own = group[order]
    return order[np.arange(len(own)) - np.searchsorted(own, own) < each]


def placed(first: Ints, doubt: Floats) -> Floats:
    """(N,) worth: `first` above 0.5, the others up to 0.5, both by doubt."""
    worth = 0.5 * doubt
    worth[first] += 0.5
    clipped: Floats = np.clip(worth, 0.0, 1.0)
    return clipped


