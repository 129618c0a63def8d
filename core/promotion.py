"""Whether tonight's version may serve: judged on audit items by the crowd's answers to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.guesses import other_accuracy, rightness
from core.version import Judgement

Floats = NDArray[np.float64]
DRAWS = 2000
BINS = 10


def judge(suggestions: Floats, beliefs: Floats, prior: Floats, rng: np.random.Generator) -> Judgement:
    """How right and how honest a version is: suggestions (N, K) beside the crowd's beliefs (C, N, K), a plane for each
    trust in them; `prior` (C, K) is what these would be of an item without answers.

    Accuracy is what the answers are likeliest under, so that a version that knows more than a few answers tell is not
    held to their doubt.
    """
    if len(suggestions) == 0:
        return Judgement(0, 0.0, 0.0, 1.0, float("inf"), 1.0)
    guess = suggestions.argmax(axis=1)
    found = other_accuracy(beliefs, guess, prior, rng)
    right = rightness(beliefs, guess, prior, found.value)
    return Judgement(
        items=len(guess),
        accuracy=found.value,
        low=found.low,
        high=found.high,
        log_loss=float(losses(suggestions, beliefs.mean(axis=0)).mean()),
        ece=calibration_error(suggestions.max(axis=1), right),
    )


def losses(suggestions: Floats, truth: Floats) -> Floats:
    """(N,) cross-entropy of each item in nats."""
    each: Floats = -(truth * np.log(np.clip(suggestions, 1e-9, 1.0))).sum(axis=1)
    return each


def penalties(suggestions: Floats, truth: Floats) -> Floats:
    """(N,) squared distance to the truth, 0..2: the quadratic score, as proper as the log loss but bounded, so that
    one sure mistake, the version's or the crowd's, does not drown the rest.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. Versions 2 points apart, 300 audit items,
    confidence 0.8 (`make bench-promotion`): 60 % of better ones and 3.5 % of worse ones are promoted; by log loss 56 %
    and 4.7 %, by which labels are right 50 % and 5.2 %.
    """
    each: Floats = ((suggestions - truth) ** 2).sum(axis=1)
    return each


def calibration_error(claimed: Floats, right: Floats) -> float:
    """Expected calibration error: mean gap of claimed and true accuracy over ten equal bins of the claim.

    Source: Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602.
    """
    bins = np.minimum((claimed * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, claimed - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(claimed))


def promoted(
    candidate: Floats, serving: Floats | None, truth: Floats, confidence: float, rng: np.random.Generator
) -> bool:
    """True where the candidate beats the serving version (with none: the class shares) in quadratic score on audit
    items.

    Paired bootstrap: in `confidence` of the draws its mean penalty is lower. Fewer than ten audit items promote nothing
    over a serving version.
    """
    if len(truth) == 0 or not np.isfinite(candidate).all():
        return False
    rival = np.tile(truth.mean(axis=0), (len(truth), 1)) if serving is None else serving
    if len(truth) < 10:
        return serving is None
    return sureness(candidate, rival, truth, rng) >= confidence


def sureness(candidate: Floats, rival: Floats, truth: Floats, rng: np.random.Generator) -> float:
    """Share of paired bootstrap draws in which the candidate's mean penalty is lower, 0..1."""
    gain = penalties(rival, truth) - penalties(candidate, truth)
    means = gain[rng.integers(0, len(gain), (DRAWS, len(gain)))].mean(axis=1)
    return float((means > 0).mean())
