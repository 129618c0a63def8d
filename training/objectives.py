"""What a network is asked to say: one loss and one reading of its logits for each kind of answer.

`losses(logits, targets)` are (B,) nats, one an example; `log_probabilities(logits)` are what the version says. Targets
are beliefs, not votes: each may be as unsure as the crowd is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from training.recipe import Aim


@dataclass(frozen=True, slots=True)
class Objective:
    """How logits are taught and read."""

    losses: Callable[[Tensor, Tensor], Tensor]
    log_probabilities: Callable[[Tensor], Tensor]

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted mean loss; weights (B,) are at least 0 and not all 0."""
        return (self.losses(logits, targets) * weights).sum() / weights.sum()

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return what the version says, in the targets' shape."""
        return self.log_probabilities(logits).exp()


def soft_cross_entropy(logits: Tensor, soft: Tensor) -> Tensor:
    """Return (B,) nats: the cross-entropy of suggestions (B, K) against soft labels (B, K)."""
    return -(soft * torch.log_softmax(logits.float(), dim=-1)).sum(dim=-1)


def log_softmax(logits: Tensor) -> Tensor:
    """Return (B, K) log probabilities of (B, K) logits."""
    return torch.log_softmax(logits.float(), dim=-1)


def each_its_own(logits: Tensor, chances: Tensor) -> Tensor:
    """Return (B,) nats: K yes-or-no questions (B, K), any number of them true."""
    return binary_cross_entropy_with_logits(logits.float(), chances, reduction="none").sum(dim=-1)


def of_tokens(logits: Tensor, soft: Tensor) -> Tensor:
    """Return (B,) nats a token: the mean over a text's tokens (B, T, C) whose target row is not empty."""
    told = soft.sum(dim=-1)
    return soft_cross_entropy(logits, soft).sum(dim=1) / told.sum(dim=1).clamp(min=1.0)


OBJECTIVES = {
    Aim.LABEL: Objective(soft_cross_entropy, log_softmax),
    Aim.LABELS: Objective(each_its_own, lambda logits: logsigmoid(logits.float())),
    Aim.RATING: Objective(soft_cross_entropy, log_softmax),  # its head says log chances already
    # Bradley and Terry 1952, DOI 10.2307/2334029: one value a content; the softmax of two values is their model.
    Aim.PAIR: Objective(soft_cross_entropy, log_softmax),
    Aim.SPANS: Objective(of_tokens, log_softmax),
}
