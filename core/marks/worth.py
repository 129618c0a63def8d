"""What an answer that marks some of K labels is worth: the twin of `core/worth.py` for items with several labels.

Where words are marked items differ in their number; beliefs about many items are then as wide as the longest, and nan
where a shorter one has no word.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stacked(rows: Sequence[Sequence[float] | Floats], wide: int = 0) -> Floats:
    """(N, K) beliefs of any lengths, K that of the longest or `wide`; nan behind the end of the shorter ones."""
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    most = max(wide, int(sizes.max(initial=0)))
    found = np.full((len(rows), most), np.nan)
    found[np.arange(most) < sizes[:, None]] = np.fromiter(chain.from_iterable(rows), np.float64, int(sizes.sum()))
    return found


def own(row: Floats) -> Floats:
    """(n,) the marks of one item out of such a row."""
    found: Floats = row[~np.isnan(row)]
    return found


def claimed(q: Floats, temperature: float, lapse: float) -> Floats:
    """Chances of any shape as sure as may be claimed, each as a belief of two."""
    yes, no = np.maximum(q, 1e-12) ** (1 / temperature), np.maximum(1 - q, 1e-12) ** (1 / temperature)
    found: Floats = (1 - lapse) * yes / (yes + no) + lapse / 2
    return found


def told(q: Floats, rates: Floats) -> Floats:
    """(N,) nats that a worker's marks tell of items believed to be `q` (N, K): the sum over the labels; `rates` (K, 2)
    are how often the worker imagines and sees each."""
    imagines, sees = rates[:, 0], rates[:, 1]
    marked = q * sees + (1 - q) * imagines
    found: Floats = np.nansum(_doubt(marked) - q * _doubt(sees) - (1 - q) * _doubt(imagines), axis=1)
    return np.maximum(found, 0.0)


def settling(q: Floats, rates: Floats, temperature: float, lapse: float, confidence: float) -> Floats:
    """(N,) the chance that after this worker's marks every label is sure enough; labels independent."""
    found = np.ones(len(q))
    for p, (imagines, sees) in zip(q.T, rates.tolist(), strict=True):
        enough = np.zeros(len(q))
        for s, i in ((sees, imagines), (1 - sees, 1 - imagines)):
            chance = p * s + (1 - p) * i
            after = claimed(p * s / np.maximum(chance, 1e-12), temperature, lapse)
            enough += chance * (np.maximum(after, 1 - after) >= confidence)
        found *= np.where(np.isnan(p), 1.0, enough)
    return found


def doubt(q: Floats) -> Floats:
    """(N,) mean entropy of the labels of items believed to be `q` (N, K), in nats."""
    found: Floats = np.nanmean(_doubt(q), axis=1)
    return found


def _doubt(p: Floats) -> Floats:
    """Entropies of yes or no."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    found: Floats = -p * np.log(p) - (1 - p) * np.log1p(-p)
    return found
