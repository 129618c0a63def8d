"""Consensus and workers of a file of answers, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage.exchange.answers_csv import line, safe
from storage.exchange.gathered import number

LABELS = ("task", "label", "confidence", "answers")
WORKERS = ("worker", "answers", "accuracy", "low", "high", "weight", "flags")


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """What is believed of one worker."""

    worker: str
    answers: int
    accuracy: float
    low: float  # nan where no interval is known
    high: float
    weight: float  # 0..1, mean of their answers'
    flags: Sequence[str]  # suspicions, in words


def labels_csv(rows: Iterable[tuple[str, str, float, int]]) -> Iterator[str]:
    """`task,label,confidence,answers`."""
    yield line(LABELS)
    for task, label, confidence, answers in rows:
        yield _line((task, label, f"{confidence:.4f}", str(answers)))


def workers_csv(rows: Iterable[WorkerLine]) -> Iterator[str]:
    """`worker,answers,accuracy,low,high,weight,flags`; several flags with semicolons between."""
    yield line(WORKERS)
    for row in rows:
        figures = [_figure(value) for value in (row.accuracy, row.low, row.high, row.weight)]
        yield _line((row.worker, str(row.answers), *figures, "; ".join(row.flags)))


def _figure(value: float) -> str:
    return "" if value != value else f"{value:.4f}"


def _line(cells: Sequence[str]) -> str:
    """A line in which numbers below zero stay numbers; anything else that starts like a formula is defused."""
    out = io.StringIO()
    csv.writer(out).writerow([cell if number(cell) is not None else safe(cell) for cell in cells])
    return out.getvalue()
