"""Laws of the two arms: the effect is found where there is one, and its interval covers it.

Planted bugs seen to fail: the arms exchanged; an interval that takes the blind arm's wrong end.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.anchoring import Arm, anchoring, wilson

arms = st.integers(1, 400).flatmap(lambda n: st.integers(0, n).map(lambda agreed: Arm(n, agreed)))


@given(told=arms, blind=arms)
def test_the_interval_holds_the_effect_and_turns_round_with_the_arms(told: Arm, blind: Arm) -> None:
    found, turned = anchoring(told, blind), anchoring(blind, told)
    assert found and turned
    assert -1 <= found.low <= found.effect <= found.high <= 1
    assert (found.low, found.effect) == pytest.approx((-turned.high, -turned.effect))
    assert wilson(told)[0] <= told.share <= wilson(told)[1]


@pytest.mark.parametrize(("blind", "told"), [(0.8, 0.8), (0.7, 0.82), (0.95, 0.99)])
def test_the_interval_covers_what_is_true(blind: float, told: float) -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(600):
        found = anchoring(Arm(150, int(rng.binomial(150, told))), Arm(200, int(rng.binomial(200, blind))))
        assert found
        covered += found.low <= told - blind <= found.high
    assert 0.93 <= covered / 600 <= 0.985


def test_an_arm_without_answers_tells_nothing() -> None:
    assert anchoring(Arm(0, 0), Arm(9, 9)) is None
    with pytest.raises(ValueError):
        Arm(3, 4)
