"""What a crowd's answers say of controls whose truth was kept from the reading: the ground that calibration stands on.

Controls are hidden in two halves, one after the other, while the other half is told: the beliefs that will be
calibrated have heard the controls too, and are less sure for it.
A control is asked of many more workers than other items. Where that is so, a hidden one keeps its first answers only,
as many as others have: what a crowd of thirty believes says nothing of what three may claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from core.inference.table import AnswerTable, Bools, Floats, Ints

HALVES = 2
MANY = 1.5  # times the answers of other items


def untold(table: AnswerTable, read: Callable[[AnswerTable], Floats]) -> tuple[Floats, Ints]:
    """(M, K) beliefs about the M controls that have answers, each read while hidden, and (M,) their truth.

    `read` gives the beliefs (K, N) of a table; it is called at most twice.
    """
    if table.controls is None:
        return np.zeros((0, table.labels)), np.zeros(0, dtype=np.int64)
    found, truth = [np.zeros((0, table.labels))], [np.zeros(0, dtype=np.int64)]
    for part, hidden in halves(table, table.controls):
        found.append(read(part).T[hidden])
        truth.append(table.controls[hidden])
    return np.concatenate(found), np.concatenate(truth)


def halves(table: AnswerTable, controls: Ints) -> Iterator[tuple[AnswerTable, Ints]]:
    """The table with one half of its known items hidden, and which: one half after the other."""
    blank: Bools = np.asarray(table.sets.all(axis=1), dtype=bool)
    telling: Bools = ~blank[table.evidence]
    if table.weight is not None:
        telling &= table.weight > 0
    have = np.bincount(table.item[telling], minlength=table.n_items)
    heard = np.flatnonzero((controls >= 0) & (have > 0))
    for half in range(HALVES):
        hidden = heard[half::HALVES]
        if len(hidden):
            told = controls.copy()
            told[hidden] = -1
            yield _without(replace(table, controls=told), _surplus(table, hidden, have, controls)), hidden


def _surplus(table: AnswerTable, hidden: Ints, have: Ints, controls: Ints) -> Bools:
    """(A,) answers of hidden controls beyond what others have."""
    others = have[(controls < 0) & (have > 0)]
    drop = np.zeros(len(table.item), dtype=bool)
    if not len(others) or have[hidden].mean() <= MANY * others.mean():
        return drop
    keep = np.full(table.n_items, np.iinfo(np.int64).max)
    keep[hidden] = np.maximum(np.rint(have[hidden] * others.mean() / have[hidden].mean()), 1)
    order = np.argsort(table.item, kind="stable")
    item = table.item[order]
    drop[order] = np.arange(len(item)) - np.searchsorted(item, item) >= keep[item]
    return drop


def _without(table: AnswerTable, drop: Bools) -> AnswerTable:
    if not drop.any():
        return table
    weight = None if table.weight is None else table.weight[~drop]
    columns = table.item[~drop], table.worker[~drop], table.evidence[~drop]
    return replace(table, item=columns[0], worker=columns[1], evidence=columns[2], weight=weight)
