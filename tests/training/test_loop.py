"""The loop: pinned losses, soft labels, weights, resuming, memory, time, not-a-numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import World
from training import loop
from training.errors import Diverged, OutOfMemory
from training.loop import Course, Lesson, lesson_of, teach
from training.network import Batch, Inputs, Network
from training.objectives import soft_cross_entropy
from training.recipe import Kind, Method, Recipe
from training.trainer import build_network

PINNED = (1.09818, 1.08571, 1.06035)  # steps 2-4 with the seed 0


def prepared(world: World, recipe: Recipe) -> tuple[Network, Lesson]:
    network = build_network(Kind.TEXT, recipe, 3)
    inputs = network.settle(network.encode(world.examples.contents), 8)
    return network, lesson_of(inputs, np.arange(60), world.examples.soft_labels, world.examples.weights)


def taught(world: World, recipe: Recipe, keep: Path | None = None, **more: object) -> Course:
    network, lesson = prepared(world, recipe)
    return teach(network, lesson, recipe, keep, **more)  # type: ignore[arg-type]


def test_the_first_loss_is_that_of_not_knowing_and_the_next_are_pinned(world: World, recipe: Recipe) -> None:
    losses = taught(world, recipe).losses
    assert losses[0] == pytest.approx(np.log(3), abs=1e-5)
    assert tuple(losses[1:4]) == pytest.approx(PINNED, abs=2e-3)
    assert np.mean(losses[-8:]) < 0.8 * losses[0]


@pytest.mark.parametrize("method", list(Method))
def test_each_method_moves_what_it_should(world: World, recipe: Recipe, method: Method) -> None:
    network, lesson = prepared(world, replace(recipe, method=method))
    names = set(network.trained())
    assert {"head.linear.weight", "head.linear.bias"} <= names
    assert any("lora" in name for name in names) is (method.value.endswith(("lora", "dora")))
    assert (len(names) == 2) is (method is Method.HEAD)
    still = {name: value.clone() for name, value in network.named_parameters() if name not in names}
    course = teach(network, lesson, replace(recipe, method=method))
    assert np.mean(course.losses[-8:]) < course.losses[0]
    assert all(torch.equal(still[name], value) for name, value in network.named_parameters() if name in still)


def test_a_soft_label_that_is_sure_is_a_hard_label() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.1, -0.4]])
    hard = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 0]), reduction="none")
    soft = soft_cross_entropy(logits, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    assert torch.allclose(soft, hard)


def test_what_weighs_nothing_teaches_nothing(world: World, recipe: Recipe) -> None:
    network, lesson = prepared(world, recipe)
    weights = world.examples.weights.copy()
    weights[30:] = 0.0
    wrong = world.examples.soft_labels.copy()
    wrong[30:] = wrong[30:, ::-1]
    silent = teach(network, lesson_of(lesson.inputs, np.arange(60), world.examples.soft_labels, weights), recipe)
    network, lesson = prepared(world, recipe)
    lying = teach(network, lesson_of(lesson.inputs, np.arange(60), wrong, weights), recipe)
    network, lesson = prepared(world, recipe)
    heard = teach(network, lesson_of(lesson.inputs, np.arange(60), wrong, world.examples.weights), recipe)
    assert lying.losses == pytest.approx(silent.losses, abs=1e-5)
    assert abs(heard.losses[-1] - silent.losses[-1]) > 0.01


class Killed(BaseException):
    """The power went."""


@pytest.mark.parametrize("at", [3, 17])
def test_a_killed_training_resumes_to_the_same_end(
    world: World, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(loop, "KEEP_EVERY", -1.0)
    whole = taught(world, recipe)
    network, lesson = prepared(world, recipe)
    steps = iter(range(1000))

    def die(*_: object) -> None:
        if next(steps) == at:
            raise Killed

    network.head.register_forward_hook(die)
    with pytest.raises(Killed):
        teach(network, lesson, recipe, tmp_path / "kept.safetensors")
    seen: list[float] = []
    again = taught(world, recipe, tmp_path / "kept.safetensors", progress=lambda _, share: seen.append(share))
    assert seen[0] > at / whole.planned
    assert again.losses == pytest.approx(whole.losses, abs=1e-5)


class Cramped:
    """Inputs on a device that holds only so many rows at once."""

    def __init__(self, inputs: Inputs, room: int) -> None:
        self.inputs, self.room = inputs, room

    @property
    def lengths(self) -> np.ndarray:
        return self.inputs.lengths

    def take(self, rows: np.ndarray, device: torch.device) -> Batch:
        if len(rows) > self.room:
            raise torch.OutOfMemoryError
        return self.inputs.take(rows, device)


def test_short_memory_halves_the_batch_and_changes_nothing_else(world: World, recipe: Recipe) -> None:
    calm = replace(recipe, method=Method.HEAD)
    network, lesson = prepared(world, calm)
    network.head.dropout.p = 0.0  # type: ignore[union-attr]
    cramped = teach(network, replace(lesson, inputs=Cramped(lesson.inputs, 3)), calm)
    network, lesson = prepared(world, calm)
    network.head.dropout.p = 0.0  # type: ignore[union-attr]
    roomy = teach(network, lesson, calm)
    assert (roomy.parts, cramped.parts) == (1, 4)
    assert cramped.losses == pytest.approx(roomy.losses, abs=1e-4)


def test_no_memory_at_all_says_what_to_change(world: World, recipe: Recipe) -> None:
    network, lesson = prepared(world, recipe)
    with pytest.raises(OutOfMemory, match="lower batch_size"):
        teach(network, replace(lesson, inputs=Cramped(lesson.inputs, 0)), recipe)


def test_a_loss_that_is_no_number_stops_with_the_step(world: World, recipe: Recipe) -> None:
    network, lesson = prepared(world, recipe)
    lesson.weights[5] = float("nan")
    with pytest.raises(Diverged, match="step"):
        teach(network, lesson, recipe)


def test_the_time_budget_is_kept_and_what_was_learned_stays(world: World, recipe: Recipe) -> None:
    ticks = iter(range(10_000))
    course = taught(world, replace(recipe, hours=20 / 3600), clock=lambda: float(next(ticks)))
    assert 3 < course.steps < 20 < course.planned
    assert course.losses[-1] < course.losses[0]
    assert loop.pace_at(0.3, 0.99, 0.1) < 0.02


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_gpu_learns_the_same(world: World, recipe: Recipe) -> None:
    here, there = taught(world, recipe), taught(world, replace(recipe, device="cuda"))
    assert there.losses[:3] == pytest.approx(here.losses[:3], abs=0.02)
