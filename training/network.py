"""A network in memory: how contents enter it, what comes out, and which of its weights move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from training.examples import Rows
from training.recipe import Recipe

NATIVE = ("amx_bf16", "avx512_bf16", "bf16")  # what processors call it


@dataclass(frozen=True, slots=True)
class Batch:
    """Contents on the device: token numbers (B, T), states of lower layers (B, T, D), or pixels (B, 3, H, W)."""

    values: Tensor
    mask: Tensor | None  # (B, T), 1 where there is a token


class Inputs(Protocol):
    """Encoded contents that wait on the host."""

    @property
    def lengths(self) -> Rows:
        """Return (N,) tokens of each content."""
        ...

    def take(self, rows: Rows, device: torch.device) -> Batch:
        """Return these rows, padded to the longest, on the device."""
        ...


class Network(nn.Module, ABC):
    """A base, its frozen twin for the probe, and a head."""

    head: nn.Module

    @abstractmethod
    def encode(self, contents: Sequence[str]) -> Inputs:
        """Tokenise texts or read pictures; raises BadExamples where a content cannot be read."""

    @abstractmethod
    def settle(self, inputs: Inputs, batch_size: int) -> Inputs:
        """Replace inputs by what the frozen lower layers say about them, computed once."""

    @abstractmethod
    def told(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return ((B, K) logits, (B, D) the states that the head read)."""

    def forward(self, batch: Batch) -> Tensor:
        """Return (B, K) logits."""
        return self.told(batch)[0]

    @abstractmethod
    def features(self, batch: Batch) -> Tensor:
        """Return (B, D) frozen embeddings, on which the probe stands; they never change between versions."""

    def entered(self, batch: Batch) -> Batch:
        """Return the batch as numbers that can be moved a little: what enters the first trained layer."""
        return batch

    def members(self) -> Sequence[Network]:
        """Return the parts that learn apart from each other."""
        return (self,)

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return (logits, features) of one batch."""
        return self(batch), self.features(batch)

    def trained(self) -> dict[str, Tensor]:
        """Return the weights that move, by name; all that a version has to keep."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Set the weights that move; raises KeyError or ValueError where names or shapes differ."""
        mine = self.trained()
        if mine.keys() != weights.keys():
            raise KeyError(min(mine.keys() ^ weights.keys()))
        with torch.no_grad():
            for name, weight in weights.items():
                if mine[name].shape != weight.shape:
                    raise ValueError(f"{name} has shape {tuple(weight.shape)}, not {tuple(mine[name].shape)}")
                mine[name].copy_(weight)

    def merge(self) -> None:
        """Fold adapters into the layers they adapt: scoring then costs what the base costs."""
        for module in self.modules():
            if isinstance(module, BaseTunerLayer) and not getattr(module, "merged", False):
                module.merge()


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Return the values on the device; a GPU fetches them from pinned memory while it still works."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


@cache
def halves(kind: str) -> bool:
    """Return whether devices of this kind multiply in bfloat16 by themselves: faster, right to three digits."""
    able = torch.cpu.get_capabilities()
    return kind == "cuda" or (kind == "cpu" and any(able.get(name, False) for name in NATIVE))


def device_for(wish: str) -> torch.device:
    """Return the device that the recipe wishes: auto is the first GPU, else the CPU."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wish)


def parameter_groups(network: Network, recipe: Recipe) -> Iterator[dict[str, object]]:
    """Yield AdamW's groups: the head has a step size of its own; vectors and scalars do not decay."""
    head = {id(weight) for weight in network.head.parameters()}
    moving = list(network.trained().values())
    for of_head, rate in ((False, recipe.learning_rate), (True, recipe.head_learning_rate)):
        for decays in (True, False):
            weights = [w for w in moving if (id(w) in head) is of_head and (w.ndim > 1) is decays]
            if weights:
                decay = recipe.weight_decay if decays else 0.0
                yield {"params": weights, "lr": rate, "peak": rate, "weight_decay": decay}
