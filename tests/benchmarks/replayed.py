"""A recorded crowd with sentences as a stage of the loop: everybody can be asked what they have answered, no more."""

from __future__ import annotations

from functools import cache

import numpy as np

from bot.simulated.crowd import Simulated
from bot.simulated.task import Held, Task
from core.item import TEXT_LIMIT
from tests.benchmarks.crowds import FOLDER, Crowd, load
from tests.benchmarks.embedded import embeddings, rows_of

HELD = 1000  # items on which versions are judged; nobody is asked about them


@cache
def staged(name: str) -> tuple[Task, list[Simulated]]:
    """The task of a crowd with texts, a fifth of it held out, and its people."""
    crowd = load(name)
    with_texts = {row["task"]: row["text"] for row in rows_of(FOLDER / name / "items.csv")}
    names = sorted({row["task"] for row in rows_of(FOLDER / name / "answers.csv")})
    texts = [with_texts[task][:TEXT_LIMIT] for task in names]
    vectors = embeddings(texts)
    order = np.random.default_rng(7).permutation(np.flatnonzero(crowd.truth >= 0))
    judged, asked = np.sort(order[:HELD]), np.sort(order[HELD:])
    held = Held(tuple(texts[row] for row in judged), vectors[judged], crowd.truth[judged])
    labels = tuple(f"label {at}" for at in range(crowd.labels))
    task = Task(name, labels, tuple(texts[row] for row in asked), crowd.truth[asked], vectors[asked], held)
    return task, people(crowd, {int(row): at for at, row in enumerate(asked)})


def people(crowd: Crowd, place: dict[int, int]) -> list[Simulated]:
    """Everybody who answered an item of the task; `place` is its row there. Their confusions are what they did."""
    found = []
    for worker in range(crowd.workers):
        mine = np.flatnonzero(crowd.worker == worker)
        recorded = {place[item]: label for item, label in zip(
            crowd.item[mine].tolist(), crowd.label[mine].tolist(), strict=True) if item in place}  # fmt: skip
        counts = np.full((crowd.labels, crowd.labels), 0.5)
        np.add.at(counts, (crowd.truth[crowd.item[mine]], crowd.label[mine]), 1.0)
        theta = counts / counts.sum(axis=1, keepdims=True)
        if recorded:
            found.append(Simulated(f"worker {worker}", "recorded", theta, 1.0, recorded=recorded))
    return found
