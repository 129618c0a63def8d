"""The refit of a campaign in which several labels may hold: `core/multilabel.py`, under vigilance, calibrated.

How sure its beliefs may be called is learnt as elsewhere (`core/calibration.py`): each label of each item of known
truth, read while it is hidden, is one belief of two. Rings and rapid guesses are found by which sets of labels people
say; answers that ignore the item need no flag here: whoever sees no more often than they imagine moves no belief.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core import multilabel
from core.calibration import Calibration, fitted
from core.evidence import Evidence
from core.inference.table import AnswerTable
from core.inference.untold import halves
from core.marks import COUNTS, FLOOR, certainty, marked_by
from core.multilabel import Marks, MarkTable
from core.ports import Snapshot
from core.reliability import Model, Pool, Reliability
from core.vigilance import Vigilance, watch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_SETS = 50  # commonest sets of labels by which rings are looked for; one said more rarely names nothing there


@dataclass(frozen=True, slots=True, eq=False)
class Refitted:
    """All beliefs; N items, W workers."""

    pool: Pool
    posteriors: Floats  # (N, K)
    counts: Floats  # (W, 4K)

    def reliability(self, worker: int) -> Reliability:
        return Reliability(tuple(self.counts[worker].tolist()))


def mark_table(snapshot: Snapshot) -> MarkTable:
    """The snapshot's answers as arrays; "not sure" weighs nothing."""
    labels = len(snapshot.campaign.labels)
    said = {bits: marked_by(Evidence(bits), labels) for bits in set(snapshot.answer_bits)}
    rows = {bits: np.isin(np.arange(labels), marked or ()) for bits, marked in said.items()}
    known = [None if item.truth is None else certainty(item.truth, labels) for item in snapshot.items]
    return MarkTable(
        item=snapshot.answer_item,
        worker=snapshot.answer_worker,
        marked=np.array([rows[bits] for bits in snapshot.answer_bits], dtype=bool).reshape(-1, labels),
        n_items=len(snapshot.items),
        n_workers=len(snapshot.workers),
        weight=np.array([said[bits] is not None for bits in snapshot.answer_bits], dtype=np.float64),
        controls=np.array([(np.nan,) * labels if one is None else one for one in known]).reshape(-1, labels),
    )


def watched(table: MarkTable, snapshot: Snapshot) -> Vigilance:
    """What the answers alone tell of rapid guesses and rings, with each common set of labels as one label."""
    sets, place, count = np.unique(table.marked, axis=0, return_inverse=True, return_counts=True)
    number = np.full(len(sets), -1)
    common = np.argsort(-count, kind="stable")[:MOST_SETS]
    number[common] = np.arange(len(common))
    named = np.where(_telling(table), number[place.reshape(-1)] if len(sets) else -1, -1)
    labels, seconds = max(len(common), 2), snapshot.latency_ms / 1000
    return watch(table.item, table.worker, named, table.n_items, table.n_workers, labels, seconds)


def heeded(table: MarkTable, seen: Vigilance) -> MarkTable:
    """The table as the refit should read it: weighted, and with one vote for each ring."""
    return replace(table, worker=seen.one_vote(table.worker), weight=seen.weight * _weight(table))


def refitted(table: MarkTable, seen: Vigilance) -> Refitted:
    """All beliefs from all answers, as sure as items of known truth allow."""
    table = heeded(table, seen)
    found = multilabel.refit(table)
    calibration = fitted(*hidden(table))
    pool = _pool(found, calibration)
    holds = np.clip(found.holds, FLOOR, 1 - FLOOR)
    return Refitted(pool, holds, _counts(table, found, pool))


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


def _telling(table: MarkTable) -> NDArray[np.bool_]:
    """(A,) whether an answer says anything."""
    found: NDArray[np.bool_] = np.asarray(_weight(table) > 0)
    return found
