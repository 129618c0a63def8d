"""A crowd that is never wrong, asked once about each item: how far better answers alone could bring the loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.simulated.fixed import Ints, Notebook, Rival, by_chance
from core.acquisition import worth_of


def told(notebook: Notebook) -> tuple[Ints, Ints]:
    """Each item with its truth, whatever was answered."""
    rows = np.unique(np.array(notebook.item, dtype=np.int64))
    return rows, notebook.scene.task.truth[rows]


def by_worth(notebook: Notebook, most: int) -> Sequence[int]:
    """What our night would have asked next; any items before the first version."""
    if notebook.version is None:
        return by_chance(notebook, most)
    rows = notebook.fresh()
    worth = worth_of(notebook.suggestions(rows), notebook.scene.task.vectors[rows], most, notebook.dice)
    found: list[int] = rows[np.argsort(-worth, kind="stable")][:most].tolist()
    return found


INFALLIBLE = {"truth": Rival(1, by_chance, told), "truth-worth": Rival(1, by_worth, told)}
