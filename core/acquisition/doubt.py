"""How doubtful each item is: (N, K) probabilities, or those of several heads (H, N, K) -> (N,) in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TINY = 1e-12


def margins(probabilities: Floats) -> Floats:
    """(N,) one minus the lead of the likeliest label over the second.

    Source: Scheffer, Decomain and Wrobel 2001, doi:10.1007/3-540-44816-0_31.
    """
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    top = np.partition(probabilities, -2, axis=1)
    doubt: Floats = 1.0 - (top[:, -1].astype(np.float64) - top[:, -2])
    return np.clip(doubt, 0.0, 1.0)


def entropies(probabilities: Floats) -> Floats:
    """(N,) entropy as a share of the greatest possible, ln K."""
    nats = -(probabilities * np.log(np.maximum(probabilities, TINY))).sum(axis=1, dtype=np.float64)
    share: Floats = np.clip(nats / np.log(max(probabilities.shape[1], 2)), 0.0, 1.0)
    return share


def disagreement(heads: Floats) -> Floats:
    """(N,) what the heads (H, N, K) do not agree on, as a share of ln K: entropy of their mean less their mean entropy.

    One head, or heads that are alike, disagree on nothing: 0.
    Source: Houlsby et al. 2011, arXiv:1112.5745 (BALD); Gal, Islam and Ghahramani 2017, arXiv:1703.02910.
    """
    within = np.mean([entropies(head) for head in heads], axis=0)
    beyond: Floats = np.clip(entropies(heads.mean(axis=0)) - within, 0.0, 1.0)
    return beyond


def rarity(probabilities: Floats, shares: Floats) -> Floats:
    """(N,) how much an item is expected to help labels that are rare among those taught, in [0, 1].

    `shares` (K,): the labels' shares of what was taught. The expected 1 / share of the item's label, as a share of that
    of the rarest label; a label that was never seen counts as half an item in 1 / TINY_SHARE.
    Source: Aggarwal, Popescu and Hudelot 2020, arXiv:2001.02590 (balancing by expected label); deviation: in one term.
    """
    want = 1.0 / np.maximum(shares, TINY_SHARE)
    expected: Floats = probabilities @ (want / want.max())
    return np.clip(expected, 0.0, 1.0)


TINY_SHARE = 1e-3
