"""The refit of a campaign in which several labels may hold, or words are marked: `core/multilabel.py`, under vigilance,
calibrated.

How sure its beliefs may be called is learnt as elsewhere (`core/calibration.py`): each label of each item of known
truth, read while it is hidden, is one belief of two. Rings and rapid guesses are found by which sets of labels people
say, or by which readings of a text; answers that ignore the item need no flag here: whoever sees no more
often than they imagine moves no belief.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core import multilabel
from core.calibration import Calibration, fitted
from core.inference.table import AnswerTable
from core.inference.untold import halves
from core.marks import COUNTS, FLOOR
from core.marks.table import Marked, marks_of
from core.multilabel import Marks, MarkTable
from core.ports import Snapshot
from core.reliability import Model, Pool, Reliability
from core.vigilance import Vigilance, watch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Refitted:
    """All beliefs; N items, W workers."""

    pool: Pool
    posteriors: list[Floats]  # N of (K,), or of as many as an item has words
    counts: Floats  # (W, 4K); (W, 4) where words are marked

    def reliability(self, worker: int) -> Reliability:
        return Reliability(tuple(self.counts[worker].tolist()))


def watched(marks: Marked, snapshot: Snapshot) -> Vigilance:
    """What the answers alone tell of rapid guesses and rings, with each common set of marks as one label."""
    seconds, table = snapshot.latency_ms / 1000, marks.table
    return watch(marks.item, marks.worker, marks.named, len(snapshot.items), table.n_workers, marks.sets, seconds)


def heeded(marks: Marked, seen: Vigilance) -> MarkTable:
    """The table as the refit should read it: weighted, and with one vote for each ring."""
    table = marks.table
    return replace(table, worker=seen.one_vote(table.worker), weight=seen.weight[marks.answer] * _weight(table))


def heeded_of(snapshot: Snapshot) -> MarkTable:
    """The same of a snapshot that nobody has read yet."""
    marks = marks_of(snapshot)
    return heeded(marks, watched(marks, snapshot))


def refitted(marks: Marked, seen: Vigilance) -> Refitted:
    """All beliefs from all answers, as sure as items of known truth allow."""
    table = heeded(marks, seen)
    found = multilabel.refit(table)
    calibration = fitted(*hidden(table))
    pool = _pool(found, calibration)
    holds = np.clip(found.holds, FLOOR, 1 - FLOOR)
    return Refitted(pool, marks.of_items(holds), _counts(table, found, pool))


def hidden(table: MarkTable) -> tuple[Floats, Ints]:
    """(M K, 2) what is believed of each label of the M answered items of known truth while they are hidden, no and yes,
    and (M K,) what is true: all that calibration rests on."""
    believed, truth = [np.zeros((0, 2))], [np.zeros(0, dtype=np.int64)]
    known = np.full((table.n_items, table.labels), np.nan) if table.controls is None else table.controls
    told = np.where(np.isfinite(known).all(axis=1), 0, -1)
    rows = np.arange(len(table.item))
    bare = np.tile([True, False], (len(rows), 1))  # only who answered what is looked at
    carrier = AnswerTable(table.item, table.worker, rows, bare, table.n_items, table.n_workers, table.weight, told)
    for part, here in halves(carrier, told) if len(rows) else ():
        rest = known.copy()
        rest[here] = np.nan
        marked = table.marked[part.evidence]
        read = MarkTable(part.item, part.worker, marked, table.n_items, table.n_workers, part.weight, rest)
        q = multilabel.refit(read).holds[here].reshape(-1)
        believed.append(np.column_stack([1 - q, q]))
        truth.append(known[here].reshape(-1).astype(np.int64))
    return np.concatenate(believed), np.concatenate(truth)


def _pool(found: Marks, calibration: Calibration) -> Pool:
    rows = tuple(map(tuple, found.common.tolist()))
    prior, strength = tuple(found.prior.tolist()), sum(found.strength) / 2
    return Pool(prior, rows, strength, calibration.temperature, Model.MARKS, calibration.lapse, voice=0.0)


def _counts(table: MarkTable, found: Marks, pool: Pool) -> Floats:
    """(W, 4K) soft counts under which the day's rates (`core.marks.rates_of`) are the refit's; those of a label sum to
    the worker's answers, as the pool's strength is the mean of both halves'."""
    w, labels, s = table.n_workers, table.labels, pool.strength
    counts = np.zeros((w, labels, COUNTS))
    for k in range(labels):
        there = found.holds[:, k].take(table.item)
        for at, belief, theta in ((0, 1 - there, found.imagines[:, k]), (2, there, found.sees[:, k])):
            seen = np.bincount(table.worker, belief * _weight(table), w) + found.strength[at // 2] - s
            counts[:, k, at + 1] = theta * (s + seen) - s * pool.confusion[k][at // 2]
            counts[:, k, at] = seen - counts[:, k, at + 1]
    return counts.reshape(w, -1)


def _weight(table: MarkTable) -> Floats:
    return np.ones(len(table.item)) if table.weight is None else table.weight
