"""Laws of numeric ratings.

Planted bugs that these were seen to catch: a bias that is added instead of taken away; noise that is the same for all;
a variance of biases that is fixed, or starts so; controls whose variance stays; noise that is not robust.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.numeric import NumberTable, refit


def crowd(seed: int, items: int = 150, workers: int = 12, overlap: int = 4) -> tuple[NumberTable, np.ndarray]:
    """Worker 0 answers 1.5 too high; the last two are five times as noisy."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(6, 1, items)
    item = np.repeat(np.arange(items), overlap)
    worker = np.concatenate([rng.permutation(workers)[:overlap] for _ in range(items)])
    noise = np.where(np.arange(workers) >= workers - 2, 1.5, 0.3)[worker]
    value = truth[item] + 1.5 * (worker == 0) + rng.normal(0, noise)
    return NumberTable(item, worker, value, items, workers), truth


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(0.01, 100))
def test_another_unit_gives_the_same_answer_in_that_unit(seed: int, shift: float, scale: float) -> None:
    table, _ = crowd(seed)
    found = refit(table)
    other = refit(NumberTable(table.item, table.worker, shift + scale * table.value, table.n_items, table.n_workers))
    np.testing.assert_allclose(other.mean, shift + scale * found.mean, atol=2e-3 * scale)
    np.testing.assert_allclose(other.deviation, scale * found.deviation, rtol=1e-2)
    np.testing.assert_allclose(other.certainty(), found.certainty(), atol=1e-2)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_order_does_not_matter_and_beliefs_are_sane(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit(table)
    order = np.random.default_rng(seed).permutation(len(table.item))
    turned = NumberTable(table.item[order], table.worker[order], table.value[order], table.n_items, table.n_workers)
    np.testing.assert_allclose(refit(turned).mean, found.mean, atol=1e-6)
    assert (found.deviation > 0).all() and (found.noise > 0).all()
    assert (found.certainty() >= 0).all() and (found.certainty() <= 1).all()


def test_it_beats_the_mean_knows_bias_and_noise_and_covers() -> None:
    covered, ratio = [], []
    for seed in range(6):
        table, truth = crowd(seed)
        found = refit(table)
        mean = np.bincount(table.item, table.value) / np.bincount(table.item)
        ratio.append(np.sqrt(((found.mean - truth) ** 2).mean()) / np.sqrt(((mean - truth) ** 2).mean()))
        low, high = found.interval()
        covered.append(((low <= truth) & (truth <= high)).mean())
        assert 1.0 < found.bias[0] - found.bias[1:].mean() < 2.0
        assert found.noise[-2:].min() > 2 * found.noise[:-2].max()
    assert np.mean(ratio) < 0.65
    assert 0.88 < np.mean(covered) < 0.99


def test_one_answer_far_off_does_not_move_an_item_far() -> None:
    table, _ = crowd(4)
    value = table.value.copy()
    value[0] += 40
    found, before = refit(NumberTable(table.item, table.worker, value, table.n_items, table.n_workers)), refit(table)
    assert abs(found.mean[0] - before.mean[0]) < 0.6
    assert np.abs(found.mean - before.mean).mean() < 0.02  # nor does it spoil what the worker says of others


def test_controls_are_certain_and_teach() -> None:
    table, truth = crowd(7)
    known = np.where(np.arange(150) < 40, truth, np.nan)
    found = refit(NumberTable(table.item, table.worker, table.value, 150, 12, None, known))
    assert (found.mean[:40] == truth[:40]).all() and (found.deviation[:40] == 0).all()
    assert abs(found.bias[0] - 1.5) < 0.2


@pytest.mark.parametrize("values", [[], [3.0], [3.0, 3.0, 3.0], [1.0, 100.0]])
def test_degenerate_tables_give_sane_beliefs(values: list[float]) -> None:
    n = len(values)
    found = refit(NumberTable(np.zeros(n, dtype=int), np.arange(n), np.array(values), 2, max(n, 1)))
    assert np.isfinite(found.mean).all() and np.isfinite(found.deviation).all()
    if values:
        assert min(values) - 1e-6 <= found.mean[0] <= max(values) + 1e-6


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        NumberTable(np.zeros(1, dtype=int), np.zeros(1, dtype=int), np.array([np.nan]), 1, 1)
