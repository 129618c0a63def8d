"""A file of answers as the arrays that `core` reads, one function for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.inference import AnswerTable
from core.marks import parts_of
from core.multilabel import MarkTable
from core.numeric import NumberTable
from core.pairs import PairTable
from storage.exchange.answers_in import Known
from storage.exchange.gathered import AnswerFile, number

MOST_LABELS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The labels of a file in order, and which of them each distinct cell names."""

    labels: tuple[str, ...]
    sets: NDArray[np.bool_]  # (S, K)

    def numbers(self) -> dict[str, int]:
        return {label: at for at, label in enumerate(self.labels)}


def words_of(place: str, file: AnswerFile, extra: Sequence[str], scale: Sequence[str], split: bool) -> Words:
    """Labels of the file and of what is known beside it, sorted (numbers by value), or in the order of `scale`."""
    parts = [parts_of(cell) if split else [cell] for cell in file.cells]
    found = {part for cell in parts for part in cell} | set(extra)
    if scale:
        unknown = sorted(found - set(scale))
        if unknown:
            raise BadInput(place, f"has the label '{unknown[0]}', which the scale {', '.join(scale)} leaves out.")
    if len(found) > MOST_LABELS:
        raise BadInput(place, f"has {len(found):,} different labels; at most {MOST_LABELS:,} are read. Is it text?")
    labels = tuple(scale) or tuple(sorted(found, key=_order))
    place_of = {label: at for at, label in enumerate(labels)}
    sets = np.zeros((len(parts), len(labels)), dtype=bool)
    for row, cell in enumerate(parts):
        sets[row, [place_of[part] for part in cell]] = True
    return Words(labels, sets)


def _order(label: str) -> tuple[bool, float, str]:
    value = number(label)
    return value is None, value or 0.0, label


def known_labels(file: AnswerFile, words: Words, known: Known | None) -> NDArray[np.int64]:
    """(N,) the known label of each task, -1 where unknown; tasks that nobody answered are left out."""
    place_of, numbers = {task: at for at, task in enumerate(file.tasks)}, words.numbers()
    found = np.full(len(file.tasks), -1, dtype=np.int64)
    for task, label in (known.labels if known else {}).items():
        if task in place_of:
            found[place_of[task]] = numbers[label]
    return found


def single_table(
    file: AnswerFile, words: Words, controls: NDArray[np.int64], worker: NDArray[np.int64], weight: NDArray[np.float64]
) -> AnswerTable:
    """One label each, or a set of which one is right; nothing said is every label."""
    sets = words.sets | ~words.sets.any(axis=1, keepdims=True)
    n, w = len(file.tasks), len(file.workers)
    known = controls if (controls >= 0).any() else None
    return AnswerTable(file.item, worker, file.cell, sets, n, w, None if (weight == 1).all() else weight, known)


def mark_table(file: AnswerFile, words: Words, controls: Known | None) -> MarkTable:
    """Sets of labels that all hold; a cell with nothing in it is "not sure"."""
    known, said = marks_known(file, words, controls), np.array([bool(cell) for cell in file.cells])[file.cell]
    weight = None if said.all() else said.astype(np.float64)
    return MarkTable(file.item, file.worker, words.sets[file.cell], len(file.tasks), len(file.workers), weight, known)


def marks_known(file: AnswerFile, words: Words, known: Known | None) -> NDArray[np.float64]:
    """(N, K) 1 and 0 where the labels of a task are known, nan elsewhere."""
    found = np.full((len(file.tasks), len(words.labels)), np.nan)
    place_of, numbers = {task: at for at, task in enumerate(file.tasks)}, words.numbers()
    for task, cell in (known.labels if known else {}).items():
        if task in place_of:
            found[place_of[task]] = 0.0
            found[place_of[task], [numbers[part] for part in parts_of(cell)]] = 1.0
    return found


def number_table(place: str, file: AnswerFile, controls: Known | None) -> NumberTable:
    """Labels that are numbers; BadInput names one that is none."""
    values = [number(cell) for cell in file.cells]
    for cell, value in zip(file.cells, values, strict=True):
        if value is None:
            raise BadInput(place, f"has the label '{cell}', which is no number; give the order of labels with --scale.")
    column = np.array(values, dtype=np.float64)[file.cell]
    known = numbers_known(file, controls)
    return NumberTable(file.item, file.worker, column, len(file.tasks), len(file.workers), None, known)


def numbers_known(file: AnswerFile, known: Known | None) -> NDArray[np.float64]:
    """(N,) the known number of each task, nan where unknown."""
    found = np.full(len(file.tasks), np.nan)
    place_of = {task: at for at, task in enumerate(file.tasks)}
    for task, label in (known.labels if known else {}).items():
        value = number(label)
        if known is not None and value is None:
            raise BadInput(f"{known.place}, line {known.lines[task]}", f"'{label}' is no number.")
        if task in place_of and value is not None:
            found[place_of[task]] = value
    return found


def pair_table(file: AnswerFile) -> tuple[PairTable, tuple[str, ...]]:
    """Winners and losers, and the names of all items: those that have won first."""
    names = {task: at for at, task in enumerate(file.tasks)}
    loser = np.array([names.setdefault(cell, len(names)) for cell in file.cells], dtype=np.int64)[file.cell]
    return PairTable(file.item, loser, file.worker, len(names), len(file.workers)), tuple(names)
