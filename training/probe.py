"""The probe: a linear softmax on frozen embeddings, the second voice of every version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.examples import Floats

PULLS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""L2 strengths that are tried; the held-out examples choose."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """Logits = (features - centre) / scale @ weight + bias."""

    centre: Tensor  # (D,)
    scale: Tensor  # ()
    weight: Tensor  # (D, K)
    bias: Tensor  # (K,)

    def logits(self, features: Tensor) -> Tensor:
        """Return (N, K) logits of (N, D) features."""
        return ((features - self.centre) / self.scale) @ self.weight + self.bias


def fit_probe(features: Floats, soft_labels: Floats, weights: Floats, pull: float) -> Probe:
    """Fit the weighted soft cross-entropy plus (pull * |weight|^2 + |bias|^2) / 2 by L-BFGS (convex: no chance in it).

    The pull on the bias keeps a label that no example has yet from being ruled out; left free, its log loss with 100
    examples of 77 labels was 4.2 nats, worse than that of not knowing.

    Features (N, D) are centred and divided by one scale, so that rows have mean squared length 1 and `pull` means the
    same for every base.
    """
    x, soft = torch.from_numpy(np.asarray(features, np.float64)), torch.from_numpy(soft_labels)
    w = torch.from_numpy(weights / weights.mean())
    centre = x.mean(dim=0)
    scale = (x - centre).square().sum(dim=1).mean().sqrt().clamp(min=1e-6)
    z = (x - centre) / scale
    weight = torch.zeros(x.shape[1], soft.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(soft.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe", tolerance_change=1e-7)

    def closure() -> float:
        optimiser.zero_grad()
        fit = -(soft * torch.log_softmax(z @ weight + bias, dim=1)).sum(dim=1)
        loss: Tensor = (w * fit).sum() + 0.5 * pull * weight.square().sum() + 0.5 * bias.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Probe(centre.float(), scale.float(), weight.detach().float(), bias.detach().float())
