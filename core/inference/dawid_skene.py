"""Plain Dawid-Skene by EM: the yardstick, and the fastest reading of a very large table.

Source: Dawid and Skene 1979, doi:10.2307/2346806. The objective is crowd-kit's `DawidSkene`: no priors, votes to start.
"""

from __future__ import annotations

import numpy as np

from core.inference.sparse import Sparse, softmax
from core.inference.table import AnswerTable, Floats


def dawid_skene(table: AnswerTable, sweeps: int = 100, tolerance: float = 1e-5) -> tuple[Floats, tuple[float, ...]]:
    """(N, K) posteriors, and the log likelihood in nats after each sweep, which never falls."""
    sparse = Sparse.of(table)
    q = sparse.votes()
    q = (q + 1e-10) / (q + 1e-10).sum(axis=0)
    theta = np.full((table.labels, table.n_workers, table.labels), 1.0 / max(table.labels, 1))
    found: list[float] = []
    for _ in range(sweeps):
        counts = sparse.counts(sparse.by_pair(q), theta) + 1e-10
        theta = counts / counts.sum(axis=2, keepdims=True)
        prior = q.mean(axis=1) if table.n_items else np.full(table.labels, 1.0 / table.labels)
        q, total = softmax(sparse.by_item(sparse.pair_log(theta)) + np.log(np.maximum(prior, 1e-300))[:, None])
        found.append(float(total.sum()))
        if len(found) > 1 and found[-1] - found[-2] < tolerance * len(table.item):
            break
    return np.ascontiguousarray(q.T), tuple(found)
