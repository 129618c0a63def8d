"""Laws of spans.

Planted bugs that these were seen to catch: tokens shifted by one text; a chain that runs across the border of two
texts; backward messages with the transitions of forward ones, or none; spans that swallow a neighbour of another label.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.spans import TokenTable, refit_spans


def crowd(
    seed: int, texts: int = 40, workers: int = 6, overlap: int = 3, noise: float = 0.2
) -> tuple[TokenTable, np.ndarray]:
    """Runs of labels 1 and 2 among many 0; workers confuse single tokens."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 15, texts)
    truth = []
    for size in length:
        labels, now = [], 0
        for _ in range(size):
            now = now if rng.random() < 0.7 else int(rng.choice(3, p=[0.6, 0.25, 0.15]))
            labels.append(now)
        truth.append(np.array(labels))
    text = np.repeat(np.arange(texts), overlap)
    worker = np.concatenate([rng.permutation(workers)[:overlap] for _ in range(texts)])
    said = [np.where(rng.random(length[t]) < noise, rng.integers(0, 3, length[t]), truth[t]) for t in text]
    return TokenTable(length, text, worker, np.concatenate(said), 3, workers), np.concatenate(truth)


def turned(table: TokenTable, order: np.ndarray) -> TokenTable:
    size = table.length[table.text]
    parts = np.split(table.label, np.cumsum(size)[:-1])
    label = np.concatenate([parts[a] for a in order])
    return TokenTable(table.length, table.text[order], table.worker[order], label, table.labels, table.n_workers)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_rows_are_distributions_and_order_does_not_matter(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit_spans(table)
    np.testing.assert_allclose(found.posteriors.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.transition.sum(axis=1), 1.0)
    other = refit_spans(turned(table, np.random.default_rng(seed).permutation(len(table.text))))
    np.testing.assert_allclose(other.posteriors, found.posteriors, atol=1e-4)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_texts_read_backwards_give_beliefs_backwards(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit_spans(table)
    parts = np.split(table.label, np.cumsum(table.length[table.text])[:-1])
    back = np.concatenate([part[::-1] for part in parts])
    other = refit_spans(TokenTable(table.length, table.text, table.worker, back, 3, table.n_workers))
    for first, size in zip(table.first, table.length, strict=True):
        mine, theirs = found.posteriors[first : first + size], other.posteriors[first : first + size]
        np.testing.assert_allclose(theirs[::-1], mine, atol=1e-4)


def test_neighbours_help() -> None:
    gains = []
    for seed in range(4):
        table, truth = crowd(seed, texts=120, noise=0.35)
        found = refit_spans(table)
        alone = found.workers.posteriors.argmax(axis=1)
        gains.append((found.posteriors.argmax(axis=1) == truth).mean() - (alone == truth).mean())
    assert np.mean(gains) > 0.01


def test_a_text_says_nothing_about_its_neighbour() -> None:
    table, _ = crowd(1, texts=30)
    found = refit_spans(table)
    order = np.random.default_rng(0).permutation(30)
    parts = np.split(table.label, np.cumsum(table.length[table.text])[:-1])
    place = np.argsort(order)
    other = refit_spans(TokenTable(table.length[order], place[table.text], table.worker, np.concatenate(parts), 3, 6))
    for new, old in enumerate(order):
        mine = found.posteriors[table.first[old] : table.first[old] + table.length[old]]
        at = other.table.first[new]
        np.testing.assert_allclose(other.posteriors[at : at + len(mine)], mine, atol=1e-4)


def test_spans_are_runs_with_their_ends() -> None:
    length = np.array([6, 0, 2])
    label = np.array([0, 1, 1, 2, 0, 1, 2, 2] * 1)
    rows = np.concatenate([label[:6], label[:6], label[:6], label[6:], label[6:], label[6:]])
    table = TokenTable(length, np.array([0, 0, 0, 2, 2, 2]), np.array([0, 1, 2, 0, 1, 2]), rows, 3, 3)
    found = [(s.text, s.start, s.end, s.label) for s in refit_spans(table).spans()]
    assert found == [(0, 1, 3, 1), (0, 3, 4, 2), (0, 5, 6, 1), (2, 0, 2, 2)]


def test_degenerate_tables() -> None:
    none = np.zeros(0, dtype=int)
    empty = refit_spans(TokenTable(np.array([3, 0]), none, none, none, 2, 1))
    np.testing.assert_allclose(empty.posteriors.sum(axis=1), 1.0)
    with pytest.raises(ValueError, match="one label for each token"):
        TokenTable(np.array([3]), np.array([0]), np.array([0]), np.array([0, 1]), 2, 1)
