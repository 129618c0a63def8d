"""The network's voice: how far its suggestions may move the beliefs about items that have no answer yet.

A suggestion s (K,) of a version that never saw an answer about the item is heard as a likelihood ratio against the
class prior, (s_k / prior_k)^beta, capped so that between two labels it never says more than one average worker would:

    start_k  =  prior_k * clip((s_k / prior_k)^beta)

beta 0 is silence, beta 1 takes the suggestion's word (the class shares are in it already, and are not counted twice).
beta is learnt for each campaign, from how well the suggestions foretold the answers that came afterwards: the marginal
likelihood of each item's answers needs no truth. It never exceeds the campaign's `network_weight`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.inference.sparse import Sparse
from core.inference.table import AnswerTable, Refit
from core.posterior import TINY, odds_of_one_answer
from core.reliability import Model, Pool

Floats = NDArray[np.float64]

STEPS = np.linspace(0.0, 1.0, 11)


def starts(pool: Pool, suggestions: Floats, weight: float) -> Floats:
    """(N, K) beliefs before any answer, rows sum to 1: `core.posterior.start` for many items at once."""
    prior = np.maximum(np.array(pool.prior), TINY)
    log_voice = weight * (np.log(np.maximum(suggestions, TINY)) - np.log(prior))
    top = log_voice.max(axis=1, keepdims=True)
    mass = prior * np.exp(np.maximum(log_voice - top, -np.log(odds_of_one_answer(pool))))
    found: Floats = mass / mass.sum(axis=1, keepdims=True)
    return found


def learnt_weight(
    table: AnswerTable, spoken: NDArray[np.bool_], suggestions: Floats, found: Refit, most: float
) -> float:
    """The beta, up to `most`, under which the answers about the items `spoken` (N,) of were likeliest.

    `suggestions` (M, K): those of the M spoken ones. The mean over a grid, each weighted by how likely it makes them.
    """
    if most <= 0.0 or not spoken.any():
        return most
    evidence = _log_likelihoods(table, found)[spoken]
    heard = evidence.any(axis=1)
    evidence, said = evidence[heard], suggestions[heard]
    weights = STEPS * most
    score = np.array([_marginal(starts(found.pool, said, float(w)), evidence) for w in weights])
    chance = np.exp(score - score.max()) * (0.1 + STEPS)  # before any answer: two thirds of what is allowed
    return float((weights * chance).sum() / chance.sum())


def _marginal(prior: Floats, evidence: Floats) -> float:
    """Nats: log of the answers' probability, summed over items; (N, K) each."""
    top = evidence.max(axis=1, keepdims=True, initial=-np.inf)
    return float((np.log((prior * np.exp(evidence - top)).sum(axis=1)) + top[:, 0]).sum())


def _log_likelihoods(table: AnswerTable, found: Refit) -> Floats:
    """(N, K) log P(the item's answers | label), by the workers' reliabilities."""
    sparse, k = Sparse.of(table), table.labels
    pool = found.pool
    pattern = np.array(pool.confusion)
    if pool.model is Model.ACCURACY:
        right = (found.counts[:, 0] + pool.strength * pool.accuracy) / (found.counts.sum(axis=1) + pool.strength)
        off = pattern * (1 - np.eye(k))
        off /= np.maximum(off.sum(axis=1, keepdims=True), 1e-12)
        theta = off[:, None, :] * (1 - right)[None, :, None] + np.eye(k)[:, None, :] * right[None, :, None]
    else:
        theta = found.counts.reshape(-1, k, k).transpose(1, 0, 2) + pool.strength * pattern[:, None, :]
        theta = theta / theta.sum(axis=2, keepdims=True)
    return np.ascontiguousarray(sparse.by_item(sparse.pair_log(theta)).T)
