"""Laws of pairs.

Planted bugs that these were seen to catch: winner and loser confused in the gradient; eta counted without weights; an
E step that leaves eta as it is; scores without their prior; a next pair of an item with itself; worth that ignores what
is already known.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pairs import PairTable, next_pair, refit, worth


def crowd(seed: int, items: int = 15, answers: int = 400) -> tuple[PairTable, np.ndarray]:
    """Ten workers: seven good, two guessing, the last answers against the scores."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 2, items)
    eta = np.array([0.95] * 7 + [0.5, 0.5, 0.05])
    i, worker = rng.integers(0, items, answers), rng.integers(0, 10, answers)
    j = (i + rng.integers(1, items, answers)) % items
    chance = 1 / (1 + np.exp(score[j] - score[i]))
    first = rng.random(answers) < eta[worker] * chance + (1 - eta[worker]) * (1 - chance)
    return PairTable(np.where(first, i, j), np.where(first, j, i), worker, items, 10), score


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(15)))
def test_other_names_and_another_order_change_nothing(seed: int, names: list[int]) -> None:
    table, _ = crowd(seed)
    found, name = refit(table), np.array(names)
    order = np.random.default_rng(seed).permutation(len(table.worker))
    turned = PairTable(name[table.winner][order], name[table.loser][order], table.worker[order], 15, 10)
    np.testing.assert_allclose(refit(turned).mean[name], found.mean, atol=1e-3)
    assert (found.deviation > 0).all() and (found.eta > 0).all() and (found.eta < 1).all()
    i, j = np.triu_indices(15, 1)
    np.testing.assert_allclose(found.beats(i, j) + found.beats(j, i), 1.0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_turning_every_answer_round_turns_the_scores_round(seed: int) -> None:
    table, _ = crowd(seed)
    other = refit(PairTable(table.loser, table.winner, table.worker, 15, 10))
    np.testing.assert_allclose(other.mean, -refit(table).mean, atol=1e-3)


def test_scores_and_workers_are_found() -> None:
    for seed in range(5):
        table, score = crowd(seed)
        found = refit(table)
        assert np.corrcoef(found.mean, score)[0, 1] > 0.88
        assert found.eta.argmin() == 9 and found.eta[9] < 0.6
        assert found.eta[7:9].mean() < found.eta[:7].mean() - 0.1


def test_an_answer_without_weight_was_not_given() -> None:
    table, _ = crowd(1)
    keep = table.worker != 2
    weighed = PairTable(table.winner, table.loser, table.worker, 15, 10, keep.astype(float))
    light = PairTable(table.winner[keep], table.loser[keep], table.worker[keep], 15, 10)
    np.testing.assert_allclose(refit(weighed).mean, refit(light).mean, atol=1e-6)
    assert refit(weighed).eta[2] == pytest.approx(8 / 9)


def test_the_next_pair_is_close_or_unknown_and_never_one_item_twice() -> None:
    table, _ = crowd(2, items=15, answers=600)
    unknown = PairTable(table.winner, table.loser, table.worker, 16, 10)  # item 15 has never been compared
    found, rng = refit(unknown), np.random.default_rng(0)
    i, j = next_pair(found, rng)
    assert i != j and 15 in (i, j)
    few = refit(PairTable(np.array([0]), np.array([1]), np.array([0]), 4, 1))
    assert all(a != b for a, b in (next_pair(few, rng, draws=3) for _ in range(40)))
    best, worst = found.ranking()[0], found.ranking()[-1]
    at = np.array([best, found.ranking()[0]])
    far_near = worth(found, at, np.array([worst, found.ranking()[1]]))
    assert far_near[0] < far_near[1]
    assert worth(found, at, at[::-1] * 0 + worst, eta=0.5).max() < 1e-9  # a guesser tells nothing


def test_asking_the_worthiest_pairs_orders_faster_than_asking_at_random() -> None:
    wins = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        score = rng.normal(0, 2, 12)
        figures = []
        for active in (True, False):
            won, lost = [], []
            for _ in range(60):
                same = np.zeros(len(won), dtype=int)
                table = PairTable(np.array(won, dtype=int), np.array(lost, dtype=int), same, 12, 1)
                i, j = next_pair(refit(table), rng) if active else rng.permutation(12)[:2].tolist()
                first = rng.random() < 1 / (1 + np.exp(score[j] - score[i]))
                won.append(i if first else j)
                lost.append(j if first else i)
            found = refit(PairTable(np.array(won), np.array(lost), np.zeros(60, dtype=int), 12, 1)).mean
            a, b = np.triu_indices(12, 1)
            figures.append(((found[a] > found[b]) == (score[a] > score[b])).mean())
        wins.append(figures[0] - figures[1])
    assert np.mean(wins) > 0.01


def test_degenerate_tables() -> None:
    none = np.zeros(0, dtype=int)
    empty = refit(PairTable(none, none, none, 3, 1))
    assert (empty.mean == 0).all() and (empty.deviation > 1.9).all()
    one = refit(PairTable(np.array([0]), np.array([1]), np.array([0]), 2, 1))
    assert one.mean[0] > 0 > one.mean[1]
    with pytest.raises(ValueError, match="itself"):
        PairTable(np.array([0]), np.array([0]), np.array([0]), 2, 1)
    with pytest.raises(ValueError, match="two items"):
        next_pair(refit(PairTable(none, none, none, 1, 1)), np.random.default_rng(0))
