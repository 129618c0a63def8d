"""What the network learns from: contents with soft labels and weights, and the batches they travel in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.item import BETWEEN
from training.errors import BadExamples
from training.recipe import Kind

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
ENOUGH = 60  # held-out examples on which two temperatures and a share can be fitted
MOST_PARTS = 3  # each is one more training


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """A snapshot of N contents and what the crowd believes about them."""

    kind: Kind
    contents: tuple[str, ...]  # N texts (those of a pair with `core.item.BETWEEN` between), or N paths of picture files
    soft_labels: Floats  # (N, K), rows sum to 1: the crowd's posterior
    weights: Floats  # (N,), at least 0
    labels: tuple[str, ...] = ()  # K wordings, for cards and pictures
    voices: tuple[tuple[int, ...], ...] = ()  # who has answered each content, by number; () where unknown
    withdrawn: int = 0  # workers whose answers are left out because they asked for it: for the card alone
    likelihoods: Floats | None = None  # (N, K) of the answers under each label, up to a factor; None: unknown

    def __post_init__(self) -> None:
        """Refuse shapes and values that can never be right; raises BadExamples."""
        n = len(self.contents)
        if n == 0:
            raise BadExamples("there is nothing to learn from: no labelled items")
        if self.soft_labels.ndim != 2 or len(self.soft_labels) != n or self.weights.shape != (n,):
            raise BadExamples(f"{n} contents, but soft labels {self.soft_labels.shape}, weights {self.weights.shape}")
        if self.labels and len(self.labels) != self.soft_labels.shape[1]:
            raise BadExamples(f"{len(self.labels)} labels, but soft labels have {self.soft_labels.shape[1]} columns")
        if self.voices and len(self.voices) != n:
            raise BadExamples(f"{n} contents, but the voices of {len(self.voices)}")
        likely = self.likelihoods
        if likely is not None and not (likely.shape == self.soft_labels.shape and (likely.max(axis=1) > 0).all()):
            raise BadExamples(f"soft labels {self.soft_labels.shape}, but likelihoods {likely.shape}, or a row without")
        rows = self.soft_labels.sum(axis=1)
        if not np.allclose(rows, 1.0, atol=1e-4) or (self.soft_labels < 0).any():
            raise BadExamples("every row of the soft labels must be a distribution")
        if not np.isfinite(self.weights).all() or (self.weights < 0).any() or self.weights.sum() <= 0:
            raise BadExamples("weights must be finite, not negative, and not all zero")

    def __len__(self) -> int:
        """Return N."""
        return len(self.contents)

    @property
    def pairs(self) -> bool:
        """Return whether any content is a pair of texts."""
        return self.kind is Kind.TEXT and any(BETWEEN in content for content in self.contents)

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of everything in the snapshot: its provenance."""
        digest = hashlib.sha256(self.kind.encode())
        for content in self.contents:
            digest.update(hashlib.sha256(content.encode()).digest())
        digest.update(np.ascontiguousarray(self.soft_labels, dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(self.weights, dtype="<f8").tobytes())
        digest.update("\0".join(self.labels).encode())
        digest.update(repr(self.voices).encode() if self.voices else b"")
        if self.likelihoods is not None:
            digest.update(np.ascontiguousarray(self.likelihoods, dtype="<f8").tobytes())
        return digest.hexdigest()


def by_parts(contents: Sequence[str]) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield (their positions, [all texts]) of the contents that are one text, then (theirs, [all firsts, all seconds])
    of those that are pairs; nothing for a kind that is not there."""
    texts = [content.split(BETWEEN, 1) for content in contents]
    for count in (1, 2):
        rows = [row for row, parts in enumerate(texts) if len(parts) == count]
        if rows:
            yield rows, [list(column) for column in zip(*(texts[row] for row in rows), strict=True)]


def both(contents: Sequence[str]) -> list[str]:
    """Return 2 N texts: of each content the first and the second; one that is no pair is beside itself."""
    pairs = [content.split(BETWEEN, 1) for content in contents]
    return [text for parts in pairs for text in (parts[0], parts[-1])]


def held_parts(n: int, share: float, rng: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """Return (kept, held out) row numbers of the first parts of one random order: one part where the examples are
    many, and two or three, to hold out about ENOUGH together, where they are few; none of fewer than 20."""
    order = rng.permutation(n).astype(np.int64)
    held = 0 if n < 20 else min(int(n * share), 2000)
    parts = min(-(-ENOUGH // held), MOST_PARTS, n // held) if held else 0
    cuts = [order[at * held : (at + 1) * held] for at in range(parts)]
    return [(np.setdiff1d(order, cut), np.sort(cut)) for cut in cuts]


def shuffled_batches(lengths: Rows, size: int, rng: np.random.Generator, pool: int = 16) -> list[Rows]:
    """Return one epoch of batches of positions, random but with texts of like length side by side."""
    order = rng.permutation(len(lengths))
    batches: list[Rows] = []
    for start in range(0, len(order), size * pool):
        window = order[start : start + size * pool]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches.extend(window[at : at + size] for at in range(0, len(window), size))
    return [batches[at] for at in rng.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int] | Rows, size: int, tokens: int) -> Iterator[Rows]:
    """Yield batches of positions from long to short: at most `size` rows and `tokens` padded tokens each."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        rows = max(1, min(size, tokens // longest))
        yield order[start : start + rows]
        start += rows
