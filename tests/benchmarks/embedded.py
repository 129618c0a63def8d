"""Text sets and recorded crowds with embeddings of the base (all-MiniLM-L6-v2), computed once, kept under state/."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.simulated.embeddings import embedded
from tests.benchmarks.crowds import FOLDER as CROWDS

TEXTS = CROWDS.parent / "text"
KEPT = Path(__file__).resolve().parents[2] / "state" / "embeddings"
SETS = ("trec_questions", "banking77", "movie_reviews")

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TextSet:
    """A pool with its labels, and a test set."""

    name: str
    labels: tuple[str, ...]  # K
    x: Floats  # (N, D), rows of length one
    y: Ints  # (N,)
    test_x: Floats  # (T, D)
    test_y: Ints  # (T,)
    texts: tuple[str, ...]  # N
    test_texts: tuple[str, ...]  # T


def text_set(name: str) -> TextSet:
    """A set of shared/data/text; texts that stand twice in it stay twice."""
    parts = [rows_of(TEXTS / name / f"{part}.csv") for part in ("train", "test")]
    labels = tuple(sorted({row["label"] for row in parts[0]}))
    place = {label: at for at, label in enumerate(labels)}
    y = [np.array([place[row["label"]] for row in rows], dtype=np.int64) for rows in parts]
    texts = [tuple(row["text"] for row in rows) for rows in parts]
    x = [embeddings(some) for some in texts]
    return TextSet(name, labels, x[0], y[0], x[1], y[1], *texts)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def crowd_features(name: str, tasks: Sequence[str]) -> Floats:
    """(N, F) what a version would see of each item of a recorded crowd: its embedding; for a pair of texts how those
    of the two differ and how they agree."""
    rows = rows_of(CROWDS / name / "items.csv")
    place = {row["task"]: at for at, row in enumerate(rows)}
    wanted = np.array([place[task] for task in tasks])
    first = embeddings([row["text"] for row in rows])[wanted]
    if "text2" not in rows[0]:
        return first
    second = embeddings([row["text2"] for row in rows])[wanted]
    return np.hstack([np.abs(first - second), first * second])


def embeddings(texts: Sequence[str]) -> Floats:
    """(N, 384) of the untouched base, rows of length one."""
    distinct = list(dict.fromkeys(texts))
    found = embedded(distinct, KEPT)
    if len(distinct) == len(texts):
        return found
    place = {text: at for at, text in enumerate(distinct)}
    return found[[place[text] for text in texts]]
