"""One process of a team that trains a tiny network and scores a pool; `accelerate launch` starts as many as are wanted.

    ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m tests.training.two_processes FOLDER

The first process writes what came of it to FOLDER/found.json. Dropout is off: its draws fall on other rows in a team.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.training.conftest import sentences
from training import loop
from training import trainer as room
from training.errors import OutOfMemory
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.team import follow, team
from training.trainer import TransformerTrainer
from training.versions import open_version

POOL = 1500  # contents: two chunks, the second too small to keep


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    torch.nn.functional.dropout = lambda values, *_, **__: values  # type: ignore[assignment]
    mine, trainer, short = team(), TransformerTrainer(), folder / "short"
    if not mine.first:
        loop.piece_loss = cramped(loop.piece_loss, short)
        follow(mine, {"train": trainer.train, "shared": trainer.shared})
        return
    courses: list[list[float]] = []
    teach = loop.teach
    texts, topics = sentences(61, 1)  # an odd number: the last batch is smaller than the others
    soft, weights = 0.85 * np.eye(3)[topics] + 0.05, np.random.default_rng(2).uniform(0.5, 1.0, 61)
    recipe = Recipe(
        str(folder / "base"),
        trained_layers=1,
        rank=8,
        alpha=16,
        learning_rate=0.01,
        head_learning_rate=0.1,
        epochs=3,
        batch_size=8,
        exact=True,
    )

    def listened(*given: Any) -> loop.Course:
        course = teach(*given)
        courses.append(course.losses)
        return course

    room.teach = listened  # type: ignore[attr-defined]
    version = trainer.train(Examples(Kind.TEXT, texts, soft, weights), recipe, folder / "versions")
    pool = trainer.score(version.folder, sentences(POOL, 7)[0], chunk=1200)
    said = np.concatenate([suggestions for suggestions, _ in pool])
    open_version(version.folder)
    short.touch()  # from now on the other process is short of memory
    said_why = ""
    try:
        if mine.size > 1:
            trainer.train(Examples(Kind.TEXT, texts, soft, weights), replace(recipe, seed=9), folder / "versions")
    except OutOfMemory as error:
        said_why = str(error)
    again = np.concatenate([suggestions for suggestions, _ in trainer.score(version.folder, texts)])
    mine.dismiss()
    found = {"size": mine.size, "losses": courses, "said": said.tolist(), "metrics": version.card.metrics}
    found |= {"why": said_why, "again": again.tolist()}
    (folder / "found.json").write_text(json.dumps(found))


def cramped(piece_loss: Callable[..., float], short: Path) -> Callable[..., float]:
    """As it is, until the file is there."""

    def loss(*given: Any) -> float:
        if short.exists():
            raise torch.OutOfMemoryError
        return piece_loss(*given)

    return loss


if __name__ == "__main__":
    main(Path(sys.argv[1]))
