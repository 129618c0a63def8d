"""Laws of ratings.

Planted bugs that these were seen to catch: a median that is off the middle; a band that falls off on one side only.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.inference import AnswerTable
from core.ordinal import banded, refit


def crowd(
    seed: int, items: int = 80, workers: int = 10, labels: int = 5, overlap: int = 5
) -> tuple[AnswerTable, np.ndarray]:
    """Near misses are likelier than far ones; worker 0 always says 3."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(labels, items, p=[0.1, 0.15, 0.2, 0.25, 0.3])
    item = np.repeat(np.arange(items), overlap)
    worker = np.concatenate([rng.permutation(workers)[:overlap] for _ in range(items)])
    said = np.clip(np.rint(truth[item] + rng.normal(0, 0.7, len(item))), 0, labels - 1).astype(int)
    return AnswerTable.of_labels(item, worker, np.where(worker == 0, 3, said), labels, items, workers), truth


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_rows_are_distributions_and_order_does_not_matter(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit(table)
    for part in (found.posteriors, found.calibrated, found.confusion, found.prior):
        assert (part >= 0).all()
        np.testing.assert_allclose(part.sum(axis=-1), 1.0)
    order = np.random.default_rng(seed).permutation(len(table.item))
    turned = AnswerTable.of_labels(table.item[order], table.worker[order], table.evidence[order], 5, 80, 10)
    np.testing.assert_allclose(refit(turned).posteriors, found.posteriors, atol=1e-4)
    low, high = found.interval()
    assert (low <= found.median()).all() and (found.median() <= high).all()


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_a_scale_read_backwards_gives_everything_backwards(seed: int) -> None:
    table, _ = crowd(seed)
    found = refit(table)
    mirror = refit(AnswerTable.of_labels(table.item, table.worker, 4 - table.evidence, 5, 80, 10))
    np.testing.assert_allclose(mirror.posteriors, found.posteriors[:, ::-1], atol=1e-4)
    clear = np.abs(found.posteriors.cumsum(axis=1) - 0.5).min(axis=1) > 1e-3
    assert (mirror.median()[clear] == 4 - found.median()[clear]).all()


def test_it_is_closer_than_the_vote_and_sees_the_blind() -> None:
    gains = []
    for seed in range(4):
        table, truth = crowd(seed, items=200)
        found = refit(table)
        votes = np.zeros((200, 5))
        np.add.at(votes, (table.item, table.evidence), 1)
        gains.append(np.abs(votes.argmax(axis=1) - truth).mean() - np.abs(found.median() - truth).mean())
        assert found.confusion[0][:, 3].min() > 0.7 > found.confusion[1:, 0, 3].max()
    assert np.mean(gains) > 0.02


def test_near_misses_are_expected_where_nobody_has_answered() -> None:
    band = banded(5)
    assert (np.diff(band[0, 1:]) < 0).all()
    assert (np.diag(band) == 0).all()
    np.testing.assert_allclose(band, band[::-1, ::-1])
    empty = AnswerTable.of_labels(*(np.zeros(0, dtype=int),) * 3, 5, 3, 1)
    newcomer = refit(empty).confusion[0]
    assert (np.diff(newcomer[0]) < 0).all()
    np.testing.assert_allclose(newcomer, newcomer[::-1, ::-1])


def test_controls_are_certain() -> None:
    table, truth = crowd(5)
    controls = np.where(np.arange(80) < 20, truth, -1)
    told = AnswerTable.of_labels(table.item, table.worker, table.evidence, 5, 80, 10, controls=controls)
    found = refit(told)
    assert (found.posteriors[np.arange(20), truth[:20]] > 0.999).all()
    assert (found.median()[:20] == truth[:20]).all()


@pytest.mark.parametrize(("answers", "labels"), [(0, 5), (1, 2), (1, 5), (3, 1), (40, 10)])
def test_degenerate_tables_give_sane_beliefs(answers: int, labels: int) -> None:
    said = np.full(answers, labels - 1)
    item, worker = np.zeros(answers, dtype=int), np.arange(answers)
    found = refit(AnswerTable.of_labels(item, worker, said, labels, 2, max(answers, 1)))
    np.testing.assert_allclose(found.posteriors.sum(axis=1), 1.0)
    if answers:
        assert found.median()[0] == labels - 1
