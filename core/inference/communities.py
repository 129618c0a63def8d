"""Workers come in few communities: each is believed to belong to one, and what a community does is learnt together.

    P(l | k, w) = theta_w[k, l],   theta_w[k, .] ~ Dirichlet(s c_w[k, .]),   c_w = sum over m of r_w[m] phi_m

phi_m (K, K) is what community m does, r_w the belief about where w belongs. Communities begin as levels of skill,
spread over the workers' agreement with the votes, and one constant answerer for each label; where workers gave few
answers, they teach together what none of them could alone. Without `stray` nobody departs from it (s infinite).
Source: Venanzi et al. 2014, doi:10.1145/2566486.2567989 (community-based BCC). Deviations: maximum a posteriori by EM;
the number of communities is fixed; classes are anchored on shares of votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.inference.sparse import Sparse, anchored, clamped, softmax, strength
from core.inference.table import Floats, Ints

LEVELS = np.linspace(0.1, 0.95, 6)  # quantiles of the workers' agreement where communities begin
ANCHOR = 20.0  # answers' worth of belief in what a community begins as, for each label
CONSTANT = 0.6  # how often a constant answerer gives their label, beyond the crowd's shares
WARM = 8  # sweeps before the strength is estimated


@dataclass(slots=True, eq=False)
class Communities:
    """What is believed about M communities, while it sweeps."""

    phi: Floats  # (M, K, K)
    start: Floats  # (M, K, K)
    share: Floats  # (M,)
    theta: Floats  # (K, W, K)
    s: float = 8.0


def fit(
    sparse: Sparse, controls: Ints | None, prior: Floats | None, q: Floats | None, sweeps: int, stray: bool = True
) -> tuple[Floats, int]:
    """(K, N) beliefs, and the sweeps it took: `learnt` as a member of the committee."""
    beliefs, _, done = learnt(sparse, controls, prior, q, sweeps, stray)
    return beliefs, done


def learnt(
    sparse: Sparse,
    controls: Ints | None = None,
    prior: Floats | None = None,
    q: Floats | None = None,
    sweeps: int = 60,
    stray: bool = True,
    errors: Floats | None = None,
) -> tuple[Floats, Communities, int]:
    """(K, N) beliefs, what is believed of communities and workers, and the sweeps it took.

    `prior` (K, N) where items have their own; `q` (K, N) warms it up; `errors` (K, K), no diagonal, rows sum to 1, is
    how the skilled err before the answers speak, as the crowd's shares of labels where None.
    """
    votes = sparse.votes()
    shares = (votes.sum(axis=1) + 1) / (votes.sum() + sparse.labels)
    if q is None:
        q = votes + shares[:, None]
        q = q / q.sum(axis=0)
    q = clamped(q, controls)
    minds = _begin(sparse, q, shares, errors)
    log_prior = None if prior is None else np.log(np.maximum(prior, 1e-12))
    done = 0
    for done in range(1, sweeps + 1):
        counts = sparse.counts(sparse.by_pair(q), minds.theta)
        _learn(minds, counts, stray, done > WARM and (done < 30 or done % 5 == 0))
        new = sparse.by_item(sparse.pair_log(minds.theta))
        new += anchored(q.sum(axis=1), q.shape[1], shares, 0.5) if log_prior is None else log_prior
        new = clamped(softmax(new)[0], controls)
        moved = np.abs(new - q)
        q = new
        if done > WARM + 2 and (moved.max(initial=0.0) < 1e-3 or float(moved.mean()) < 2e-5):
            break
    return q, minds, done


def _begin(sparse: Sparse, q: Floats, shares: Floats, errors: Floats | None) -> Communities:
    """Levels of skill where the workers are, and the constant answerers."""
    k, w = sparse.labels, sparse.n_workers
    theta = np.repeat((0.7 * np.eye(k) + 0.3 * shares)[:, None, :], w, axis=1)
    counts = sparse.counts(sparse.by_pair(q), theta)
    total, hits = counts.sum(axis=(0, 2)), np.einsum("kwk->w", counts)
    mean = (hits.sum() + 7) / (total.sum() + 10)
    agreement = (hits + 4 * mean) / (total + 4)
    levels = np.quantile(agreement, LEVELS) if w else LEVELS
    off = shares * (1 - np.eye(k)) if errors is None else errors
    off = off / np.maximum(off.sum(axis=1, keepdims=True), 1e-12)
    skilled = levels[:, None, None] * np.eye(k) + (1 - levels[:, None, None]) * off
    constant = np.repeat((CONSTANT * np.eye(k) + (1 - CONSTANT) * shares)[:, None, :], k, axis=1)
    phi = np.concatenate([skilled, constant]) if k > 1 else np.ones((1, 1, 1))
    return Communities(phi, phi, np.full(len(phi), 1 / len(phi)), theta)


def _learn(minds: Communities, counts: Floats, stray: bool, estimate: bool) -> None:
    """One M step: where each worker belongs, what each community does, and so theta. counts (K, W, K)."""
    k, w, _ = counts.shape
    rows = counts.transpose(1, 0, 2).reshape(w, k * k)
    belief = np.log(np.maximum(minds.phi, 1e-6)).reshape(-1, k * k) @ rows.T + np.log(minds.share)[:, None]
    belief, _ = softmax(belief)  # (M, W)
    minds.share = (belief.sum(axis=1) + 1) / (w + len(belief))
    phi = (belief @ rows).reshape(-1, k, k) + ANCHOR * minds.start
    minds.phi = phi / phi.sum(axis=2, keepdims=True)
    if not stray:
        log = np.log(np.maximum(minds.phi, 1e-6)).reshape(-1, k * k)
        minds.theta = np.exp(belief.T @ log).reshape(w, k, k).transpose(1, 0, 2)
        return
    centre = (belief.T @ minds.phi.reshape(-1, k * k)).reshape(w, k, k).transpose(1, 0, 2)
    if estimate:
        minds.s = strength(counts.reshape(-1, k), centre.reshape(-1, k), minds.s)
    minds.theta = (counts + minds.s * centre) / (counts.sum(axis=2, keepdims=True) + minds.s)
