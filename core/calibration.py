"""How sure may a belief be called? A temperature, and a lapse that no number of agreeing answers removes.

Posteriors are too sure because a hard item fools several workers together.
claimed = (1 - lapse) q^(1/T) + lapse / K, with T and lapse
averaged over their posterior given the controls: few controls, cautious claims.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(12.0), 24))
LAPSES = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6])


@dataclass(frozen=True, slots=True)
class Calibration:
    temperature: float = 1.3
    lapse: float = 0.0

    def of(self, q: Floats) -> Floats:
        """(N, K) as sure as may be claimed."""
        return claimed(q, self.temperature, self.lapse)


def claimed(q: Floats, temperature: float, lapse: float) -> Floats:
    """(N, K) rows that sum to 1."""
    cool = np.maximum(q, 1e-12) ** (1 / temperature)
    cool /= cool.sum(axis=1, keepdims=True)
    mixed: Floats = (1 - lapse) * cool + lapse / max(q.shape[1], 1)
    return mixed


def fitted(q: Floats, truth: Ints) -> Calibration:
    """The calibration that items of known truth (N,) ask for, given what was believed of them (N, K) beforehand."""
    weight = weights_of(q, truth)
    temperature = float(np.exp((weight.sum(axis=1) * np.log(TEMPERATURES)).sum()))
    return Calibration(temperature, float((weight.sum(axis=0) * LAPSES).sum()))


def weights_of(q: Floats, truth: Ints) -> Floats:
    """(TEMPERATURES, LAPSES) how likely each calibration is, given known items; sums to 1."""
    best = q.argmax(axis=1) if len(q) else np.zeros(0, dtype=np.int64)
    right = best == truth
    prior = -0.5 * ((np.log(TEMPERATURES)[:, None] - np.log(1.3)) / 0.5) ** 2 - LAPSES[None] / 0.03
    score = prior.copy()
    for a, t in enumerate(TEMPERATURES):
        top = claimed(q, float(t), 0.0).max(axis=1, initial=0.0)
        for b, lapse in enumerate(LAPSES):
            sure = (1 - lapse) * top + lapse / max(q.shape[1], 1)
            score[a, b] += np.log(np.where(right, sure, np.maximum(1 - sure, 1e-9))).sum()
    weight = np.exp(score - score.max())
    found: Floats = weight / weight.sum()
    return found
