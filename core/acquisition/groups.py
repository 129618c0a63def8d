"""Groups of like items: weighted k-means on a sample, then every item to its nearest centre, in chunks.

Embeddings are anything that gives rows by slice or by index and has a shape: float16, float32 or float64, in memory or
mapped from a file. Only a chunk of them is ever held as float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.version import Rows

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

SAMPLE = 4096  # items from which centres are learnt
SWEEPS = 6
CHUNK = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Where each item belongs."""

    centres: Singles  # (k, D)
    group: Ints  # (N,) 0..k-1
    distance: Floats  # (N,) squared, to the own centre


def grouped(embeddings: Rows, weight: Floats, k: int, rng: np.random.Generator) -> Groups:
    """At most k groups of N items; items of more `weight` (N,), at least 0, pull the centres.

    Source: Lloyd's algorithm from k-means++ seeds (Arthur and Vassilvitskii 2007), on a sample drawn by weight.
    """
    n = len(embeddings)
    if n == 0:
        return Groups(np.zeros((1, embeddings.shape[1]), np.float32), np.zeros(0, np.int64), np.zeros(0))
    k = min(k, n, SAMPLE // 4)
    rows = sample(weight, min(n, SAMPLE), rng)
    points = np.asarray(embeddings[rows], dtype=np.float32)
    mass = weight[rows] if len(rows) == n else np.ones(len(rows))  # a sample by weight has the weights in it
    centres = points[spread(points, mass, k, rng)]
    for _ in range(SWEEPS):
        group, _ = nearest(points, centres)
        centres = _means(points, mass, group, centres)
    return Groups(centres, *nearest(embeddings, centres))


def sample(weight: Floats, size: int, rng: np.random.Generator) -> Ints:
    """(size,) rows in order, all where they are no more than that; likelier where they weigh more."""
    if size >= len(weight):
        return np.arange(len(weight))
    keys = rng.standard_exponential(len(weight)) / np.maximum(weight, 1e-9)  # Efraimidis and Spirakis 2006
    return np.sort(np.argpartition(keys, size)[:size])


def spread(points: Singles, weight: Floats, k: int, rng: np.random.Generator) -> Ints:
    """(k,) rows: each further one is drawn likelier where it weighs more and is far from those before."""
    chosen = np.empty(k, dtype=np.int64)
    chance, gap = weight + 1e-12, np.full(len(points), np.inf)
    points = points - points.mean(axis=0)  # products of rows near one another lose fewer digits
    size = np.square(points).sum(axis=1)
    for at in range(k):
        index = int(np.searchsorted(np.cumsum(chance), rng.random() * chance.sum(), side="right"))
        chosen[at] = index = min(index, len(points) - 1)
        apart = size + size[index] - 2 * (points @ points[index])
        gap = np.minimum(gap, np.where(apart > 1e-6 * size[index], apart, 0.0))
        chance = weight * gap
        if not chance.sum() > 0:  # all that are left lie on chosen ones
            chance = np.ones(len(points))
    return chosen


def nearest(embeddings: Rows, centres: Singles) -> tuple[Ints, Floats]:
    """(N,) nearest centre and (N,) squared distance to it."""
    group, distance = np.zeros(len(embeddings), dtype=np.int64), np.zeros(len(embeddings))
    norm, turned = np.square(centres).sum(axis=1), np.ascontiguousarray(centres.T)
    for at, part in chunks(embeddings):
        squared = norm - 2 * (part @ turned)
        best = squared.argmin(axis=1)
        group[at : at + len(part)] = best
        least = squared[np.arange(len(part)), best] + np.square(part).sum(axis=1)
        distance[at : at + len(part)] = np.maximum(least, 0.0)
    return group, distance


def chunks(embeddings: Rows) -> Iterator[tuple[int, Singles]]:
    """(first row, rows as float32) of all embeddings, a bounded number at a time."""
    for at in range(0, len(embeddings), CHUNK):
        yield at, np.asarray(embeddings[at : at + CHUNK], dtype=np.float32)


def _means(points: Singles, mass: Floats, group: Ints, centres: Singles) -> Singles:
    """(k, D) weighted means; a centre without points stays."""
    k = len(centres)
    total = np.bincount(group, mass, minlength=k)
    order = np.argsort(group, kind="stable")
    filled = np.flatnonzero(np.bincount(group, minlength=k))
    starts = np.searchsorted(group[order], filled)
    sums = np.add.reduceat(points[order] * mass[order, None].astype(np.float32), starts, axis=0)
    found = centres.copy()
    heavy = total[filled] > 0
    found[filled[heavy]] = sums[heavy] / total[filled[heavy], None]
    return found.astype(np.float32)
