"""How well do the answers foretell each other? The ground of calibration that needs no truth.

Each answer is predicted from what the others say of its item: p(E) = sum over k of q(k)^(1/T) P(E | k, w), where q has
not heard the answer and the worker's reliability has not heard the item. Of a crowd that is too sure the likeliest T is
above 1. It cannot see an error that all share, which is why controls are better ground; but over fifteen recorded
crowds its logarithm correlates at 0.7 with that of the temperature which the truth asks for.
Source: leave one out, Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x. Deviation: an answer is taken back from a
belief by dividing through its likelihood, not by another reading.
"""

from __future__ import annotations

import numpy as np

from core.inference.sparse import Sparse
from core.inference.table import Floats, Ints

HEATS = np.exp(np.linspace(0.0, np.log(12.0), 16))  # never under 1: that workers agree makes no claim surer
SPREAD = 0.5  # deviation of log T among recorded crowds: a few answers move little
MOST = 20_000  # answers that are predicted; more tell nothing new


def heat(sparse: Sparse, q: Floats, chance: Floats, heard: Floats) -> float:
    """The temperature, at least 1, of beliefs q (K, N) that foretells the answers best.

    `chance` (K, U) is P(evidence | label) of each pair of worker and evidence, and `heard` (K, W) the answers, the
    prior's among them, by which a worker is judged on items of that label.
    """
    answers = np.flatnonzero(np.bincount(sparse.item, minlength=sparse.n_items)[sparse.item] > 1)
    answers = answers[:: len(answers) // MOST + 1]
    if not len(answers) or sparse.labels < 2:
        return 1.0
    rest, unheard = _taken_back(sparse, q, chance, heard, answers)
    weight = np.ones(len(answers)) if sparse.weight is None else sparse.weight[answers]
    score = []
    for hot in HEATS:
        cool = np.exp(rest / hot)
        predicted = (cool * unheard).sum(axis=0) / cool.sum(axis=0)
        score.append(float((weight * np.log(predicted)).sum()) - 0.5 * float(np.log(hot) / SPREAD) ** 2)
    return float(HEATS[int(np.argmax(score))])


def _taken_back(sparse: Sparse, q: Floats, chance: Floats, heard: Floats, answers: Ints) -> tuple[Floats, Floats]:
    """(K, B) log of the beliefs without each answer, largest 0, and P(its evidence | label) by a worker who has not met
    the item."""
    item, pair = sparse.item[answers], sparse.pair[answers]
    weight = np.ones(len(answers)) if sparse.weight is None else sparse.weight[answers]
    own, likely, total = q[:, item], chance[:, pair], heard[:, sparse.pair_worker[pair]]
    rest = np.log(np.maximum(own, 1e-12)) - weight * np.log(np.maximum(likely, 1e-12))
    rest -= rest.max(axis=0)
    unheard = (likely * total - weight * own) / np.maximum(total - weight * own, 1e-9)
    return rest, np.clip(unheard, 1e-6, 1.0)
