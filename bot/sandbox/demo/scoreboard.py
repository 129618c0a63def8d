"""What the demo measures: our consensus against truth, beside the same budget spent at random with majority vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.ids import WorkerId
from core.item import Item, Verdict
from core.ports import Beliefs
from core.posterior import claimed
from core.reliability import accuracy

SEEDS = 5


@dataclass(frozen=True, slots=True)
class Score:
    """One campaign after some answers; shares are 0..1."""

    answers: int  # spent in all, on controls too
    items: int  # without controls
    settled: int
    settled_right: float  # share of the settled items whose consensus is true
    claimed: float  # mean calibrated belief of the settled items
    consensus_right: float  # share of all items whose likeliest label is true
    vote_right: float  # the same for majority vote, the same number of answers spent at random
    vote_answers: int | None  # answers that majority vote needs to be as right; None where it never gets there
    rank: float  # Spearman correlation of believed and true accuracy of the workers
    off: float  # mean absolute error of the believed accuracy


def score(
    beliefs: Beliefs, answers: int, truths: Mapping[str, int], crowd: Mapping[WorkerId, NDArray[np.float64]]
) -> Score:
    """Judges beliefs after so many answers; `crowd` has each worker's true confusion matrix (K, K)."""
    items = list(beliefs.items)
    truth = np.array([truths[item.name] for item in items])
    guess = np.array([int(np.argmax(item.posterior)) for item in items])
    settled = np.array([item.verdict is Verdict.SETTLED for item in items])
    right = guess == truth
    votes = vote_curve(truth, list(crowd.values()))
    at = min(answers, len(votes) - 1)
    believed, true = _reliabilities(beliefs, crowd)
    return Score(
        answers=answers,
        items=len(items),
        settled=int(settled.sum()),
        settled_right=float(right[settled].mean()) if settled.any() else 0.0,
        claimed=_claimed(beliefs, [item for item in items if item.verdict is Verdict.SETTLED]),
        consensus_right=float(right.mean()),
        vote_right=float(votes[at]),
        vote_answers=_first(votes, float(right.mean())),
        rank=_rank(believed, true),
        off=float(np.abs(believed - true).mean()) if len(true) else 0.0,
    )


def _claimed(beliefs: Beliefs, settled: Sequence[Item]) -> float:
    return float(np.mean([max(claimed(item.posterior, beliefs.pool)) for item in settled])) if settled else 0.0


def vote_curve(truth: NDArray[np.int64], crowd: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(n,) accuracy over all items of majority vote after 0..n-1 answers, each by a random worker to a new item.

    Ties, and items without an answer, are drawn by lot; mean of five draws.
    """
    curves = [_one_vote_curve(truth, crowd, np.random.default_rng(seed)) for seed in range(SEEDS)]
    mean: NDArray[np.float64] = np.mean(curves, axis=0)
    return mean


def _one_vote_curve(
    truth: NDArray[np.int64], crowd: Sequence[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    n, labels = len(truth), len(crowd[0])
    pairs = rng.permutation(n * len(crowd))
    cumulated = np.cumsum(np.array(crowd), axis=2)  # (W, K, K)
    votes = np.zeros((n, labels))
    right = np.full(n, 1 / labels)  # chance that the vote on each item is right
    curve = np.empty(len(pairs) + 1)
    curve[0] = total = right.sum()
    for step, pair in enumerate(pairs, 1):
        worker, item = divmod(int(pair), n)
        label = min(int(np.searchsorted(cumulated[worker, truth[item]], rng.random())), labels - 1)
        row = votes[item]
        row[label] += 1
        top = row == row.max()
        total -= right[item]
        right[item] = top[truth[item]] / top.sum()
        total += right[item]
        curve[step] = total
    return curve / n


def _first(curve: NDArray[np.float64], level: float) -> int | None:
    reached = np.flatnonzero(curve >= level)
    return int(reached[0]) if len(reached) else None


def _reliabilities(
    beliefs: Beliefs, crowd: Mapping[WorkerId, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = [worker for worker in crowd if worker in beliefs.reliabilities]
    believed = [accuracy(beliefs.reliabilities[worker], beliefs.pool)[0] for worker in known]
    return np.array(believed), np.array([float(np.diag(crowd[worker]).mean()) for worker in known])


def _rank(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, without ties' correction."""
    if len(a) < 3:
        return 0.0
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])
