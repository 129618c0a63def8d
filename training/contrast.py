"""Contrast: texts of one label are drawn together, others pushed apart; what a few dozen labels teach a network most.

Supervised contrastive learning: Khosla et al. 2020, arXiv:2004.11362; beside the cross-entropy while fine-tuning, as
Gunel et al. 2021, arXiv:2011.01403. With 100 questions of six labels a network is right on 0.85 instead of 0.80, with
100 film reviews on 0.69 instead of 0.65 (draws that no benchmark judges by).
Deviations: labels are beliefs, so two texts are alike as far as their beliefs agree; each text counts by its weight, so
that what weighs nothing draws nobody to itself; examples that have nobody alike in their group say nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

TEMPERATURE = 0.1
GROUPS = 2  # of a batch: two processes, or a batch cut in two for want of memory, contrast the same examples as one


def contrasts(states: Tensor, soft: Tensor, weights: Tensor) -> Tensor:
    """Return (B,) nats: how far each state (B, D) is from those with a like target (B, K), against all others, who
    count by their weights (B,)."""
    points = normalize(states.float(), dim=-1)
    share = weights.float() * (weights > 0).sum() / weights.sum().clamp(min=1e-30)
    itself = torch.eye(len(points), dtype=torch.bool, device=points.device)
    near = points @ points.T / TEMPERATURE
    near = near - (near + share.clamp(min=1e-30).log()).masked_fill(itself, -1e9).logsumexp(dim=1, keepdim=True)
    alike = (soft @ soft.T * share).masked_fill(itself, 0.0)
    total = alike.sum(dim=1)
    return torch.where(total > 1e-6, -(alike * near).sum(dim=1) / total.clamp(min=1e-6), torch.zeros_like(total))


def in_groups(states: Tensor, soft: Tensor, weights: Tensor, groups: int) -> Tensor:
    """Return (B,) contrasts where every so many-th example makes a group."""
    found = torch.zeros(len(states), device=states.device)
    for first in range(groups):
        group = slice(first, None, groups)
        found[group] = contrasts(states[group], soft[group], weights[group])
    return found
