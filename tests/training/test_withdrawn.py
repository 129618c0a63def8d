"""What a teacher hands on, and whose answers cards and READMEs say were left out.

Each docstring names the planted bug that its test caught.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.item import Content, Medium
from core.version import Lessons
from tests.training.conftest import World
from training.export_card import readme
from training.loop import Course
from training.recipe import Recipe
from training.teacher import Teacher
from training.trainer import TransformerTrainer
from training.versions import CARD, MANIFEST, Version, file_hash, open_version
from training.voices import Fitted


def test_the_next_card_says_how_many_were_left_out(world: World, recipe: Recipe, tmp_path: Path) -> None:
    """Planted: the teacher forgets the number on its way; the number is part of what names the examples."""
    contents = [Content(Medium.TEXT, text) for text in world.examples.contents]
    lessons = Lessons(contents, world.examples.soft_labels, np.ones(60), withdrawn=3)
    teacher = Teacher(tmp_path, recipe, world.examples.labels, lambda _: b"")
    examples = teacher._examples(lessons)
    card = TransformerTrainer().card(examples, recipe, Fitted(), Course([0.5] * 6, 6, 6, 1), 1.0)
    assert card.withdrawn_workers == 3
    assert examples.fingerprint == teacher._examples(replace(lessons, withdrawn=0)).fingerprint


def test_how_likely_the_answers_are_arrives(world: World, recipe: Recipe, tmp_path: Path) -> None:
    """Planted: the teacher forgets the likelihoods on their way."""
    contents, likely = [Content(Medium.TEXT, text) for text in world.examples.contents], 2 * world.examples.soft_labels
    lessons = Lessons(contents, world.examples.soft_labels, np.ones(60), likelihoods=likely)
    examples = Teacher(tmp_path, recipe, world.examples.labels, lambda _: b"")._examples(lessons)
    assert examples.likelihoods is likely


def test_a_card_of_before_loads(version: Version, tmp_path: Path) -> None:
    """Planted: the field has no default."""
    folder = tmp_path / "old"
    shutil.copytree(version.folder, folder)
    told = json.loads((folder / CARD).read_text())
    assert told.pop("withdrawn_workers") == 0
    (folder / CARD).write_text(json.dumps(told))
    files = json.loads((folder / MANIFEST).read_text()) | {CARD: file_hash(folder / CARD)}
    (folder / MANIFEST).write_text(json.dumps(files))
    name = tmp_path / file_hash(folder / MANIFEST)
    folder.rename(name)
    assert open_version(name).card == version.card


def test_the_readme_says_both_numbers_where_there_are_any(version: Version) -> None:
    """Planted: the two numbers exchanged; a section where there is nothing to say."""
    labels = version.card.labels
    assert "Withdrawn" not in readme(version, "Stars", labels, {})
    told = readme(replace(version, card=replace(version.card, withdrawn_workers=4)), "Stars", labels, {}, withdrawn=1)
    assert "answers of 4 workers were left out" in told
    assert "1 person whose answers it learned from has withdrawn them since." in told
