"""Rivals out of libraries, as they come (the extra `bench` installs them); loaded only where one is asked for.

ActiveLab: Goh and Mueller 2023, arXiv:2301.11856 (cleanlab). Dawid-Skene: crowd-kit. BreakingTies and k-means over
embeddings: small-text, with each item answered three times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from cleanlab.multiannotator import (
    get_active_learning_scores,
    get_label_quality_multiannotator,
    get_majority_vote_label,
)
from crowdkit.aggregation import DawidSkene
from numpy.typing import NDArray
from small_text import BreakingTies, EmbeddingKMeans

from bot.simulated.fixed import Notebook, Rival, by_chance, majority
from bot.simulated.network import PULLS, SEARCH_STEPS, fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOLDS = 4


def dawid_skene(notebook: Notebook) -> tuple[Ints, Ints]:
    """crowd-kit's Dawid-Skene on all answers."""
    table = pd.DataFrame({"task": notebook.item, "worker": notebook.worker, "label": notebook.label})
    found = DawidSkene(n_iter=100).fit_predict(table)
    return found.index.to_numpy(dtype=np.int64), found.to_numpy(dtype=np.int64)


def answers_table(notebook: Notebook) -> tuple[Ints, Floats]:
    """Items with answers (n,), and (n, W) their answers, nan where a worker gave none."""
    rows, place = np.unique(np.array(notebook.item, dtype=np.int64), return_inverse=True)
    found = np.full((len(rows), len(notebook.scene.crowd)), np.nan)
    found[place, notebook.worker] = notebook.label
    return rows, found[:, ~np.isnan(found).all(axis=0)]


def out_of_fold(notebook: Notebook, rows: Ints, labels: Ints) -> Floats:
    """(n, K) what probes that did not learn an item say of it."""
    vectors, k = notebook.scene.task.vectors[rows], len(notebook.scene.task.labels)
    fold, found = notebook.dice.integers(0, FOLDS, len(rows)), np.full((len(rows), k), 1 / k)
    target = np.eye(k)[labels]
    for at in range(FOLDS):
        kept = fold != at
        if kept.any() and (~kept).any():
            probe = fitted(vectors[kept], target[kept], np.ones(int(kept.sum())), PULLS[3], SEARCH_STEPS)
            found[~kept] = probe(vectors[~kept])
    return np.asarray(found)


def crowdlab(notebook: Notebook) -> tuple[Ints, Ints]:
    """CROWDLAB's consensus, with the network's out-of-fold suggestions as one more voice."""
    rows, table = answers_table(notebook)
    voted = get_majority_vote_label(table, verbose=False).astype(np.int64)
    suggested = out_of_fold(notebook, rows, voted)
    found = get_label_quality_multiannotator(
        table, suggested, verbose=False, return_detailed_quality=False, return_annotator_stats=False
    )
    return rows, found["label_quality"]["consensus_label"].to_numpy(dtype=np.int64)


def by_activelab(notebook: Notebook, most: int) -> Sequence[int]:
    """The lowest scores of labelled and unlabelled items: again, or something new. It begins with two answers an item,
    as cleanlab cannot judge workers who never meet."""
    if notebook.version is None:
        return 2 * list(by_chance(notebook, most // 2))
    rows, table = answers_table(notebook)
    fresh = notebook.fresh()
    voted = get_majority_vote_label(table, verbose=False).astype(np.int64)
    suggested = out_of_fold(notebook, rows, voted)
    labelled, unlabelled = get_active_learning_scores(table, suggested, notebook.suggestions(fresh))
    everything = np.r_[rows, fresh][np.argsort(np.r_[labelled, unlabelled], kind="stable")]
    found: list[int] = everything[notebook.open[everything]][:most].tolist()
    return found


class _Version:
    """The version as small-text wants a classifier: a data set is the numbers of its items."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook

    def predict_proba(self, items: Ints) -> Floats:
        return self.notebook.suggestions(items)


def by_small_text(query: Callable[[], Any], embeds: bool, notebook: Notebook, most: int) -> Sequence[int]:
    """A query strategy of small-text over the items that have no answer."""
    if notebook.version is None:
        return by_chance(notebook, most)
    fresh = notebook.fresh()
    rows, voted = majority(notebook)
    items = np.arange(len(notebook.open))
    extra = {"embeddings": notebook.scene.task.vectors[np.r_[fresh, rows]].astype(np.float64)} if embeds else {}
    found = query().query(_Version(notebook), items, fresh, rows, voted, n=min(most, len(fresh)), **extra)
    return [int(item) for item in found]


PEERS = {
    "random-ds": Rival(3, by_chance, dawid_skene),
    "activelab": Rival(1, by_activelab, crowdlab),
    "smalltext-margin": Rival(3, partial(by_small_text, BreakingTies, False), majority),
    "smalltext-kmeans": Rival(3, partial(by_small_text, EmbeddingKMeans, True), majority),
}
