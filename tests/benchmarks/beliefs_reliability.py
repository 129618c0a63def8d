"""Row 4 of the issue: how well are workers known? Correlation with the truth beside crowd-kit's best; coverage."""

from __future__ import annotations

import numpy as np

from core.inference import refit
from tests.benchmarks.crowds import CATEGORICAL, Crowd, Floats, load
from tests.benchmarks.peers import skills
from tests.benchmarks.table import Row, spread, told

PART = "4. reliability of workers with 20 or more items of known truth"


def rows(quick: bool) -> tuple[Row, ...]:
    """A row for each set, then the means."""
    found, gains, blind_gains, covers = [], [], [], []
    for crowd in map(load, CATEGORICAL[:4] if quick else CATEGORICAL):
        seen, hits = _graded(crowd)
        busy = seen >= 20
        if busy.sum() < 5:
            continue
        controls, _ = crowd.controls(0.1, 0)
        true, ours = hits[busy] / seen[busy], refit(crowd.table(controls=controls)).accuracy[busy]
        alone = spearman(refit(crowd.table()).accuracy[busy, 0], true)
        peers = {name: spearman(skill[busy], true) for name, skill in skills(crowd).items()}
        mine, best = spearman(ours[:, 0], true), max(peers.values())
        covers.append(float(((true >= ours[:, 1]) & (true <= ours[:, 2])).mean()))
        gains.append(mine - best)
        blind_gains.append(alone - best)
        known = {"without controls": alone, "covers": covers[-1]}
        found.append(Row(PART, f"{crowd.name}, Spearman", mine, peers=known | peers))
        told(f"  {crowd.name} {mine:.3f} against {best:.3f}")
    return (*found, *_means(gains, blind_gains, covers))


def _graded(crowd: Crowd) -> tuple[Floats, Floats]:
    """(W,) answers to items of known truth, and how many of them were right."""
    known = crowd.truth[crowd.item] >= 0
    right = (crowd.label == crowd.truth[crowd.item])[known]
    seen = np.bincount(crowd.worker[known], minlength=crowd.workers).astype(float)
    return seen, np.bincount(crowd.worker[known], right.astype(float), crowd.workers).astype(float)


def _means(gains: list[float], blind_gains: list[float], covers: list[float]) -> tuple[Row, ...]:
    gain, cover = float(np.nanmean(gains)), float(np.mean(covers))
    words = "Spearman over the best peer of each set, a tenth of items controls"
    return (
        Row(PART, words, gain, *spread(gains), bar=">= 0.05", reached=gain >= 0.05),
        Row(PART, "the same without controls", float(np.nanmean(blind_gains)), *spread(blind_gains)),
        Row(PART, "95 % intervals cover", cover, *spread(covers), bar="0.90-0.98", reached=0.9 <= cover <= 0.98),
    )


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation, ties sharing their mean rank; nan where one side is constant."""
    rank = [np.array([np.mean(np.flatnonzero(np.sort(x) == v)) for v in x]) for x in (a, b)]
    return float(np.corrcoef(rank)[0, 1]) if rank[0].std() and rank[1].std() else float("nan")
