"""What is worth labelling: (N, K) probabilities and (N, D) embeddings -> (N,) worth in [0, 1].

Uncertainty-weighted k-means: the pool is cut into as many groups as items can be asked tomorrow, with doubtful items
pulling the centres; the doubtful item nearest each centre comes first. Diverse early, uncertain later.
Source: Zhdanov 2019, arXiv:1901.05954. Deviations: k-means++ seeds on a bounded sample; few Lloyd sweeps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SAMPLE = 4096  # items from which centres are learnt
SWEEPS = 5


def margins(probabilities: Floats) -> Floats:
    """(N,) doubt in [0, 1]: one minus the lead of the likeliest label over the second."""
    top = np.sort(probabilities, axis=1)[:, -2:]
    doubt: Floats = 1.0 - (top[:, 1] - top[:, 0])
    return doubt


def worth_of(probabilities: Floats, embeddings: Floats, batch: int, rng: np.random.Generator) -> Floats:
    """(N,) worth of labelling each item, in [0, 1]; the best `batch` differ from one another.

    `batch`: how many items can be asked before the next night.
    """
    n = len(probabilities)
    if n == 0:
        return np.zeros(0)
    doubt = margins(probabilities) + 1e-3
    centres = _centres(embeddings, doubt, min(batch, n, SAMPLE // 4), rng)
    group, distance = _nearest(embeddings, centres)
    worth = 0.5 * doubt / doubt.max()
    order = np.lexsort((distance / (1.0 + doubt), group))
    first = order[np.r_[True, np.diff(group[order]) > 0]]  # the best of each group
    worth[first] += 0.5
    clipped: Floats = np.clip(worth, 0.0, 1.0)
    return clipped


def _centres(embeddings: Floats, doubt: Floats, k: int, rng: np.random.Generator) -> Floats:
    n = len(embeddings)
    rows = rng.choice(n, SAMPLE, replace=False) if n > SAMPLE else np.arange(n)
    points, weight = embeddings[rows], doubt[rows]
    centres = _spread(points, weight, k, rng)
    for _ in range(SWEEPS):
        group, _ = _nearest(points, centres)
        mass = np.bincount(group, weight, minlength=k)
        sums = np.zeros_like(centres)
        np.add.at(sums, group, points * weight[:, None])
        centres = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-12)[:, None], centres)
    return centres


def _spread(points: Floats, weight: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k-means++: each further centre is drawn likelier where it is doubtful and far from those before."""
    chosen = [int(rng.choice(len(points), p=weight / weight.sum()))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(k - 1):
        mass = weight * distance
        index = int(rng.choice(len(points), p=mass / mass.sum())) if mass.sum() > 0 else int(rng.integers(len(points)))
        chosen.append(index)
        distance = np.minimum(distance, ((points - points[index]) ** 2).sum(axis=1))
    return points[chosen]


def _nearest(points: Floats, centres: Floats, chunk: int = 8192) -> tuple[NDArray[np.int64], Floats]:
    """(N,) nearest centre and (N,) squared distance to it, in chunks so that memory stays bounded."""
    group, distance = np.zeros(len(points), dtype=np.int64), np.zeros(len(points))
    norm = (centres**2).sum(axis=1)
    for at in range(0, len(points), chunk):
        part = points[at : at + chunk]
        squared = (part**2).sum(axis=1)[:, None] - 2 * part @ centres.T + norm
        group[at : at + chunk] = squared.argmin(axis=1)
        distance[at : at + chunk] = np.maximum(squared.min(axis=1), 0.0)
    return group, distance
