"""Several labels for each item, taught as one: a label drawn by chance, and whether it holds.

A belief (K,) of chances becomes a distribution over 2K columns, label k holding p_k / K and not holding (1 - p_k) / K.
The cross-entropy of that is the mean of the K binary ones, and what a network says of the draw itself falls out when
its two columns of a label are set against each other. So the losses, the probe, the temperatures, the export and
everything else of a version serve without a word of their own.
Deviation: `Aim.LABELS`, K separate sigmoids, is the same model with one logit a label less; its temperatures and its
probe would have to be written anew. What a version's card calls accuracy is of the draw, at most 1 / K.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.examples import Floats


def wide(chances: Floats) -> Floats:
    """Return (N, 2K) rows that sum to 1 of (N, K) chances: first that each label holds, then that it does not."""
    found: Floats = np.concatenate([chances, 1 - chances], axis=1) / chances.shape[1]
    return found


def narrow(columns: Floats) -> Floats:
    """Return (N, K) chances of what `wide` made, or of what a network says in its columns (N, 2K)."""
    labels = columns.shape[1] // 2
    holds, lacks = columns[:, :labels], columns[:, labels:]
    found: Floats = np.clip(holds / np.maximum(holds + lacks, 1e-300), 0.0, 1.0)
    return found


def names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns' names."""
    return (*labels, *(f"not {label}" for label in labels))
