"""How good a version is, against the crowd's posterior, so that the crowd's own doubt counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from training.calibrate import log_losses
from training.examples import Floats

BINS = 10
LEAST = 8  # items of a point in the diagram of reliability


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """What suggestions (N, K) were worth on items whose soft truth (N, K) is known."""

    items: int
    accuracy: Interval  # expected share of right first labels
    log_loss: Interval  # nats an item
    brier: Interval  # 0..2, expected squared distance
    ece: Interval  # expected calibration error, 0..1
    macro_f1: Interval
    confusion: tuple[tuple[float, ...], ...]  # (K, K): expected items of truth k that were called l
    reliability: tuple[tuple[float, float, float], ...]  # (mean confidence, share right, items): `reliability`

    def as_json(self) -> dict[str, object]:
        """Return plain numbers, lists and names."""
        return asdict(self)


def evaluate(suggestions: Floats, truth: Floats, rng: np.random.Generator, draws: int = 500) -> Report:
    """Judge suggestions (N, K) against soft truth (N, K); resamples items `draws` times for the intervals."""
    n, k = truth.shape
    called = suggestions.argmax(axis=1)
    right, confidence = truth[np.arange(n), called], suggestions[np.arange(n), called]
    brier = (suggestions**2).sum(1) - 2 * (suggestions * truth).sum(1) + 1
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=draws)])  # row 0: the items themselves

    def spread(per_draw: Floats) -> Interval:
        low, high = np.quantile(per_draw[1:], [0.025, 0.975])
        return Interval(float(per_draw[0]), float(low), float(high))

    def mean(values: Floats) -> Interval:
        return spread(counts @ values / n)

    in_bin = np.eye(BINS)[bins]
    gaps = np.abs(counts @ (in_bin * (confidence - right)[:, None])).sum(axis=1) / n
    return Report(
        items=n,
        accuracy=mean(right),
        log_loss=mean(log_losses(suggestions, truth)),
        brier=mean(brier),
        ece=spread(gaps),
        macro_f1=spread(macro_f1(counts, truth, np.eye(k)[called])),
        confusion=tuple(tuple(float(x) for x in row) for row in truth.T @ np.eye(k)[called]),
        reliability=reliability(confidence, right),
    )


def reliability(confidence: Floats, right: Floats) -> tuple[tuple[float, float, float], ...]:
    """Return (mean confidence, share right, items) of at most BINS groups of rising confidence, alike in size and none
    under LEAST, so that no point of the diagram is one item's luck."""
    groups = np.array_split(np.argsort(confidence, kind="stable"), max(1, min(BINS, len(confidence) // LEAST)))
    return tuple((float(confidence[rows].mean()), float(right[rows].mean()), float(len(rows))) for rows in groups)


def macro_f1(counts: Floats, truth: Floats, called: Floats) -> Floats:
    """Return (draws,) mean F1 over the labels that occur, for item counts (draws, N), truth and calls (N, K)."""
    hits, said, there = counts @ (truth * called), counts @ called, counts @ truth
    occurs = (said + there) > 1e-9
    f1 = np.where(occurs, 2 * hits / np.where(occurs, said + there, 1), 0)
    return np.asarray(f1.sum(axis=1) / occurs.sum(axis=1))
