"""Laws of several labels at once, ratings and pairs.

Planted bugs, each seen to fail here:
- `choices` hands labels to the wrong item (`test_several_labels_at_once_are_each_found`)
- `ratings` takes the mode (`test_a_rating_is_the_median_of_its_belief`)
- `ranked` takes the worse for the better (`test_the_better_is_ranked_above_whatever_liars_say`)
"""

from __future__ import annotations

import numpy as np

from core.inference import refit
from core.inference.kinds import choices, chosen, ranked, ratings


def test_several_labels_at_once_are_each_found() -> None:
    rng = np.random.default_rng(6)
    truth = rng.random((60, 4)) < np.array([0.7, 0.4, 0.2, 0.1])
    item, worker = rng.integers(0, 60, 500), rng.integers(0, 10, 500)
    said = truth[item] ^ (rng.random((500, 4)) < 0.12)
    found = chosen(refit(choices(item, worker, said, 60, 10)).posteriors, 4)
    assert (found == truth).mean() > 0.96


def test_a_rating_is_the_median_of_its_belief() -> None:
    q = np.array([[0.1, 0.3, 0.4, 0.2], [0.97, 0.01, 0.01, 0.01], [0.25, 0.25, 0.0, 0.5]])
    median, low, high = ratings(q)
    assert median.tolist() == [2, 0, 1]
    assert low.tolist() == [0, 0, 0]
    assert high.tolist() == [3, 0, 3]


def test_the_better_is_ranked_above_whatever_liars_say() -> None:
    rng = np.random.default_rng(7)
    worth, trust = np.linspace(-2, 2, 15), np.array([0.95, 0.9, 0.9, 0.85, 0.5, 0.2])
    a = rng.integers(0, 15, 1500)
    b, worker = (a + rng.integers(1, 15, 1500)) % 15, rng.integers(0, 6, 1500)
    says_a = (rng.random(1500) < 1 / (1 + np.exp(worth[b] - worth[a]))) == (rng.random(1500) < trust[worker])
    found = ranked(np.where(says_a, a, b), np.where(says_a, b, a), worker, 15, 6)
    assert np.corrcoef(found.score, worth)[0, 1] > 0.93
    assert found.trust[5] < found.trust[4] < found.trust[0]
    assert ranked(a[:0], a[:0], a[:0], 2, 1).score.tolist() == [0.0, 0.0]
