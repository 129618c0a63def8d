"""The reading that never drifts: one accuracy for each worker, errors as the whole crowd's.

P(l | k, w) = a_w where l = k, else (1 - a_w) E[k, l], with E pooled and the class prior held at the shares of the
votes.
It is the only one for many labels, where a matrix for each worker can be neither kept nor learnt.
Source: Zhang et al. 2016, arXiv:1406.3824 ("one-coin"); pooled errors and empirical Bayes are ours.
"""

from __future__ import annotations

import numpy as np

from core.inference.sparse import Sparse, anchored, clamped, digamma, softmax, strength, sums
from core.inference.table import Floats, Ints


def read(
    sparse: Sparse, controls: Ints | None, prior: Floats | None, q: Floats | None, sweeps: int
) -> tuple[Floats, int]:
    """(K, N) beliefs, and the sweeps it took: `fit` as a member of the committee."""
    beliefs, _, _, done = fit(sparse, controls, prior, q, sweeps)
    return beliefs, done


def fit(
    sparse: Sparse, controls: Ints | None, prior: Floats | None, q: Floats | None, sweeps: int, anchor: float = 1e3
) -> tuple[Floats, Floats, Floats, int]:
    """(K, N) beliefs, (W,) accuracies, (K, K) pattern of errors, and the sweeps it took."""
    k, w = sparse.labels, sparse.n_workers
    votes = sparse.votes()
    shares = (votes.sum(axis=1) + 1) / (votes.sum() + k)
    if q is None:
        q = votes + shares[:, None]
        q = q / q.sum(axis=0)
    q = clamped(q, controls)
    total = sums(sparse.pair_worker, sparse.mass(np.ones(len(sparse.item))), w)
    s, done, errors = 8.0, 0, np.zeros((k, k))
    accuracy = np.full(w, 0.7)
    for done in range(1, sweeps + 1):
        by_pair = sparse.by_pair(q)
        hits, errors = _learn(sparse, by_pair, accuracy, errors, shares, first=done == 1)
        mean = float((hits.sum() + 7) / (total.sum() + 10))
        if done > 3:
            s = strength(np.stack([hits, total - hits], axis=1), np.array([mean, 1 - mean]), s, high=100.0)
        accuracy = (hits + s * mean) / (total + s)
        right = np.exp(digamma(hits + s * mean) - digamma(total + s))
        wrong = np.exp(digamma(total - hits + s * (1 - mean)) - digamma(total + s))
        new = sparse.by_item(np.log(np.maximum(chance(sparse, right, wrong, errors), 1e-300)))
        held = anchored(q.sum(axis=1), q.shape[1], shares, anchor)
        new += held if prior is None else np.log(np.maximum(prior, 1e-12))
        new = clamped(softmax(new)[0], controls)
        moved = np.abs(new - q)
        q = new
        if done > 5 and (moved.max(initial=0.0) < 1e-3 or float(moved.mean()) < 2e-5):
            break
    return q, accuracy, errors, done


def chance(sparse: Sparse, right: Floats, wrong: Floats, errors: Floats) -> Floats:
    """(K, U) P(evidence | truth, worker)."""
    k, u = sparse.labels, len(sparse.pair_worker)
    label = sparse.slot_cell % k
    a, b = right[sparse.pair_worker], wrong[sparse.pair_worker]
    found = np.empty((k, u))
    for truth in range(k):
        if sparse.single:
            found[truth] = np.where(label == truth, a, b * errors[truth, label])
            continue
        miss = sums(sparse.slot_pair, errors[truth, label], u)
        hit = sums(sparse.slot_pair, (label == truth).astype(np.float64), u)
        found[truth] = a * hit + b * miss
    return found


def _learn(
    sparse: Sparse, by_pair: Floats, accuracy: Floats, errors: Floats, shares: Floats, first: bool
) -> tuple[Floats, Floats]:
    """(W,) soft right answers, and (K, K) the pooled pattern of errors."""
    k, u, w = sparse.labels, len(sparse.pair_worker), sparse.n_workers
    label = sparse.slot_cell % k
    off = 1.0 - np.eye(k)
    hits, pooled = np.zeros(w), shares * off
    a = accuracy[sparse.pair_worker]
    for truth in range(k):
        pattern = errors[truth] if not first else off[truth] / max(k - 1, 1)
        if sparse.single:
            here = label == truth
            hits += sums(sparse.pair_worker[here], by_pair[truth][here], w)
            pooled[truth] += sums(label, by_pair[truth] * ~here, k)
            continue
        share = np.where(label == truth, a[sparse.slot_pair], (1 - a[sparse.slot_pair]) * pattern[label])
        mass = by_pair[truth] / np.maximum(sums(sparse.slot_pair, share, u), 1e-300)
        part = share * mass[sparse.slot_pair]
        here = label == truth
        hits += sums(sparse.pair_worker[sparse.slot_pair[here]], part[here], w)
        pooled[truth] += sums(label, part * ~here, k)
    return hits, pooled / np.maximum(pooled.sum(axis=1, keepdims=True), 1e-12)
