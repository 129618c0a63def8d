"""How sure may a belief be called? A temperature, and a lapse that no number of agreeing answers removes.

Posteriors are too sure because a hard item fools several workers together.
claimed = (1 - lapse) q^(1/T) + lapse / K.

Campaigns differ, and one has few controls. So T and lapse have a prior that says how they differed over recorded
crowds, in a few of which confidence meant nothing at all. The controls make a posterior of it, and what may be claimed
is its prediction: few controls, wide doubt, cautious claims. The pair (T, lapse) closest to that prediction is kept,
as a tap has time for one power a label and no more.
Source: temperature, Guo et al. 2017 (PMLR 70:1321); empirical Bayes, Efron 2010, doi:10.1017/CBO9780511761362.
Deviations: both live on a grid; the prior's four numbers are the likeliest on a grid, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(12.0), 20))
LAPSES = np.array([0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9])
STEPS = np.gradient(LAPSES)
FINE_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(14.0), 60))
FINE_LAPSES = np.concatenate([np.linspace(0.0, 0.1, 21), np.linspace(0.12, 0.9, 40)])
MOST = 200  # items of known truth at whose beliefs claims are compared
CANDIDATES = (  # of the four numbers of `Habits`, when they are learnt
    (1.0, 1.3, 1.6, 2.0, 2.5, 3.2),
    (0.2, 0.35, 0.5, 0.8),
    (0.01, 0.03, 0.06, 0.1, 0.2),
    (0.06, 0.12),
)
DOUBTS = np.linspace(0.0, 11.0, 23)  # log-odds of the likeliest label at which claims are compared


@dataclass(frozen=True, slots=True)
class Calibration:
    temperature: float = 1.3
    lapse: float = 0.0

    def of(self, q: Floats) -> Floats:
        """(N, K) as sure as may be claimed."""
        return claimed(q, self.temperature, self.lapse)


@dataclass(frozen=True, slots=True)
class Habits:
    """How calibrations differ from one campaign to the next."""

    temperature: float  # the median of campaigns
    spread: float  # deviation of the logarithm of a campaign's temperature
    lapse: float  # mean of an ordinary campaign's lapse, exponential
    broken: float  # share of campaigns whose lapse may be anything: their answers are not what they seem

    def log_prior(self) -> Floats:
        """(T, L) log of the prior mass on the grid."""
        warm = np.exp(-0.5 * (np.log(TEMPERATURES / self.temperature) / self.spread) ** 2)
        small = np.exp(-LAPSES / self.lapse) * STEPS
        lapse = (1 - self.broken) * small / small.sum() + self.broken * STEPS / STEPS.sum()
        found: Floats = np.log(np.outer(warm / warm.sum(), lapse) + 1e-300)
        return found


RECORDED = Habits(1.6, 0.5, 0.03, 0.12)  # of 15 recorded crowds; see tests/benchmarks/beliefs_stopping.py


def claimed(q: Floats, temperature: float, lapse: float) -> Floats:
    """(N, K) rows that sum to 1."""
    cool = np.maximum(q, 1e-12) ** (1 / temperature)
    cool /= cool.sum(axis=1, keepdims=True)
    mixed: Floats = (1 - lapse) * cool + lapse / max(q.shape[1], 1)
    return mixed


def fitted(q: Floats, truth: Ints, habits: Habits = RECORDED) -> Calibration:
    """The calibration that items of known truth (N,) ask for, given what was believed of them (N, K) beforehand."""
    examples = np.concatenate([_examples(q.shape[1]), q[:: len(q) // MOST + 1]])
    predicted = np.einsum("tl,tln->n", weights_of(q, truth, habits), _tops(examples, TEMPERATURES, LAPSES))
    sure = np.clip(_tops(examples, FINE_TEMPERATURES, FINE_LAPSES), 1e-6, 1 - 1e-6)
    gap = np.log(sure / (1 - sure)) - np.log(predicted / (1 - predicted))
    t, lapse = np.unravel_index(int((gap**2).sum(axis=2).argmin()), gap.shape[:2])
    return Calibration(float(FINE_TEMPERATURES[t]), float(FINE_LAPSES[lapse]))


def weights_of(q: Floats, truth: Ints, habits: Habits = RECORDED) -> Floats:
    """(T, L) how likely each calibration is, given items of known truth; sums to 1."""
    score = habits.log_prior() + evidence(q, truth)
    weight = np.exp(score - score.max())
    found: Floats = weight / weight.sum()
    return found


def evidence(q: Floats, truth: Ints) -> Floats:
    """(T, L) log likelihood of the likeliest labels of q (N, K) being right or wrong, in nats."""
    right = q.argmax(axis=1) == truth if len(q) else np.zeros(0, dtype=bool)
    sure = _tops(q, TEMPERATURES, LAPSES)
    found: Floats = np.log(np.where(right, sure, np.maximum(1 - sure, 1e-9))).sum(axis=2)
    return found


def habits_of(crowds: Sequence[tuple[Floats, Ints]]) -> Habits:
    """The habits under which what was believed (N, K) of items of known truth (N,) is likeliest, crowd by crowd."""
    seen = [evidence(q, truth) for q, truth in crowds]
    grid = itertools.product(*CANDIDATES)
    return max((Habits(*numbers) for numbers in grid), key=lambda habits: _likelihood(habits, seen))


def _likelihood(habits: Habits, seen: Sequence[Floats]) -> float:
    prior = habits.log_prior()
    return sum(float(np.logaddexp.reduce((prior + one).reshape(-1))) for one in seen)


def _tops(q: Floats, temperatures: Floats, lapses: Floats) -> Floats:
    """(T, L, N) the claim on the likeliest label under every calibration of a grid."""
    k = max(q.shape[1], 1)
    cool = np.stack([claimed(q, float(t), 0.0).max(axis=1, initial=0.0) for t in temperatures])
    found: Floats = (1 - lapses)[None, :, None] * cool[:, None, :] + (lapses / k)[None, :, None]
    return found


def _examples(labels: int) -> Floats:
    """Beliefs from even to all but certain, what is left shared evenly."""
    top = np.maximum(1 / (1 + np.exp(-DOUBTS)), 1 / labels + 1e-3) if labels > 1 else np.ones(len(DOUBTS))
    rest = np.repeat(((1 - top) / max(labels - 1, 1))[:, None], max(labels - 1, 0), axis=1)
    return np.column_stack([top, rest])
