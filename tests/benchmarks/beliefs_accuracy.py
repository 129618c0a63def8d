"""Row 1 of the issue: how often is the likeliest label right, with all answers and with three an item?"""

from __future__ import annotations

import numpy as np

from core.inference import refit
from tests.benchmarks.crowds import CATEGORICAL, Crowd, Floats, load, simulated
from tests.benchmarks.peers import PEERS, labelled
from tests.benchmarks.table import Row, spread, told

FAST = ("vote", "Dawid-Skene", "ZBS")


def rows(quick: bool) -> tuple[Row, ...]:
    """All answers, three answers, and simulated crowds."""
    peers = [peer for peer in PEERS if not quick or peer in FAST]
    crowds = [load(name) for name in CATEGORICAL]
    every = _measured(crowds, peers, 0, 1)
    few = _measured(crowds, peers, 3, 2 if quick else 10)
    made = [simulated(seed, k) for seed in range(3) for k in (2, 4, 8)]
    return (
        *_all_answers(crowds, peers, every),
        *_three_answers(peers, few),
        *_simulated(peers, _measured(made, peers, 0, 1)),
    )


def _measured(crowds: list[Crowd], peers: list[str], overlap: int, draws: int) -> Floats:
    """(sets, 1 + peers) accuracy in percent: ours, then theirs."""
    table = []
    for crowd in crowds:
        found = []
        for seed in range(draws):
            part = crowd.only(crowd.turn(seed) < overlap) if overlap else crowd
            found.append([part.right(refit(part.table()).posteriors)] + [labelled(peer, part) for peer in peers])
        table.append(np.mean(found, axis=0))
        told(f"  {crowd.name} {overlap or 'all'} " + " ".join(f"{value:.2f}" for value in table[-1]))
    return np.array(table)


def _all_answers(crowds: list[Crowd], peers: list[str], found: Floats) -> tuple[Row, ...]:
    part, mean = "1. accuracy, all answers", found.mean(axis=0)
    sets = [
        Row(part, crowd.name, float(row[0]), peers=dict(zip(peers, row[1:], strict=True)))
        for crowd, row in zip(crowds, found, strict=True)
    ]
    worst = float((found[:, 0] - found[:, 1:3].max(axis=1)).min())
    means = dict(zip(peers, mean[1:], strict=True))
    return (
        *sets,
        Row(part, "mean of 15 sets", float(mean[0]), *spread(found[:, 0]), means, ">= 83.8", bool(mean[0] >= 83.8)),
        Row(part, "worst set against vote and Dawid-Skene", worst, bar=">= -1", reached=worst >= -1),
    )


def _three_answers(peers: list[str], found: Floats) -> tuple[Row, ...]:
    part, mean = "1. accuracy, three random answers an item", found.mean(axis=0)
    means = dict(zip(peers, mean[1:], strict=True))
    return (
        Row(part, "mean of 15 sets", float(mean[0]), *spread(found[:, 0]), means, ">= 79.5", bool(mean[0] >= 79.5)),
    )


def _simulated(peers: list[str], found: Floats) -> tuple[Row, ...]:
    part, mean = "1. accuracy, simulated crowds on which nothing was tuned", found.mean(axis=0)
    means = dict(zip(peers, mean[1:], strict=True))
    best = bool(mean[0] > max(means.values()))
    return (Row(part, "mean of 9 crowds", float(mean[0]), *spread(found[:, 0]), means, "> peers", best),)
