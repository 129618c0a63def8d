"""Laws of acquisition and promotion.

Planted bugs seen to fail: worth without its second half (no diversity); promotion that compares the wrong way round;
a judge that takes the crowd's first label for truth.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.acquisition import margins, worth_of
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


def clusters(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(300, 2) probabilities, (300, 4) embeddings in six groups; the first group is five times as large."""
    group = np.r_[np.zeros(200, int), np.repeat(np.arange(1, 6), 20)]
    embeddings = rng.normal(0, 0.1, (300, 4)) + 5 * rng.normal(0, 1, (6, 4))[group]
    p = rng.uniform(0.05, 0.95, 300)
    return np.stack([p, 1 - p], axis=1), embeddings


def test_the_best_of_a_batch_differ_from_one_another() -> None:
    rng = np.random.default_rng(2)
    probabilities, embeddings = clusters(rng)
    worth = worth_of(probabilities, embeddings, 6, rng)
    assert worth.shape == (300,) and worth.min() >= 0 and worth.max() <= 1
    best = np.argsort(-worth)[:6]
    rows = np.r_[np.zeros(200, int), np.repeat(np.arange(1, 6), 20)]
    assert len(set(rows[best])) >= 5  # by doubt alone, two thirds would come from the large group
    assert margins(probabilities)[best].mean() > margins(probabilities).mean()


@settings(deadline=None, max_examples=20)
@given(n=st.integers(0, 12), batch=st.integers(1, 20))
def test_small_pools_are_sane(n: int, batch: int) -> None:
    rng = np.random.default_rng(n)
    worth = worth_of(rng.dirichlet(np.ones(3), n), np.zeros((n, 2)), batch, rng)  # all embeddings alike
    assert worth.shape == (n,) and np.isfinite(worth).all()


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


def test_a_judgement_counts_the_crowds_doubt() -> None:
    truth = np.tile([0.8, 0.2], (50, 1))
    found = judge(np.tile([0.9, 0.1], (50, 1)), truth, np.random.default_rng(0))
    assert found.accuracy == pytest.approx(0.8) and found.low == pytest.approx(0.8)
    assert found.ece == pytest.approx(0.1)
    assert calibration_error(np.array([0.8, 0.8]), np.array([1.0, 0.6])) == pytest.approx(0.0)
