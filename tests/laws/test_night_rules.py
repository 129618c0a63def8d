"""Laws of promotion.

Planted bugs seen to fail: promotion that compares the wrong way round; a judge that takes the crowd's first label for
truth, or its posterior's mass for the accuracy.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.item import Content, Medium, NewItem, Role, role_of
from core.promotion import calibration_error, judge, promoted
from core.reliability import Pool

NOW = datetime(2026, 11, 22, tzinfo=UTC)
POOL = Pool.fresh(3)


def test_audit_items_are_a_share_by_hash_whatever_the_order() -> None:
    items = [NewItem(f"n{n}", Content(Medium.TEXT, "x")) for n in range(4000)]
    roles = {one.name: role_of("a", one, 0.1) for one in items}
    assert roles == {one.name: role_of("a", one, 0.1) for one in reversed(items)}
    assert sum(role is Role.AUDIT for role in roles.values()) / 4000 == pytest.approx(0.1, abs=0.015)
    assert roles != {one.name: role_of("b", one, 0.1) for one in items}


def nights(noise: float, items: int, seeds: int) -> float:
    """Share of nights on which a candidate is promoted whose logits carry so much noise; the serving one's carry 1."""
    wins = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        signal = 1.5 * np.eye(3)[rng.integers(0, 3, items)]
        candidate, serving = (_softmax(signal + rng.normal(0, scale, signal.shape)) for scale in (noise, 1.0))
        wins += promoted(candidate, serving, np.eye(3)[signal.argmax(axis=1)], 0.9, rng)
    return wins / seeds


def _softmax(logits: np.ndarray) -> np.ndarray:
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def test_better_versions_are_promoted_and_worse_ones_are_not() -> None:
    assert nights(0.7, 300, 40) > 0.8
    assert nights(1.4, 300, 40) < 0.05
    assert nights(1.0, 300, 200) == pytest.approx(0.1, abs=0.06)  # equals: as often as the confidence allows


def test_nothing_is_promoted_on_nothing() -> None:
    rng = np.random.default_rng(0)
    none = np.zeros((0, 2))
    assert not promoted(none, None, none, 0.9, rng)
    broken = np.full((20, 2), np.nan)
    assert not promoted(broken, np.full((20, 2), 0.5), np.eye(2)[[0, 1] * 10], 0.9, rng)


def test_a_judgement_believes_sure_answers() -> None:
    truth = np.where(np.arange(100)[:, None] < 80, [[1.0, 0.0]], [[0.0, 1.0]])
    even = np.full((1, 2), 0.5)
    found = judge(np.tile([0.9, 0.1], (100, 1)), truth[None], even, np.random.default_rng(0))
    assert found.accuracy == pytest.approx(0.8, abs=0.01) and 0.68 < found.low < 0.76 and 0.84 < found.high < 0.9
    assert found.ece == pytest.approx(0.1, abs=0.01)
    assert calibration_error(np.array([0.8, 0.8]), np.array([1.0, 0.6])) == pytest.approx(0.0)


def test_a_judgement_is_no_lower_where_answers_are_few() -> None:
    """One answer for each item, right 7 times in 10: by the posterior's mass, the version would be right 56 times in
    100, not 90. The even prior draws so weak evidence a little to the middle."""
    rng, accuracies, even = np.random.default_rng(1), [], np.full((1, 2), 0.5)
    for _ in range(40):
        truth = rng.integers(0, 2, 300)
        said = np.where(rng.random(300) < 0.7, truth, 1 - truth)
        guess = np.where(rng.random(300) < 0.9, truth, 1 - truth)
        crowd = 0.3 + 0.4 * np.eye(2)[said]
        found = judge(0.1 + 0.8 * np.eye(2)[guess], crowd[None], even, rng)
        accuracies.append(found.accuracy)
        assert found.low <= found.accuracy <= found.high
    assert np.mean(accuracies) == pytest.approx(0.9, abs=0.05)
