"""The two voices of a version, network and probe: what held-out examples teach about each and about both together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from training.calibrate import Blend, fit_blend, log_losses, softmax
from training.evaluate import evaluate
from training.examples import Examples, Floats, Rows
from training.probe import PULLS, fit_probe


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the held-out examples taught about the two voices."""

    blend: Blend = field(default_factory=Blend)
    pull: float = 0.1
    metrics: dict[str, float] = field(default_factory=dict)  # against the crowd's beliefs, doubts and all


def judge_voices(
    logits: Floats, features: Floats, examples: Examples, parts: Sequence[tuple[Rows, Rows]], seed: int
) -> Fitted:
    """Fit temperatures, the probe's pull and its share on what both voices say of examples they have not learned.

    Logits (M, K) are the network's of the held-out rows of all parts, in their order.
    """
    held = np.concatenate([out for _, out in parts])
    soft, weights = examples.soft_labels[held], examples.weights[held]
    said = {pull: foretold(features, examples, parts, pull) for pull in PULLS}
    pull = min(PULLS, key=lambda p: float((weights * log_losses(softmax(said[p]), soft)).sum()))
    likely = None if examples.likelihoods is None else examples.likelihoods[held]
    blend = fit_blend(logits, said[pull], soft, weights, likely)
    rng = np.random.default_rng(seed)
    metrics = {"held_out": float(len(held))}
    served = blend.probabilities(logits, said[pull])
    voices = {"network": softmax(logits), "probe": softmax(said[pull]), "served": served}
    for voice, suggestions in voices.items():
        report = evaluate(suggestions, soft, rng, draws=200)
        for name in ("accuracy", "log_loss", "ece", "brier"):
            metrics[f"{voice}_{name}"] = round(getattr(report, name).value, 5)
    return Fitted(blend, pull, metrics)


def foretold(features: Floats, examples: Examples, parts: Sequence[tuple[Rows, Rows]], pull: float) -> Floats:
    """Return (M, K) logits of the held-out rows of all parts, each by a probe that learned the part's other rows."""
    found = []
    for kept, held in parts:
        probe = fit_probe(features[kept], examples.soft_labels[kept], examples.weights[kept], pull)
        found.append(probe.logits(torch.from_numpy(features[held]).float()).double().numpy())
    return np.concatenate(found)
