"""Heads: what stands on the pooled states, or on those of each token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from training.recipe import Aim


class LabelHead(nn.Module):
    """One of K labels, or K yes-or-no questions: a linear layer."""

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


class GradeHead(nn.Module):
    """One of K grades: one value, and K - 1 rising bounds between the grades (cumulative logits)."""

    def __init__(self, width: int, grades: int, dropout: float = 0.1) -> None:
        """Start with the value at zero and the bounds where all grades are equally likely."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.value = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.value.weight)
        bounds = torch.logit(torch.arange(1, grades) / grades)
        self.first = nn.Parameter(bounds[:1].clone())
        self.gaps = nn.Parameter(torch.log(torch.expm1(bounds.diff())))

    def forward(self, pooled: Tensor) -> Tensor:
        """Return (B, K) log chances of the grades."""
        steps = nn.functional.softplus(self.gaps).cumsum(0)
        bounds = torch.cat([self.first, self.first + steps])
        return log_steps(self.value(self.dropout(pooled)) - bounds)


def log_steps(logits: Tensor) -> Tensor:
    """Return (B, K) log probabilities of K grades from K - 1 falling logits of being above each grade but the last.

    The cumulative model: McCullagh 1980, DOI 10.1111/j.2517-6161.1980.tb01109.x. P(k) = s(a) - s(b) is computed as
    s(a) s(-b) (1 - exp(b - a)), which does not cancel.
    """
    logits = logits.float()
    first, last = logsigmoid(-logits[:, :1]), logsigmoid(logits[:, -1:])
    above, below = logits[:, :-1], logits[:, 1:]
    gap = (above - below).clamp(min=1e-6)
    return torch.cat([first, logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-gap)), last], dim=1)


def head_for(aim: Aim, width: int, labels: int) -> nn.Module:
    """Return the untrained head for K labels; a pair needs one value for each of its two contents."""
    if aim is Aim.RATING:
        return GradeHead(width, labels)
    return LabelHead(width, 1 if aim is Aim.PAIR else labels)


def compared(pooled: Tensor) -> Tensor:
    """Return (B, 3 D): u - v, |u - v| and u * v of the two texts of each pair, whose (2 B, D) states lie side by side.

    u and v have length one; their product is scaled to weigh as much. Conneau et al. 2017, DOI 10.18653/v1/D17-1070,
    who keep u and v themselves in the place of u - v (on `product` that was a little worse).
    """
    u, v = nn.functional.normalize(pooled, dim=-1).view(-1, 2, pooled.shape[-1]).unbind(1)
    return torch.cat([u - v, (u - v).abs(), u * v * pooled.shape[-1] ** 0.5], dim=-1)


def mean_pool(states: Tensor, mask: Tensor | None) -> Tensor:
    """Return (B, D): the mean of the states (B, T, D) over the tokens that the mask (B, T) shows."""
    if mask is None:
        return states.mean(dim=1)
    shown = mask.unsqueeze(-1).to(states.dtype)
    return (states * shown).sum(dim=1) / shown.sum(dim=1).clamp(min=1.0)
