"""Laws of calibration where no control guides: answers that foretell each other badly take confidence, nothing adds it.

Planted bugs, each seen to fail here:
- the answer is not taken back from the belief that foretells it (`test_doubtful_items_take_confidence`)
- the worker has heard the item of the answer that is foretold (`test_a_worker_is_judged_without_the_item`)
- a temperature under the usual one (`test_agreement_makes_no_claim_surer`)
- no prior on the temperature (`test_a_few_answers_move_little`)
- the temperature of the last refit is heated once more (`test_a_warm_refit_heats_no_further`)
- foretold although there are controls (`test_controls_are_better_ground`)
- weights are left out (`test_an_answer_of_no_weight_foretells_nothing`, `test_an_answer_is_taken_back_at_its_weight`)
- the only answer of an item is foretold (`test_lone_answers_foretell_nothing`)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.calibration import Calibration
from core.inference import AnswerTable, refit
from core.inference.foretold import heat
from core.inference.sparse import Sparse

USUAL = Calibration().temperature
SEEDS = st.integers(0, 10_000)


def crowd(seed: int, hard: float, items: int = 80, each: int = 12, k: int = 2) -> AnswerTable:
    """A share of `hard` items, whose answers are drawn item by item from odds of their own; the others are easy."""
    rng = np.random.default_rng(seed)
    truth, odd = rng.integers(0, k, items), rng.random(items) < hard
    item = np.repeat(np.arange(items), each)
    right = np.where(odd, rng.uniform(0.3, 0.7, items), 0.95)[item]
    label = np.where(rng.random(len(item)) < right, truth[item], (truth[item] + 1) % k)
    worker = np.concatenate([rng.permutation(20)[:each] for _ in range(items)])
    return AnswerTable.of_labels(item, worker, label, k, items, 20)


@settings(max_examples=4)
@given(SEEDS)
def test_doubtful_items_take_confidence(seed: int) -> None:
    assert refit(crowd(seed, 0.7)).temperature > USUAL * 1.3


@settings(max_examples=4)
@given(SEEDS)
def test_agreement_makes_no_claim_surer(seed: int) -> None:
    assert refit(crowd(seed, 0.0)).temperature == pytest.approx(USUAL)


@settings(max_examples=3)
@given(SEEDS, st.permutations([0, 1, 2]))
def test_neither_names_nor_order_matter(seed: int, order: list[int]) -> None:
    table = crowd(seed, 0.6, items=20, k=3)
    shuffled = np.random.default_rng(seed).permutation(len(table.item))
    other = AnswerTable.of_labels(
        table.item[shuffled], table.worker[shuffled], np.array(order)[table.evidence[shuffled]], 3, 20, 20
    )
    assert refit(other).temperature == pytest.approx(refit(table).temperature)


def test_a_few_answers_move_little() -> None:
    both = np.array([0, 1] * 3)
    table = AnswerTable.of_labels(np.repeat(np.arange(3), 2), both, both, 2, 3, 2)
    assert refit(table).temperature < USUAL * 1.5
    sure, says = np.array([[0.999] * 3, [0.001] * 3]), np.array([[0.9, 0.1], [0.1, 0.9]])
    assert heat(Sparse.of(table), sure, says, np.full((2, 2), 1e6)) < 2.5


def beside_a_coin(label: NDArray[np.int64], weight: float = 1.0) -> AnswerTable:
    """Item by item one answer by a worker of its own, and one by a worker who tells nothing."""
    n = len(label)
    item, worker = np.repeat(np.arange(n), 2), np.stack([np.arange(n), np.full(n, n)], axis=1).reshape(-1)
    said = np.stack([label, label * 0], axis=1).reshape(-1)
    return AnswerTable.of_labels(item, worker, said, 2, n, n + 1, weight=np.full(2 * n, weight))


def pairs(sparse: Sparse, said: NDArray[np.float64], coin: float) -> NDArray[np.float64]:
    """(2, U) of each pair, from those of the items' own workers (2, N) and the coin's."""
    column = np.column_stack([said, np.full(2, coin)])
    return column[:, sparse.pair_worker]


def test_a_worker_is_judged_without_the_item() -> None:
    """The heat is the same whether or not what is known of the worker comes from this item, too."""
    rng, n = np.random.default_rng(0), 4000
    odds = rng.normal(0, 3, n)
    truth = (rng.random(n) < 1 / (1 + np.exp(odds / 2.0))).astype(np.int64)  # twice too sure
    sparse = Sparse.of(beside_a_coin(label := np.where(rng.random(n) < 0.7, truth, 1 - truth)))
    pool = np.where(np.arange(2)[:, None] == label, 0.7, 0.3)
    rest = np.stack([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))])
    without = rest * pool / (rest * pool).sum(axis=0)
    q = without
    for _ in range(200):  # the belief and the worker's counts that hold it
        q = rest * (q + pool) / (q + 1)
        q /= q.sum(axis=0)
    known = heat(sparse, without, pairs(sparse, pool, 0.5), np.full((2, n + 1), 1e9))
    found = heat(sparse, q, pairs(sparse, (q + pool) / (q + 1), 0.5), np.column_stack([q + 1, np.full(2, 1e9)]))
    assert found == known and 1.6 < known < 2.4


def test_an_answer_is_taken_back_at_its_weight() -> None:
    label = np.random.default_rng(0).integers(0, 2, 300)
    sparse = Sparse.of(beside_a_coin(label, weight=0.5))
    said = np.where(np.arange(2)[:, None] == label, 0.9, 0.1)
    q = said**0.5 / (said**0.5).sum(axis=0)
    assert heat(sparse, q, pairs(sparse, said, 0.5), np.full((2, 301), 1e9)) == 1.0  # nothing else was believed


def test_a_warm_refit_heats_no_further() -> None:
    table = crowd(1, 0.7)
    first = refit(table)
    assert refit(table, start=first.pool).temperature == pytest.approx(first.temperature)


def test_controls_are_better_ground() -> None:
    table = crowd(2, 0.7, items=40)
    blind, told = refit(table), np.full(40, -1)
    assert refit(replace(table, controls=told)).temperature == blind.temperature
    told[:20] = blind.posteriors[:20].argmax(axis=1)  # the crowd is right about every one
    assert refit(replace(table, controls=told)).temperature < blind.temperature


def test_an_answer_of_no_weight_foretells_nothing() -> None:
    table, easy = crowd(3, 0.7), crowd(3, 0.0)
    both = AnswerTable.of_labels(
        np.concatenate([easy.item, table.item]),
        np.concatenate([easy.worker, table.worker]),
        np.concatenate([easy.evidence, table.evidence]),
        2,
        80,
        20,
        weight=np.repeat([1.0, 1e-9], len(easy.item)),
    )
    assert refit(both).temperature == pytest.approx(refit(easy).temperature)


@pytest.mark.parametrize("each", [0, 1])
def test_lone_answers_foretell_nothing(each: int) -> None:
    item = np.repeat(np.arange(50), each)
    table = AnswerTable.of_labels(item, item * 0, item * 0, 2, 50, 1)
    assert refit(table).temperature == USUAL
    wrong = np.array([[0.001] * 50, [0.999] * 50])
    assert heat(Sparse.of(table), wrong, np.array([[0.9], [0.1]])[:, :each], np.full((2, 1), 1e9)) == 1.0
