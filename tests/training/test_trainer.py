"""The trainer end to end: learning, scoring in any batching, pictures, and the real packaged base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from core.errors import TrainingFailed
from core.item import Content, Medium
from core.version import Lessons
from tests.training.conftest import World
from training.bases import packaged_base
from training.errors import BadBase, BadExamples
from training.examples import Examples, Floats, Rows
from training.loop import Lesson, lesson_of
from training.network import Inputs
from training.recipe import Aim, Kind, Recipe
from training.teacher import Teacher
from training.trainer import TransformerTrainer, load_network
from training.versions import Version, open_version

TRAINER = TransformerTrainer()


def suggestions(version: Version, contents: tuple[str, ...], **more: int) -> np.ndarray:
    return np.concatenate([part for part, _ in TRAINER.score(version.folder, contents, **more)])


def test_a_version_knows_more_than_chance(version: Version, world: World) -> None:
    said = suggestions(version, world.texts)
    assert said.shape == (90, 3)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-9)
    assert (said.argmax(axis=1) == world.truth).mean() > 0.8
    assert version.card.metrics["held_out"] == 36  # three parts of twelve


def test_what_weighs_nothing_is_never_looked_at_in_a_step(
    world: World, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even as somebody's neighbour in the contrast: what is left out for a trigger taught it through that."""
    seen: list[int] = []

    def spy(inputs: Inputs, rows: Rows, soft_labels: Floats, weights: Floats) -> Lesson:
        seen.extend(rows.tolist())
        return lesson_of(inputs, rows, soft_labels, weights)

    monkeypatch.setattr("training.trainer.lesson_of", spy)
    none = np.arange(len(world.examples)) % 3 == 0
    examples = replace(world.examples, weights=np.where(none, 0.0, 1.0))
    TRAINER.train(examples, replace(recipe, epochs=1), tmp_path)
    assert set(seen) == set(np.flatnonzero(~none).tolist())


def test_grades_are_taught_and_told_as_grades(world: World, recipe: Recipe, tmp_path: Path) -> None:
    """Planted and caught: the teacher forgets that labels are grades."""
    lessons = Lessons([Content(Medium.TEXT, text=text) for text in world.examples.contents],
                      world.examples.soft_labels, world.examples.weights)  # fmt: skip
    teacher = Teacher(tmp_path, replace(recipe, epochs=12), world.examples.labels, lambda _: b"", graded=True)
    version = open_version(tmp_path / teacher.train(lessons, lambda _: None))
    said = suggestions(version, world.texts)
    assert version.card.recipe.aim is Aim.RATING and said.shape == (90, 3)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-9)
    assert (said.argmax(axis=1) == world.truth).mean() > 0.75


def test_batching_changes_no_suggestion_and_no_order(version: Version, world: World) -> None:
    whole = list(TRAINER.score(version.folder, world.texts))
    assert len(whole) == 1 and whole[0][1].shape == (90, 32)
    for batch, chunk in ((1, 90), (7, 13), (32, 1)):
        parts = list(TRAINER.score(version.folder, iter(world.texts), batch, chunk))
        assert [len(part) for part, _ in parts][:2] == [min(chunk, 90), min(chunk, 90 - chunk)][: len(parts)]
        np.testing.assert_allclose(np.concatenate([part for part, _ in parts]), whole[0][0], atol=1e-5)
        np.testing.assert_allclose(np.concatenate([part for _, part in parts]), whole[0][1], atol=1e-5)


def test_the_pool_is_never_held_in_memory(version: Version) -> None:
    drawn = 0

    def endless() -> Iterator[str]:
        nonlocal drawn
        while True:
            drawn += 1
            yield "rain"

    stream = TRAINER.score(version.folder, endless(), chunk=8)
    next(stream), next(stream)
    assert drawn == 16


def test_embeddings_do_not_change_between_versions(version: Version, world: World, tmp_path: Path) -> None:
    other = TRAINER.train(world.examples, replace(version.card.recipe, seed=5, epochs=1), tmp_path)
    before, after = (next(TRAINER.score(v.folder, world.texts[:9]))[1] for v in (version, other))
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_merged_adapters_say_what_unmerged_ones_said(version: Version, world: World) -> None:
    network, _ = load_network(version)
    batch = network.encode(world.texts[:8]).take(np.arange(8), next(network.head.parameters()).device)
    merged = network(batch)
    for module in network.modules():
        if getattr(module, "merged", False):
            module.unmerge()  # type: ignore[operator]
    np.testing.assert_allclose(merged.detach(), network(batch).detach(), atol=1e-4)


def test_a_killed_night_ends_with_the_same_version(version: Version, world: World, tmp_path: Path) -> None:
    def die(stage: str, share: float) -> None:
        if stage == "train" and share > 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TRAINER.train(world.examples, version.card.recipe, tmp_path, die)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3  # the parts are learned, the whole is not
    resumed = TRAINER.train(world.examples, version.card.recipe, tmp_path)
    np.testing.assert_allclose(suggestions(resumed, world.texts), suggestions(version, world.texts), atol=1e-5)


def digits(folder: Path) -> tuple[list[str], np.ndarray]:
    """The bundled digits as picture files, eight times enlarged."""
    found = load_digits()
    paths = [str(folder / f"{at}.png") for at in range(400)]
    for path, pixels in zip(paths, found.images, strict=False):
        Image.fromarray((255 - pixels / 16 * 255).astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST).save(
            path
        )
    return paths, found.target[:400]


def test_pictures_are_learned_from_nothing(tmp_path: Path) -> None:
    paths, truth = digits(tmp_path)
    soft = 0.9 * np.eye(10)[truth] + 0.01
    examples = Examples(Kind.IMAGE, tuple(paths[:200]), soft[:200], np.ones(200))
    version = TRAINER.train(examples, Recipe(batch_size=16, image_size=16, patch_size=4), tmp_path / "versions")
    said = suggestions(version, tuple(paths[200:]))
    assert (said.argmax(axis=1) == truth[200:]).mean() > 0.85
    assert version.card.base_hash == ""


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_text("not a cat")
    examples = Examples(Kind.IMAGE, (str(tmp_path / "cat.png"),), np.array([[1.0, 0.0]]), np.ones(1))
    with pytest.raises(BadExamples, match=r"cat\.png is not a picture"):
        TRAINER.train(examples, Recipe(), tmp_path)


@pytest.mark.parametrize("base", ["no/such-model", "/nowhere/at/all", "??"])
def test_a_base_that_is_not_there_is_named(
    world: World, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadBase) as told:
        TRAINER.train(world.examples, Recipe(base=base), tmp_path)
    assert base in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("soft", "weights"),
    [
        (np.ones((2, 2)), np.ones(2)),
        (np.eye(2), np.ones(3)),
        (np.eye(2), np.zeros(2)),
        (np.eye(2), np.array([1.0, np.nan])),
        (np.array([[1.5, -0.5], [0.0, 1.0]]), np.ones(2)),
    ],
)
def test_examples_that_can_never_be_right_are_refused(soft: np.ndarray, weights: np.ndarray) -> None:
    with pytest.raises(TrainingFailed):
        Examples(Kind.TEXT, ("a", "b"), soft, weights)


def test_an_aim_that_no_version_serves_is_refused(world: World, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(BadExamples, match="one label of K"):
        TRAINER.train(world.examples, replace(recipe, aim=Aim.PAIR), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(packaged_base() is None, reason="the extra `offline` (packaged MiniLM) is not installed")
def test_the_real_base_learns_from_150_sentences(tmp_path: Path) -> None:
    texts, wants = asked(190, np.random.default_rng(0))
    soft = 0.9 * np.eye(4)[wants] + 0.025
    version = TRAINER.train(
        Examples(Kind.TEXT, texts[:150], soft[:150], np.ones(150)), Recipe(epochs=3), tmp_path / "versions"
    )
    right = (suggestions(version, texts[150:]).argmax(axis=1) == wants[150:]).mean()
    majority = np.bincount(wants[150:]).max() / 40
    assert right > majority + 0.35


def asked(n: int, rng: np.random.Generator) -> tuple[tuple[str, ...], np.ndarray]:
    """n questions that want a person, a place, a time or a number."""
    openings = (
        ("Who wrote", "Whose idea was", "Which person built"),
        ("Where is", "In which town stands", "From what country comes"),
        ("When was the start of", "In what year fell", "On which day opens"),
        ("How many steps has", "What is the weight of", "How tall is"),
    )
    nouns = [
        "castle",
        "song",
        "bridge",
        "novel",
        "garden",
        "market",
        "tower",
        "opera",
        "museum",
        "harbour",
        "mill",
        "abbey",
        "palace",
        "school",
        "prison",
    ]
    wants = rng.integers(0, 4, n)
    texts = [
        f"{rng.choice(openings[want])} the {rng.choice(['old', 'new', 'red', 'lost'])} {rng.choice(nouns)}?"
        for want in wants
    ]
    return tuple(texts), wants
