"""Laws of sets of labels.

Planted bugs that these were seen to catch: the odds of an unmarked label left out; a worker's shift taken from one
label alone; controls not clamped; false marks learnt where the label holds; a share of 0 where nobody has answered;
weights forgotten in the M step.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.multilabel import Marks, MarkTable, refit


def crowd(
    seed: int, items: int = 60, workers: int = 8, labels: int = 4, overlap: int = 4
) -> tuple[MarkTable, np.ndarray]:
    """Labels of differing frequency; worker 0 is shy: marks half of what holds, imagines nothing."""
    rng = np.random.default_rng(seed)
    truth = rng.random((items, labels)) < np.linspace(0.15, 0.6, labels)
    item = np.repeat(np.arange(items), overlap)
    worker = np.concatenate([rng.permutation(workers)[:overlap] for _ in range(items)])
    sees = np.where(np.arange(workers) == 0, 0.5, 0.85)[worker][:, None]
    imagines = np.where(np.arange(workers) == 0, 0.0, 0.08)[worker][:, None]
    marked = rng.random((len(item), labels)) < np.where(truth[item], sees, imagines)
    return MarkTable(item, worker, marked, items, workers), truth


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000))
def test_beliefs_are_probabilities_and_order_does_not_matter(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit(table)
    for part in (found.holds, found.prior, found.sees, found.imagines, found.confidence(), found.accuracy()):
        assert np.isfinite(part).all() and (part >= 0).all() and (part <= 1).all()
    order = np.random.default_rng(seed).permutation(len(table.item))
    turned = MarkTable(table.item[order], table.worker[order], table.marked[order], table.n_items, table.n_workers)
    np.testing.assert_allclose(refit(turned).holds, found.holds, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_relabelling_relabels(seed: int, names: list[int]) -> None:
    table, _ = crowd(seed)
    turned = MarkTable(table.item, table.worker, table.marked[:, names], table.n_items, table.n_workers)
    np.testing.assert_allclose(refit(turned).holds, refit(table).holds[:, names], atol=1e-6)


def right(found: Marks, truth: np.ndarray) -> float:
    return float((found.consensus() == truth).mean())


def test_it_beats_the_vote_and_knows_the_shy() -> None:
    gains, shy = [], []
    for seed in range(5):
        table, truth = crowd(seed, items=200)
        found = refit(table)
        votes = np.zeros(truth.shape)
        np.add.at(votes, table.item, table.marked)
        gains.append(right(found, truth) - ((votes > 2) == truth).mean())
        shy.append(found.sees[0].mean() - found.sees[1:].mean())
    assert np.mean(gains) > 0.02
    assert max(shy) < -0.15


def test_one_worker_belief_speaks_about_labels_that_the_worker_has_hardly_met() -> None:
    table, _ = crowd(3, items=300)
    rare = table.marked.copy()
    first = np.flatnonzero(table.worker == 0)
    keep = np.ones(len(table.item), dtype=bool)
    keep[first[5:]] = False
    few = refit(MarkTable(table.item[keep], table.worker[keep], rare[keep], 300, 8))
    many = refit(table)
    assert many.sees[0, 0] < few.sees[0, 0] < few.sees[1:, 0].max()  # five answers of four labels move all four


def test_controls_are_certain_and_teach() -> None:
    table, truth = crowd(1)
    known = np.full(truth.shape, np.nan)
    known[:20] = truth[:20]
    told = MarkTable(table.item, table.worker, table.marked, table.n_items, table.n_workers, None, known)
    found = refit(told)
    assert (found.holds[:20] == truth[:20]).all()
    assert right(found, truth) >= right(refit(table), truth)


def test_an_answer_without_weight_was_not_given() -> None:
    table, _ = crowd(2)
    weight = (table.worker != 3).astype(float)
    kept = weight > 0
    heavy = MarkTable(table.item, table.worker, table.marked, table.n_items, table.n_workers, weight)
    light = MarkTable(table.item[kept], table.worker[kept], table.marked[kept], table.n_items, table.n_workers)
    np.testing.assert_allclose(refit(heavy).holds, refit(light).holds, atol=1e-9)


@pytest.mark.parametrize(("answers", "labels"), [(0, 3), (1, 1), (1, 3), (5, 200)])
def test_degenerate_tables_give_sane_beliefs(answers: int, labels: int) -> None:
    marked = np.zeros((answers, labels), dtype=bool)
    marked[:, 0] = True
    found = refit(MarkTable(np.zeros(answers, dtype=int), np.arange(answers), marked, 2, max(answers, 1)))
    assert np.isfinite(found.holds).all() and found.holds.shape == (2, labels)
    if answers:
        assert found.holds[0, 0] > 0.5 and (found.holds[0, 1:] < 0.5).all()


def test_columns_of_differing_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        MarkTable(np.zeros(2, dtype=int), np.zeros(1, dtype=int), np.zeros((2, 3), dtype=bool), 1, 1)
