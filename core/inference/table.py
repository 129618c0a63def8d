"""The answers of a campaign as arrays, and the beliefs that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.reliability import Pool, Reliability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class AnswerTable:
    """All answers of a campaign, sparse: answer a says that item[a]'s label is in sets[evidence[a]]."""

    item: Ints  # (A,) 0..n_items-1
    worker: Ints  # (A,) 0..n_workers-1
    evidence: Ints  # (A,) row of `sets`
    sets: Bools  # (S, K) each row a non-empty set of labels
    n_items: int
    n_workers: int
    weight: Floats | None = None  # (A,) 0..1, by vigilance
    controls: Ints | None = None  # (N,) the known label, -1 where unknown
    suggestion: Floats | None = None  # (N, K) prior of each item, rows sum to 1; the class prior where None

    def __post_init__(self) -> None:
        if self.sets.ndim != 2 or not self.sets.any(axis=1).all():
            raise ValueError("every evidence set needs at least one label")
        if not len(self.item) == len(self.worker) == len(self.evidence):
            raise ValueError("item, worker and evidence differ in length")
        for name, column, end in (
            ("item", self.item, self.n_items),
            ("worker", self.worker, self.n_workers),
            ("evidence", self.evidence, len(self.sets)),
        ):
            if len(column) and (column.min() < 0 or column.max() >= end):
                raise ValueError(f"{name} has an index outside 0..{end - 1}")
        if self.weight is not None and len(self.weight) != len(self.item):
            raise ValueError("weight and item differ in length")
        if self.controls is not None and len(self.controls) and self.controls.max() >= self.labels:
            raise ValueError(f"a control has a label outside 0..{self.labels - 1}")

    @property
    def labels(self) -> int:
        return int(self.sets.shape[1])

    @classmethod
    def of_labels(
        cls, item: Ints, worker: Ints, label: Ints, labels: int, n_items: int, n_workers: int, **rest: Any
    ) -> AnswerTable:
        """The table of answers that each name one label (A,)."""
        return cls(item, worker, label, np.eye(labels, dtype=bool), n_items, n_workers, **rest)


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """Every belief of a campaign."""

    pool: Pool
    posteriors: Floats  # (N, K), rows sum to 1
    calibrated: Floats  # (N, K), rows sum to 1: as sure as may be claimed
    counts: Floats  # (W, K*K) or (W, 2): soft counts of `Reliability`
    accuracy: Floats  # (W, 3) mean, low, high: how often each worker is right, with a 95 % interval
    log_likelihood: float  # nats, every answer predicted from the others
    method: str
    sweeps: int

    @property
    def temperature(self) -> float:
        return self.pool.temperature

    def reliability(self, worker: int) -> Reliability:
        """The belief about one worker, as the day uses it."""
        return Reliability(tuple(self.counts[worker].tolist()))
