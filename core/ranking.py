"""Which of the things that a campaign compares are better: its answers "A" and "B" as comparisons (`core/pairs.py`).

A campaign compares where its items say what their two sides are (`Content.sides`) and one label begins with the letter
A and one with B ("A", "A better", "A 更好"). Other labels ("equal") and answers that leave both open count for neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.campaign import Campaign, Kind
from core.evidence import Evidence
from core.item import Verdict
from core.pairs import PairTable, refit
from core.ports import Snapshot
from core.refit import table_of, watched


@dataclass(frozen=True, slots=True)
class Place:
    """What is believed of one thing; the difference of two scores is the log odds that a perfect worker prefers one."""

    name: str
    score: float  # around 0
    deviation: float  # standard deviation of the belief; a lower bound, as the others' scores are taken for known
    comparisons: int  # answers that preferred it or another to it


def sides_of(labels: Sequence[str]) -> tuple[int, int] | None:
    """(the label that prefers A, the one that prefers B); None where the labels are not about two sides."""
    found = [[at for at, label in enumerate(labels) if _begins(label, letter)] for letter in "AB"]
    return (found[0][0], found[1][0]) if [len(one) for one in found] == [1, 1] else None


def _begins(label: str, letter: str) -> bool:
    return re.match(rf"\W*{letter}(?![A-Za-z0-9_])", label, re.IGNORECASE) is not None


def compares(campaign: Campaign) -> bool:
    """Whether the campaign's labels are about two sides."""
    return campaign.draft.kind is Kind.SINGLE and sides_of(campaign.labels) is not None


def ranking(snapshot: Snapshot) -> list[Place]:
    """All things that are compared, the best first; none where the campaign compares nothing.

    Rapid guesses weigh less, and a ring has one vote, as at the refit. Withdrawn items count for nothing.
    """
    if not compares(snapshot.campaign):
        return []
    names, table = comparisons(snapshot)
    found = refit(table)
    counts = np.bincount(np.concatenate([table.winner, table.loser]), minlength=len(names))
    return [
        Place(names[at], float(found.mean[at]), float(found.deviation[at]), int(counts[at]))
        for at in found.ranking().tolist()
    ]


def comparisons(snapshot: Snapshot) -> tuple[list[str], PairTable]:
    """The names of the things that are compared, and the answers that prefer one. ValueError where no labels do."""
    sides = sides_of(snapshot.campaign.labels)
    if sides is None:
        raise ValueError(f"{snapshot.campaign.slug} compares nothing")
    pairs = [() if item.verdict is Verdict.WITHDRAWN else item.content.sides for item in snapshot.items]
    names = sorted({name for pair in pairs for name in pair})
    number = {name: at for at, name in enumerate(names)}
    prefers = {Evidence.of(label).bits: side for side, label in enumerate(sides)}
    found = [
        (row, number[pairs[item][side]], number[pairs[item][1 - side]])
        for row, (item, bits) in enumerate(zip(snapshot.answer_item.tolist(), snapshot.answer_bits, strict=True))
        if pairs[item] and (side := prefers.get(bits)) is not None
    ]
    rows, winner, loser = np.array(found, dtype=np.int64).reshape(-1, 3).T
    table = table_of(snapshot)
    table = watched(table, snapshot).of(table)
    weight = None if table.weight is None else table.weight[rows]
    return names, PairTable(winner, loser, table.worker[rows], len(names), table.n_workers, weight)
