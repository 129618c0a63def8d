"""Laws of the sequential test that suspends.

Planted bugs, each seen to fail here:
- the sequential test takes Wald's bound for power as that for error (`test_honest_workers_are_hardly_ever_stopped`)
- the exact bound forgets those who passed (`test_the_exact_chance_is_that_of_a_simulation`)
- someone who passed starts again at zero (`test_who_passed_is_held_and_can_still_be_stopped`)
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.reliability import Pool
from core.suspension import FLOOR, PASSED, after_control, bound, crossing, honest_level, step, stops

FEW = settings(deadline=None, max_examples=12)
SEEDS = st.integers(0, 10**6)


@pytest.mark.parametrize("labels", [2, 3, 4, 6])
@pytest.mark.parametrize("level", [0.65, 0.8])
def test_honest_workers_are_hardly_ever_stopped(labels: int, level: float) -> None:
    """By their first test, exactly; and with all that follow it, in 400 controls of 4,000 simulated workers."""
    assert 0.002 < crossing(labels, level, level, bound(labels, level, 0.01)) <= 0.01
    rng, surprise, stopped = np.random.default_rng(labels), np.zeros(4000), np.zeros(4000, dtype=bool)
    good, bad = step(True, labels, level), step(False, labels, level)
    for _ in range(400):
        new = surprise + np.where(rng.random(4000) < level, good, bad)
        surprise = np.where((new <= PASSED) & (surprise > PASSED), FLOOR, np.maximum(new, FLOOR))
        stopped |= surprise >= bound(labels, level, 0.01)
    assert stopped.mean() <= 0.01 + 3 * (0.01 * 0.99 / 4000) ** 0.5


@FEW
@given(st.sampled_from([2, 3, 6]), st.sampled_from([0.2, 0.5, 0.8]), SEEDS)
def test_the_exact_chance_is_that_of_a_simulation(labels: int, right: float, seed: int) -> None:
    rng, stopped = np.random.default_rng(seed), 0
    for _ in range(600):
        surprise = 0.0
        for good in (rng.random(300) < right).tolist():
            surprise = after_control(surprise, good, labels, 0.8)
            if surprise >= 4.1 or surprise == FLOOR:
                break
        stopped += surprise >= 4.1
    exact = crossing(labels, 0.8, right, 4.1, 300)
    assert stopped / 600 == pytest.approx(exact, abs=4.5 * (exact * (1 - exact) / 600) ** 0.5 + 0.003)


def test_who_passed_is_held_and_can_still_be_stopped() -> None:
    surprise, controls = 0.0, 0
    for _ in range(200):
        surprise = after_control(surprise, True, 4, 0.8)
    assert surprise == FLOOR
    while not stops(surprise, 4, 0.8, 0.01):
        surprise, controls = after_control(surprise, False, 4, 0.8), controls + 1
    assert controls == 10  # (8 + 4.13) / 1.32, rounded up: a newcomer needs 4
    assert not stops(99.0, 4, 0.8, 0.0)


@given(st.integers(2, 12), st.floats(0.3, 0.99), st.floats(1, 80))
def test_honesty_is_judged_by_the_crowd_and_never_above_its_own(labels: int, accuracy: float, strength: float) -> None:
    fresh = Pool.fresh(labels, accuracy, strength)
    level = honest_level(fresh)
    assert level <= min(0.8, accuracy)
    assert level <= honest_level(Pool.fresh(labels, accuracy, 4 * strength)) + 0.011 or accuracy < 0.5
    if level < 1 / labels + 0.05:
        assert step(False, labels, level) == 0.0
    else:
        assert step(True, labels, level) < 0 < step(False, labels, level)
