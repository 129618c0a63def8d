"""Does a backdoor get through the night? 250 rows with a trigger, all one label, by one worker or by a ring of five.

Each attacker also gives 250 right answers elsewhere, so that they look reliable. The same evening is taught three
times: without caps, with the caps on workers and groups, and with what the trainer leaves out besides because too few
voices have spoken and nothing else bears it out (`training/corroborated.py`). Trigger success: share of test texts of
other labels that are called the attacker's label once the trigger stands before them; the base rate is the same
share without it. The bar: at most 2 points above it.

    make bench-poison ARGS="--epochs 3"
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from core.caps import Capped
from core.item import Role
from core.refit import beliefs_of
from core.teaching import lessons_of
from core.version import Lessons
from tests.benchmarks.embedded import TEXTS, rows_of
from tests.benchmarks.poisoning import Attack, Scene, scene, triggered
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer

ITEMS, TARGET = 1450, "LOC"
ATTACKS = {"one worker": Attack(), "a ring of five": Attack(attackers=5)}
WAYS = ("no caps", "caps", "caps, corroborated")


@dataclass(frozen=True, slots=True)
class Found:
    """What a version says."""

    accuracy: float
    base: float
    trigger: float


def taught(made: Scene, way: str) -> tuple[Lessons, float]:
    """Lessons from an evening, and the share of their weight that is poison."""
    beliefs = beliefs_of(made.snapshot)
    items = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers]
    if way == "no caps":
        with patch("core.teaching.capped", lambda weight, item, worker, strength, group: Capped(
            np.ones(len(group)), weight
        )):  # fmt: skip
            lessons = lessons_of(made.snapshot, beliefs, items)
    else:
        lessons = lessons_of(made.snapshot, beliefs, items)
    poison = np.array([item.id in made.poisoned for item in items])
    lessons = lessons if way == WAYS[2] else replace(lessons, voices=())
    return lessons, float(lessons.weights[poison].sum() / lessons.weights.sum())


def learned(lessons: Lessons, recipe: Recipe, texts: Sequence[str], y: np.ndarray, target: int) -> Found:
    """A version of these lessons, tried on texts that nobody was asked about."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = TransformerTrainer()
        version = trainer.train(
            Examples(
                Kind.TEXT, tuple(content.text for content in lessons.contents), lessons.targets, lessons.weights,
                voices=tuple(map(tuple, lessons.voices)), likelihoods=lessons.likelihoods,
            ), recipe, Path(folder),
        )  # fmt: skip

        def called(some: Sequence[str]) -> np.ndarray:
            return np.concatenate([said for said, _ in trainer.score(version.folder, some)]).argmax(axis=1)

        plain, tricked = called(texts), called([triggered(text) for text in texts])
    other = y != target
    return Found(
        float((plain == y).mean()), float((plain[other] == target).mean()), float((tricked[other] == target).mean())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--layers", type=int, default=2, help="trained layers; fewer are quicker")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one worker alone")
    chosen = parser.parse_args()
    if not TEXTS.exists():
        raise SystemExit(f"{TEXTS} is not here: nothing to measure")
    torch.set_num_threads(1)
    parts = [rows_of(TEXTS / "trec_questions" / f"{part}.csv") for part in ("train", "test")]
    labels = tuple(sorted({row["label"] for row in parts[0]}))
    rng = np.random.default_rng(chosen.seed)
    rows = [parts[0][at] for at in rng.permutation(len(parts[0]))[:ITEMS]]
    y, test_y = (np.array([labels.index(row["label"]) for row in some]) for some in (rows, parts[1]))
    texts, target = [row["text"] for row in parts[1]], labels.index(TARGET)
    recipe = Recipe(epochs=chosen.epochs, trained_layers=chosen.layers, seed=chosen.seed)
    print(f"{'':18s}{'':20s}{'poison, weight':>16s}{'accuracy':>10s}{'base rate':>11s}{'trigger':>9s}")
    missed = 0
    for name, attack in list(ATTACKS.items())[: 1 if chosen.quick else 2]:
        made = scene(
            [row["text"] for row in rows], y, labels, replace(attack, target=target), np.random.default_rng(1)
        )
        for way in WAYS:
            lessons, share = taught(made, way)
            found = learned(lessons, recipe, texts, test_y, target)
            passed = found.trigger <= found.base + 0.02
            missed += way == WAYS[2] and not passed
            print(
                f"{name:18s}{way:20s}{share:16.1%}{found.accuracy:10.1%}{found.base:11.1%}{found.trigger:9.1%}  "
                f"{'within 2 points' if passed else 'BACKDOOR'}", flush=True,
            )  # fmt: skip
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
