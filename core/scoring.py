"""How right, and how honest, beliefs are where the truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = 10


def accuracy(q: Floats, truth: Ints) -> float:
    """Share of rows (N, K) whose likeliest label is the truth (N,); nan where there are none."""
    return float((q.argmax(axis=1) == truth).mean()) if len(truth) else float("nan")


def log_loss(q: Floats, truth: Ints) -> float:
    """Mean surprise at the truth, in nats."""
    return float(-np.log(np.maximum(q[np.arange(len(truth)), truth], 1e-12)).mean()) if len(truth) else float("nan")


def calibration_error(sure: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error of confidences (N,), in ten bins of equal width.

    Source: Guo et al. 2017 (PMLR 70:1321).
    """
    if not len(sure):
        return float("nan")
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(place, right - sure, BINS)
    return float(np.abs(gap).sum() / len(sure))


def voted(votes: Floats, truth: Ints) -> float:
    """Accuracy of majority vote (N, K), ties broken at random, in expectation; nan where there are no items."""
    if not len(truth):
        return float("nan")
    top = votes >= votes.max(axis=1, keepdims=True)
    return float((top[np.arange(len(truth)), truth] / top.sum(axis=1)).mean())
