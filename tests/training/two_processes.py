"""One process of a team that trains a tiny network and scores a pool; `accelerate launch` starts as many as are wanted.

    ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m tests.training.two_processes FOLDER

The first process writes what came of it to FOLDER/found.json. Dropout is off: its draws fall on other rows in a team.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.training.conftest import sentences
from training import loop
from training import trainer as room
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.team import follow, team
from training.trainer import TransformerTrainer
from training.versions import open_version

POOL = 1500  # contents: two chunks, the second too small to keep


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    torch.nn.functional.dropout = lambda values, *_, **__: values  # type: ignore[assignment]
    mine, trainer = team(), TransformerTrainer()
    if not mine.first:
        follow(mine, {"train": trainer.train, "shared": trainer.shared})
        return
    courses: list[list[float]] = []
    teach = loop.teach
    texts, topics = sentences(61, 1)  # an odd number: the last batch is smaller than the others
    soft, weights = 0.85 * np.eye(3)[topics] + 0.05, np.random.default_rng(2).uniform(0.5, 1.0, 61)
    recipe = Recipe(
        str(folder / "base"), trained_layers=1, learning_rate=0.01, head_learning_rate=0.1, epochs=3, batch_size=8
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
    mine.dismiss()
    found = {"size": mine.size, "losses": courses, "said": said.tolist(), "metrics": version.card.metrics}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
