"""The night's own trainer inside a simulation: versions are the default recipe's, and choose what is asked next."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.simulated.strategies import Trainers
from bot.simulated.task import Held, Scene, Task
from core.ids import VersionId
from core.item import Content, Medium
from core.version import Lessons, Scores
from training.recipe import Recipe
from training.teacher import Teacher

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(slots=True, eq=False, weakref_slot=True)
class LoraTrainer:
    """`bot.simulated.network.Network` by transformers. A version is trained when somebody first asks what it says: of
    those that nobody asks, as where items are chosen by chance, one in `every` is trained to be judged."""

    texts: Sequence[str]
    teacher: Teacher
    every: int = 1
    lessons: dict[VersionId, Lessons] = field(default_factory=dict)
    trained: dict[VersionId, VersionId] = field(default_factory=dict)  # ids here -> ids in the teacher's folder
    _pool: tuple[VersionId, Scores] | None = None  # what the version that was asked last says of all texts
    _rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = {text: row for row, text in enumerate(self.texts)}

    def cross_fit(self, lessons: Lessons) -> Floats:
        """(N, K) what is learnt from the other lessons says of each."""
        return self.teacher.cross_fit(lessons)

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version."""
        version = VersionId(f"lora {len(self.lessons) + 1}")
        self.lessons[version] = lessons
        return version

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        """What a version thinks of contents, in one piece."""
        if contents:
            rows = np.array([self._rows[content.text] for content in contents], dtype=np.int64)
            pool = self._of_all(version)
            yield Scores(pool.probabilities[rows], pool.embeddings[rows])

    def said(self, version: VersionId, rows: Rows) -> Floats:
        """(n, K) what a version thinks of these texts."""
        return self._of_all(version).probabilities[rows]

    def accuracy(self, version: VersionId, held: Held) -> float:
        """Share of held-out texts that a version gets right; nan where none is trained."""
        if version not in self.trained and list(self.lessons).index(version) % self.every < self.every - 1:
            return float("nan")
        said = self._asked(version, held.texts).probabilities
        return float((said.argmax(axis=1) == held.truth).mean())

    def _of_all(self, version: VersionId) -> Scores:
        if self._pool is None or self._pool[0] != version:
            self._pool = version, self._asked(version, self.texts)
        return self._pool[1]

    def _asked(self, version: VersionId, texts: Sequence[str]) -> Scores:
        if version not in self.trained:
            self.trained[version] = self.teacher.train(self.lessons[version], lambda _: None)
        contents = [Content(Medium.TEXT, text) for text in texts]
        parts = list(self.teacher.score(self.trained[version], contents))
        probabilities = np.concatenate([part.probabilities for part in parts])
        return Scores(probabilities, np.concatenate([part.embeddings for part in parts]))


def lora_trainers(task: Task, every: int = 1, recipe: Recipe | None = None) -> Trainers:
    """Trainers for the runs of a task; see `LoraTrainer.every`."""

    def of(scene: Scene) -> LoraTrainer:
        home = tempfile.TemporaryDirectory()
        teacher = Teacher(Path(home.name), replace(recipe or Recipe(), seed=scene.seed), task.labels, lambda _: b"")
        found = LoraTrainer(task.texts, teacher, every)
        weakref.finalize(found, home.cleanup)
        return found

    return of
