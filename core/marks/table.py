"""The answers of a campaign in which several are marked, as arrays: labels of items, or words of their texts.

Where words are marked each word is an item of its own with one label, so that all words of all texts share the worker's
two rates and the share of words that are marked.
Source: Nguyen et al. 2017, doi:10.18653/v1/P17-1028, without their chain. Deviations: words are independent, given the
text. Over eight simulated crowds whose errors are whole names and their edges (`make bench-words`) the chain of
`core/spans.py`, laid over these beliefs, made their log loss worse: 0.151 -> 0.159 nats a word after two answers each,
0.076 -> 0.085 after three, 0.025 -> 0.029 after five.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from core.campaign import Kind
from core.evidence import Evidence
from core.marks import certainty, marked_by
from core.multilabel import MarkTable
from core.ports import Snapshot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_SETS = 50  # commonest sets of labels by which rings are looked for; one said more rarely names nothing there
READINGS = 16  # numbers for the readings of texts, by which rings are looked for


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """What the refit reads, and where it comes from."""

    table: MarkTable  # of the snapshot's answers, or of the words that each of them marks or leaves
    answer: Ints  # (rows of the table,) the snapshot's answer that each is
    ends: Ints  # (N + 1,) where each item's marks begin among all, and where the last end
    named: Ints  # (A,) the set that an answer names, among `sets`; -1 where it says nothing, or what is rarely said
    sets: int
    item: Ints  # (A,) of the answers, as in the snapshot
    worker: Ints  # (A,)

    def of_items(self, beliefs: Floats) -> list[Floats]:
        """Beliefs about the table's items, as those of the snapshot's have them: one row each, of any length."""
        flat = beliefs.reshape(-1)
        return [flat[start:end] for start, end in pairwise(self.ends.tolist())]


def marks_of(snapshot: Snapshot) -> Marked:
    """The snapshot's answers; "not sure" weighs nothing."""
    return _of_words(snapshot) if snapshot.campaign.draft.kind is Kind.SPANS else _of_labels(snapshot)


def _of_labels(snapshot: Snapshot) -> Marked:
    labels = len(snapshot.campaign.labels)
    said = {bits: marked_by(Evidence(bits), labels) for bits in set(snapshot.answer_bits)}
    rows = {bits: np.isin(np.arange(labels), marked or ()) for bits, marked in said.items()}
    known = [None if item.truth is None else certainty(item.truth, labels) for item in snapshot.items]
    counts = Counter(bits for bits in sorted(snapshot.answer_bits) if said[bits] is not None)
    number = {bits: at for at, (bits, _) in enumerate(counts.most_common(MOST_SETS))}
    table = MarkTable(
        item=snapshot.answer_item,
        worker=snapshot.answer_worker,
        marked=np.array([rows[bits] for bits in snapshot.answer_bits], dtype=bool).reshape(-1, labels),
        n_items=len(snapshot.items),
        n_workers=len(snapshot.workers),
        weight=np.array([said[bits] is not None for bits in snapshot.answer_bits], dtype=np.float64),
        controls=np.array([(np.nan,) * labels if one is None else one for one in known]).reshape(-1, labels),
    )
    return Marked(
        table, np.arange(len(table.item)), labels * np.arange(len(snapshot.items) + 1),
        np.array([number.get(bits, -1) for bits in snapshot.answer_bits], dtype=np.int64), max(len(number), 2),
        snapshot.answer_item, snapshot.answer_worker,
    )  # fmt: skip


def _of_words(snapshot: Snapshot) -> Marked:
    size = np.array([len(item.posterior) for item in snapshot.items], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    asked = size[snapshot.answer_item]
    answer = np.repeat(np.arange(len(asked)), asked)
    within = np.arange(int(asked.sum())) - np.repeat(np.cumsum(asked) - asked, asked)
    pairs = zip(snapshot.answer_bits, asked.tolist(), strict=True)
    said = [marked_by(Evidence(bits), words) for bits, words in pairs]
    marked = np.zeros((len(answer), 1), dtype=bool)
    begin = (np.cumsum(asked) - asked).tolist()
    marked[[start + word for start, words in zip(begin, said, strict=True) for word in words or ()]] = True
    known = np.full(int(ends[-1]), np.nan)
    for at, item in enumerate(snapshot.items):
        if item.truth is not None:
            known[ends[at] : ends[at + 1]] = certainty(item.truth, int(size[at]))
    table = MarkTable(
        item=ends[snapshot.answer_item][answer] + within,
        worker=snapshot.answer_worker[answer],
        marked=marked,
        n_items=int(ends[-1]),
        n_workers=len(snapshot.workers),
        weight=np.array([one is not None for one in said], dtype=np.float64)[answer],
        controls=known[:, None],
    )
    named = _readings(snapshot, said)
    return Marked(table, answer, ends, named, READINGS, snapshot.answer_item, snapshot.answer_worker)


def _readings(snapshot: Snapshot, said: list[tuple[int, ...] | None]) -> Ints:
    """(A,) a number for each reading of a text, by hash: the same readings have the same one, others rarely, and nobody
    has a habit of one. (How common a reading is would be a habit, which hides a ring.)"""
    ids = [item.id for item in snapshot.items]
    rows = zip(snapshot.answer_item.tolist(), said, strict=True)
    found = [-1 if one is None else crc32(f"{ids[item]}:{one}".encode()) % READINGS for item, one in rows]
    return np.array(found, dtype=np.int64)
