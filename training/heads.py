"""Heads: what stands on the pooled states, one class for each kind of answer (today: one label of K)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LabelHead(nn.Module):
    """One of K labels: a linear layer whose softmax is the suggestion."""

    def __init__(self, width: int, labels: int, dropout: float = 0.1) -> None:
        """Start from zero, so that the first suggestion is uniform."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, labels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return (B, K) logits of (B, D) pooled states."""
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits


def soft_cross_entropy(logits: Tensor, soft: Tensor) -> Tensor:
    """Return (B,) nats: the cross-entropy of suggestions (B, K) against soft labels (B, K)."""
    return -(soft * torch.log_softmax(logits.float(), dim=-1)).sum(dim=-1)


def mean_pool(states: Tensor, mask: Tensor | None) -> Tensor:
    """Return (B, D): the mean of the states (B, T, D) over the tokens that the mask (B, T) shows."""
    if mask is None:
        return states.mean(dim=1)
    shown = mask.unsqueeze(-1).to(states.dtype)
    return (states * shown).sum(dim=1) / shown.sum(dim=1).clamp(min=1.0)
