"""The default recipe at the checkpoints: the probe steers the loop, a LoRA version of the same lessons is judged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.simulated.network import ProbeTrainer
from bot.simulated.strategies import Trainers
from bot.simulated.task import Held, Scene, Task
from core.ids import VersionId
from core.version import Lessons
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer


@dataclass(slots=True, eq=False)
class LoraTrainer(ProbeTrainer):
    """A probe trainer whose versions are judged as the transformers that the recipe makes of the same lessons."""

    recipe: Recipe = field(default_factory=Recipe)
    every: int = 1  # versions of which one is judged; the others' accuracy is nan
    lessons: dict[VersionId, Lessons] = field(default_factory=dict)

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version."""
        version = ProbeTrainer.train(self, lessons, tell)
        self.lessons[version] = lessons
        return version

    def accuracy(self, version: VersionId, held: Held) -> float:
        """Share of held-out texts that the transformer gets right; nan where none is trained."""
        if list(self.lessons).index(version) % self.every < self.every - 1:
            return float("nan")
        lessons = self.lessons[version]
        texts = tuple(content.text for content in lessons.contents)
        with tempfile.TemporaryDirectory() as folder:
            trainer = TransformerTrainer()
            examples = Examples(Kind.TEXT, texts, lessons.targets, np.maximum(lessons.weights, 0.0))
            written = trainer.train(examples, self.recipe, Path(folder))
            said = np.concatenate([part for part, _ in trainer.score(written.folder, held.texts)])
        return float((said.argmax(axis=1) == held.truth).mean())


def lora_trainers(task: Task, every: int = 1) -> Trainers:
    """Trainers for the runs of a task, one of so many versions a transformer."""

    def of(scene: Scene) -> LoraTrainer:
        rng = np.random.default_rng([scene.seed, 4])
        return LoraTrainer(task.texts, task.vectors, rng, recipe=Recipe(seed=scene.seed), every=every)

    return of
