"""Honest confidence: one temperature for each voice, and the share that the probe has in what is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.examples import Floats

COLDEST, HOTTEST = 0.25, 8.0


@dataclass(frozen=True, slots=True)
class Blend:
    """How the two voices become one suggestion."""

    network_temperature: float = 1.0
    probe_temperature: float = 1.0
    probe_share: float = 0.5
    temperature: float = 1.0

    def probabilities(self, network: Floats, probe: Floats) -> Floats:
        """Return (N, K) suggestions, rows sum to 1, of the voices' logits (N, K)."""
        mixed = (1 - self.probe_share) * softmax(network / self.network_temperature)
        mixed += self.probe_share * softmax(probe / self.probe_temperature)
        return softmax(np.log(mixed + 1e-12) / self.temperature)


def softmax(logits: Floats) -> Floats:
    """Return (N, K) distributions of (N, K) logits."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def log_losses(probabilities: Floats, soft_labels: Floats) -> Floats:
    """Return (N,) nats: the cross-entropy of each suggestion against its soft label."""
    return np.asarray(-(soft_labels * np.log(np.clip(probabilities, 1e-12, None))).sum(axis=1))


def fit_temperature(
    logits: Floats, soft_labels: Floats, weights: Floats, likelihoods: Floats | None = None
) -> float:
    """Return the temperature with the least weighted log loss (Guo et al. 2017, arXiv:1706.04599).

    The loss is convex in 1/T; dividing logits by T never changes which label is first. Two pseudo-examples hold T
    near 1 where there is little to fit on.

    `likelihoods` (N, K), of the crowd's answers under each label, up to a factor: the geometric mean of that
    temperature and the one under which the answers are likeliest (Raykar et al. 2010, JMLR 11:1297). A belief is
    formed without the content, so it calls a network that knows better than two answers too sure. The likelihood does
    not, but where the content misleads workers and network alike it takes that for knowledge. Measured with a probe
    and two answers an item, nats above the least log loss of any temperature, soft labels / likelihood / both:
    trec_questions with simulated workers 0.084 / 0.000 / 0.024, real ones on `sp` 0.000 / 0.010 / 0.002; with one
    answer 0.434 / 0.100 / 0.064 and 0.026 / 0.046 / 0.000.
    """
    if len(logits) == 0:
        return 1.0

    def optimum(losses: Callable[[Floats], Floats]) -> float:  # log T
        def cost(log_t: float) -> float:
            each = losses(softmax(logits / np.exp(log_t)))
            return float((weights * each).sum() / weights.mean() + 2 * log_t**2)

        return least(cost, float(np.log(COLDEST)), float(np.log(HOTTEST)))

    found = [optimum(lambda said: log_losses(said, soft_labels))]
    if likelihoods is not None:
        found.append(optimum(lambda said: -np.log(np.clip((said * likelihoods).sum(axis=1), 1e-12, None))))
    return float(np.exp(np.mean(found)))


def fit_blend(
    network: Floats, probe: Floats, soft_labels: Floats, weights: Floats, likelihoods: Floats | None = None
) -> Blend:
    """Return the blend for held-out logits (N, K): the probe's share with the least weighted log loss, and temperatures
    by `fit_temperature`.

    The loss of a mixture is convex in its share. Two pseudo-examples, one for either voice, hold it near a half where
    there is little to fit on.
    """
    if len(network) == 0:
        return Blend()
    heat = fit_temperature(network, soft_labels, weights, likelihoods)
    heats = heat, fit_temperature(probe, soft_labels, weights, likelihoods)

    def cost(share: float) -> float:
        losses = log_losses(Blend(*heats, share).probabilities(network, probe), soft_labels)
        return float((weights * losses).sum() / weights.mean() - np.log(share) - np.log1p(-share))

    share = least(cost, 0.001, 0.999)
    mixed = np.log(Blend(*heats, share).probabilities(network, probe) + 1e-12)
    return Blend(*heats, share, fit_temperature(mixed, soft_labels, weights, likelihoods))


def least(cost: Callable[[float], float], low: float, high: float) -> float:
    """Return where a convex cost is least, by golden section."""
    ratio = (5**0.5 - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return (low + high) / 2
