"""Texts that wait on the host: as token numbers, as states of the frozen layers, or as pairs of either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.examples import Rows
from training.network import Batch, Inputs, moved


@dataclass(frozen=True, slots=True, eq=False)
class TokenInputs:
    """N texts as token numbers."""

    tokens: list[list[int]]
    padding: int

    @property
    def lengths(self) -> Rows:
        """Return (N,) tokens of each text."""
        return np.array([len(row) for row in self.tokens], dtype=np.int64)

    def take(self, rows: Rows, device: torch.device) -> Batch:
        """Return these rows, padded to the longest, on the device."""
        chosen = [self.tokens[at] for at in rows]
        width = max(1, max(len(row) for row in chosen))
        values = np.full((len(chosen), width), self.padding, dtype=np.int64)
        mask = np.zeros((len(chosen), width), dtype=np.int64)
        for at, row in enumerate(chosen):
            values[at, : len(row)] = row
            mask[at, : len(row)] = 1
        return Batch(moved(torch.from_numpy(values), device), moved(torch.from_numpy(mask), device))


@dataclass(frozen=True, slots=True, eq=False)
class StateInputs:
    """N texts as the states of the last frozen layer, packed end to end without padding."""

    states: Tensor  # (all tokens, D)
    starts: Rows  # (N + 1,)

    @property
    def lengths(self) -> Rows:
        """Return (N,) tokens of each text."""
        return np.diff(self.starts)

    def take(self, rows: Rows, device: torch.device) -> Batch:
        """Return these rows, padded to the longest, on the device."""
        first, lengths = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        step = np.arange(max(1, int(lengths.max())))
        mask = torch.from_numpy((step < lengths[:, None]).astype(np.int64))
        at = torch.from_numpy(np.minimum(first[:, None] + step, len(self.states) - 1))
        return Batch(moved(self.states[at] * mask[..., None], device), moved(mask, device))


@dataclass(frozen=True, slots=True, eq=False)
class PairInputs:
    """N pairs of contents, of which the inner inputs hold 2 N side by side."""

    inner: Inputs

    @property
    def lengths(self) -> Rows:
        """Return (N,) tokens of the longer content of each pair."""
        return np.asarray(self.inner.lengths.reshape(-1, 2).max(axis=1))

    def take(self, rows: Rows, device: torch.device) -> Batch:
        """Return both contents of each pair, side by side."""
        return self.inner.take(np.stack([2 * rows, 2 * rows + 1], axis=1).ravel(), device)
