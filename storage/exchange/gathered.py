"""Answers as they are gathered from a file, whatever its format: names become numbers, bad rows are all counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

SHOWN = 5  # bad rows named after the first


class AnswerKind(StrEnum):
    """What the labels of a file are."""

    CATEGORICAL = "categorical"
    RATING = "rating"
    MULTI = "multi-label"
    PAIRS = "pairs"


class AnswerRow(NamedTuple):
    """One answer, or, where `bad` is not empty, what is wrong with its row."""

    line: int  # of the file, or the number of the entry
    task: str
    worker: str
    label: str  # of pairs: the loser, with the winner as the task
    seconds: float = float("nan")
    bad: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AnswerFile:
    """All answers of a file."""

    source: str  # the format, in words
    kind: AnswerKind
    tasks: tuple[str, ...]
    workers: tuple[str, ...]
    cells: tuple[str, ...]  # the distinct labels as written
    item: NDArray[np.int64]  # (A,)
    worker: NDArray[np.int64]  # (A,)
    cell: NDArray[np.int64]  # (A,)
    seconds: NDArray[np.float64] | None  # (A,) that each took, nan where unknown
    sets: bool = False  # "a|b" means "a or b" (an export of ours), not "a and b"; nothing means "not sure"

    def __len__(self) -> int:
        return len(self.item)


def gathered(
    place: str, rows: Iterable[AnswerRow], source: str, kind: AnswerKind | None, unit: str = "line", sets: bool = False
) -> AnswerFile:
    """All rows or BadInput, which names the first bad one and counts the others. A kind of None is detected."""
    tasks: dict[str, int] = {}
    workers: dict[str, int] = {}
    cells: dict[str, int] = {}
    item, who, what, seconds = [], [], [], []
    bad: list[tuple[int, str]] = []
    for line, task, worker, label, took, reason in rows:
        if reason or not (task and worker) or not (label or sets):
            bad.append((line, reason or missing(task, worker)))
            continue
        item.append(tasks.setdefault(task, len(tasks)))
        who.append(workers.setdefault(worker, len(workers)))
        what.append(cells.setdefault(label, len(cells)))
        seconds.append(took)
    if bad:
        raise _refusal(place, bad, unit)
    if not item:
        raise BadInput(place, "holds no answers.")
    took_ = np.array(seconds, dtype=np.float64)
    return AnswerFile(
        source,
        kind or _kind(cells, sets),
        tuple(tasks),
        tuple(workers),
        tuple(cells),
        np.array(item, dtype=np.int64),
        np.array(who, dtype=np.int64),
        np.array(what, dtype=np.int64),
        took_ if np.isfinite(took_).any() else None,
        sets,
    )


def missing(task: str, worker: str) -> str:
    """What a row without one of its three has not got."""
    return "has no task." if not task else "has no worker." if not worker else "has no label."


def _refusal(place: str, bad: list[tuple[int, str]], unit: str) -> BadInput:
    (line, reason), rest = bad[0], bad[1:]
    if rest:
        named = ", ".join(str(at) for at, _ in rest[:SHOWN]) + (", ..." if len(rest) > SHOWN else "")
        reason += f" {len(rest)} more bad {'row' if len(rest) == 1 else 'rows'}: {unit} {named}."
    return BadInput(f"{place}, {unit} {line}", reason)


def _kind(cells: Iterable[str], sets: bool) -> AnswerKind:
    """Sets of labels have bars; ratings are numbers with a fraction among them. Whole numbers may be mere codes."""
    if not sets and any("|" in cell for cell in cells):
        return AnswerKind.MULTI
    values = [number(cell) for cell in cells]
    if any(value is None for value in values) or all(value == int(value) for value in values if value is not None):
        return AnswerKind.CATEGORICAL
    return AnswerKind.RATING


def number(cell: str) -> float | None:
    """The cell as a finite number, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
