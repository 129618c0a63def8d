"""A small ensemble: adapters and heads that learned different draws of the examples, on one frozen base."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from training.examples import Floats, Rows
from training.network import Batch, Inputs, Network


class Ensemble(Network):
    """Several networks of one recipe; what they say is the mean of their chances.

    Bagging: Breiman 1996, DOI 10.1007/BF00058655. What is frozen is held once.
    """

    def __init__(self, make: Callable[[int], Network], count: int) -> None:
        """Make `count` members by their number; they share the first one's frozen halves."""
        super().__init__()
        self.parts = nn.ModuleList([make(at) for at in range(count)])
        for part in self.parts[1:]:
            for name in ("lower", "twin"):
                if hasattr(part, name):
                    setattr(part, name, getattr(self.parts[0], name))

    @property
    def head(self) -> nn.Module:  # type: ignore[override]
        """Return the first member's head, which lies where all lie."""
        return self.members()[0].head

    def members(self) -> Sequence[Network]:
        """Return the networks, which learn apart."""
        return tuple(self.parts)  # type: ignore[arg-type]

    def encode(self, contents: Sequence[str]) -> Inputs:
        """As the first member does; they all read alike."""
        return self.members()[0].encode(contents)

    def settle(self, inputs: Inputs, batch_size: int) -> Inputs:
        """As the first member does; the frozen half is the same."""
        return self.members()[0].settle(inputs, batch_size)

    def each(self, batch: Batch) -> Tensor:
        """Return (M, B, K) log chances of each member."""
        return torch.stack([torch.log_softmax(member(batch).float(), dim=-1) for member in self.members()])

    def told(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return ((B, K) logs of the members' mean chances, (B, D) what the first member's head read)."""
        said = [member.told(batch) for member in self.members()]
        each = torch.stack([torch.log_softmax(logits.float(), dim=-1) for logits, _ in said])
        return torch.logsumexp(each, dim=0) - float(np.log(len(said))), said[0][1]

    def features(self, batch: Batch) -> Tensor:
        """Return (B, D) frozen embeddings."""
        return self.members()[0].features(batch)

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return (logits, features); the frozen half runs once for all."""
        below = self.members()[0].entered(batch)
        return self(below), self.features(below)


def drawn(rows: Rows, member: int, members: int, seed: int) -> Rows:
    """Return the rows that a member learns: all of them where it is alone, else as many drawn with replacement."""
    if members == 1:
        return rows
    rng = np.random.default_rng([seed, member])
    return np.sort(rng.choice(rows, len(rows)))


def chances_of(network: Ensemble, batch: Batch) -> Floats:
    """Return (M, B, K) chances, on which `training.options.disagreement` (BALD) stands."""
    with torch.inference_mode():
        found: Floats = network.each(batch).exp().double().cpu().numpy()
    return found
