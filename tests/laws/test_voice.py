"""Laws of the network's voice in beliefs. Each has been seen to fail on the bug that its docstring names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence import Evidence
from core.inference import AnswerTable, refit
from core.posterior import absorb, odds_of_one_answer, start
from core.reliability import Pool, Reliability
from core.voice import learnt_weight, starts

rows = st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(lambda x: tuple(v / sum(x) for v in x))


def pool(prior: tuple[float, ...] = (0.6, 0.3, 0.1), accuracy: float = 0.8) -> Pool:
    return replace(Pool.fresh(len(prior), accuracy), prior=prior)


@given(prior=rows, suggestion=rows, weight=st.floats(0, 1))
def test_one_item_and_many_hear_alike(prior: tuple[float, ...], suggestion: tuple[float, ...], weight: float) -> None:
    """Planted bug seen to fail: the floor taken before the weight in one of the two."""
    one = start(pool(prior), suggestion, weight)
    assert sum(one) == pytest.approx(1)
    assert starts(pool(prior), np.array([suggestion]), weight)[0] == pytest.approx(one, abs=1e-7)


@given(prior=rows, suggestion=rows, weight=st.floats(0, 1), accuracy=st.floats(0.4, 0.99))
def test_the_network_never_outweighs_one_average_worker(
    prior: tuple[float, ...], suggestion: tuple[float, ...], weight: float, accuracy: float
) -> None:
    """Planted bug seen to fail: a voice without its floor."""
    crowd = pool(prior, accuracy)
    moved = np.array(start(crowd, suggestion, weight)) / np.array(prior)
    assert moved.max() / moved.min() <= odds_of_one_answer(crowd) * (1 + 1e-6)


def test_one_average_answer_takes_back_what_the_network_said() -> None:
    """Planted bug seen to fail: odds of two answers as the cap."""
    even = pool((1 / 3, 1 / 3, 1 / 3))
    heard = start(even, (0.998, 0.001, 0.001), 1.0)
    assert heard[0] == pytest.approx(0.8)
    after = absorb(heard, Evidence.of(1), Reliability.newcomer(even), even)
    assert after[0] == pytest.approx(after[1])


def test_a_suggestion_that_says_the_class_shares_says_nothing() -> None:
    """Planted bug seen to fail: prior times suggestion, which counts the class shares twice."""
    assert start(pool(), pool().prior, 1.0) == pytest.approx(pool().prior)
    assert start(pool(), (0.2, 0.3, 0.5), 0.0) == pytest.approx(pool().prior)
    assert start(pool(), None, 1.0) == pool().prior


def told(seed: int, right: float, items: int = 400) -> tuple[AnswerTable, np.ndarray]:
    """Two answers an item by workers who are right 80 times in 100; suggestions right with the chance they claim."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    item, worker = np.repeat(np.arange(items), 2), rng.integers(0, 20, 2 * items)
    label = np.where(rng.random(2 * items) < 0.8, truth[item], 1 - truth[item])
    guess = np.where(rng.random(items) < right, truth, 1 - truth)
    said = np.where(guess[:, None] == np.arange(2), 0.8, 0.2)
    return AnswerTable.of_labels(item, worker, label, 2, items, 20), said


def test_a_network_that_foretells_answers_is_heard_and_one_that_does_not_is_not() -> None:
    """Planted bug seen to fail: likelihoods of the answers without the prior's part (all weights are then alike)."""
    found = {}
    for right in (0.8, 0.5):
        weights = []
        for seed in range(4):
            table, said = told(seed, right)
            everyone = np.ones(400, dtype=bool)
            weights.append(learnt_weight(table, everyone, said, refit(table), 1.0))
        found[right] = float(np.mean(weights))
    assert found[0.8] > 0.7 and found[0.5] < 0.25


def test_the_weight_stays_under_what_the_policy_allows() -> None:
    """Planted bug seen to fail: a grid up to 1 whatever `most` says."""
    table, said = told(0, 0.9)
    everyone = np.ones(400, dtype=bool)
    assert 0.2 < learnt_weight(table, everyone, said, refit(table), 0.3) <= 0.3
    assert learnt_weight(table, everyone, said, refit(table), 0.0) == 0.0
    assert learnt_weight(table, np.zeros(400, dtype=bool), said[:0], refit(table), 0.4) == 0.4


def test_a_pool_remembers_how_far_the_network_is_heard() -> None:
    """Planted bug seen to fail: a voice that JSON forgets."""
    assert Pool.from_json(replace(pool(), voice=0.25).to_json()).voice == 0.25
