"""The night's own trainer in a simulation: its versions speak in the loop, and nobody trains one that is not asked.

Planted and caught: every version is trained; what an older version said is taken for the newer one's; voices of the
workers do not reach the examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bot.simulated.crowd import crowd_of
from bot.simulated.fixed import RIVALS, compete
from bot.simulated.loop import opened, run
from bot.simulated.lora import LoraTrainer, lora_trainers
from bot.simulated.task import Held, Scene, Task
from core.campaign import Goal, Policy
from core.item import Content, Medium
from core.version import Lessons
from tests.training.conftest import sentences, tiny_base
from training.examples import Examples
from training.recipe import Recipe
from training.trainer import TransformerTrainer

POLICY = Policy(goal=Goal.MODEL)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    rates = {"learning_rate": 0.01, "head_learning_rate": 0.1, "rank": 8, "alpha": 16}
    base = tiny_base(tmp_path_factory.mktemp("base"))
    return Recipe(str(base), trained_layers=1, epochs=4, batch_size=8, least_steps=1, contrast=0.0, **rates)  # type: ignore[arg-type]


def stage(budget: int = 120) -> Scene:
    texts, truth = sentences(400, 5)
    texts = tuple(f"{text} {at}" for at, text in enumerate(texts))
    judged, topics = sentences(120, 6)
    held = Held(judged, np.zeros((120, 2), np.float32), topics)
    task = Task("weather", ("weather", "food", "travel"), texts, truth, np.zeros((400, 2), np.float32), held)
    return Scene(task, crowd_of(3, 0), budget, 40, 0, task.audit(POLICY.audit_share))


def test_our_versions_steer_and_know_their_workers(recipe: Recipe) -> None:
    scene, seen = stage(), []
    trainer = lora_trainers(scene.task, 3, recipe)(scene)
    assert isinstance(trainer, LoraTrainer)

    class Watched(TransformerTrainer):
        def train(self, examples: Examples, *given: object) -> object:  # type: ignore[override]
            seen.append(len(set(sum(examples.voices, ()))))
            return TransformerTrainer.train(self, examples, *given)  # type: ignore[arg-type]

    trainer.teacher = replace(trainer.teacher, trainer=Watched())
    curve = run(opened(scene, POLICY, trainer, 10), lambda _: None)
    assert len(trainer.trained) == len(trainer.lessons) == 3 and min(seen) >= 3
    assert all(point.version_accuracy > 0.3 for point in curve.points)


def test_of_a_choice_by_chance_one_version_in_three_is_trained(recipe: Recipe) -> None:
    scene = stage(240)
    trainer = lora_trainers(scene.task, 3, recipe)(scene)
    assert isinstance(trainer, LoraTrainer)
    curve = compete(RIVALS["random-vote"], scene, trainer, lambda _: None)
    judged = [not np.isnan(point.version_accuracy) for point in curve.points]
    assert judged == [False, False, True] * 2 and len(trainer.trained) == 2


def test_each_version_says_its_own(recipe: Recipe) -> None:
    """What is said of the pool is what the teacher's version says, whichever was asked before."""
    scene = stage()
    trainer = lora_trainers(scene.task, 1, recipe)(scene)
    assert isinstance(trainer, LoraTrainer)
    contents = [Content(Medium.TEXT, text) for text in scene.task.texts[:60]]
    right, wrong = np.eye(3)[scene.task.truth[:60]], np.eye(3)[(scene.task.truth[:60] + 1) % 3]
    first, second = (trainer.train(Lessons(contents, target, np.ones(60)), lambda _: None) for target in (right, wrong))
    for version in (first, second, first):
        [scores] = trainer.score(version, contents[::-1])
        [theirs] = trainer.teacher.score(trainer.trained[version], contents[::-1])
        np.testing.assert_allclose(scores.probabilities, theirs.probabilities, atol=1e-5)
        assert np.array_equal(trainer.said(version, np.arange(60))[::-1], scores.probabilities)
