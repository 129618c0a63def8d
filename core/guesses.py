"""How often guesses are right that know more than the crowd does: a version's, judged by the answers alone.

The mass that the crowd's posterior gives to a guess is too low where answers are few: the crowd knows nothing of what
the version saw. So the prior is taken out of each posterior, and what is left, the evidence of the answers, is asked
under which accuracy it is likeliest.

Source: mixing proportions by EM, Dempster et al. 1977, doi:10.1111/j.2517-6161.1977.tb01600.x; Bayesian bootstrap,
Rubin 1981, doi:10.1214/aos/1176345338.
Deviation: a wrong guess may be wrong in any way, each label by its share; a version has favourites among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.audit import UNKNOWN, Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SWEEPS = 60


def other_accuracy(beliefs: Floats, guess: Ints, prior: Sequence[float] | Floats, rng: np.random.Generator) -> Estimate:
    """How often guesses (n,) are right, beside the crowd's beliefs (C, n, K), a plane for each trust.

    `prior` (K,) or (C, K): what the crowd would believe of an item without answers.
    """
    c, n, _ = beliefs.shape
    if n == 0:
        return UNKNOWN
    odds = odds_of(beliefs, guess, prior)
    draws = int(np.clip(1e7 // n, 100, 1000))
    row = rng.integers(0, c, draws)
    weight, ends = rng.standard_exponential((draws, n)), rng.standard_exponential((draws, 2))  # an even prior
    found = _likeliest(odds[row], weight, ends)
    low, value, high = np.quantile(found, [0.025, 0.5, 0.975]).tolist()
    return Estimate(value, low, high)


def rightness(beliefs: Floats, guess: Ints, prior: Sequence[float] | Floats, accuracy: float) -> Floats:
    """(n,) how likely each guess is right, given its answers and that guesses are right so often."""
    right = accuracy * _middle(odds_of(beliefs, guess, prior))[0]
    found: Floats = right / (right + 1 - accuracy)
    return found


def informed(beliefs: Floats, guess: Ints, prior: Sequence[float] | Floats, rng: np.random.Generator) -> Floats:
    """(C, n, K) what may be believed of items given their answers and the guesses, a plane for each trust with an
    accuracy of the guesses drawn for it."""
    odds = odds_of(beliefs, guess, prior)
    share = _likeliest(odds, rng.standard_exponential(odds.shape), rng.standard_exponential((len(odds), 2)))[:, None]
    right = share * odds / (share * odds + 1 - share)
    rows, found = np.arange(len(guess)), beliefs.copy()
    found[:, rows, guess] = 0.0
    found *= ((1 - right) / np.maximum(found.sum(axis=2), 1e-12))[:, :, None]
    found[:, rows, guess] = 1 - found.sum(axis=2)
    return found


def odds_of(beliefs: Floats, guess: Ints, prior: Sequence[float] | Floats) -> Floats:
    """(C, n) by how much likelier the answers of each item are if its guess is right than if it is wrong."""
    own = np.clip(np.take_along_axis(beliefs, guess[None, :, None], axis=2)[:, :, 0], 1e-9, 1 - 1e-9)
    common = np.clip(np.atleast_2d(np.array(prior))[:, guess], 1e-6, 1 - 1e-6)
    found: Floats = (own / common) / ((1 - own) / (1 - common))
    return found


def _middle(odds: Floats) -> Floats:
    found: Floats = np.exp(np.log(odds).mean(axis=0, keepdims=True))
    return found


def _likeliest(odds: Floats, weight: Floats, ends: Floats) -> Floats:
    """(D,) shares of right guesses, by EM, given the odds (D, n) that each answers' evidence gives for right."""
    share = np.full(len(odds), 0.5)
    for _ in range(SWEEPS):
        right = share[:, None] * odds
        right /= right + (1 - share)[:, None]
        share = ((weight * right).sum(axis=1) + ends[:, 0]) / (weight.sum(axis=1) + ends.sum(axis=1))
    return share
