"""A trigger is not learned; whoever alone knows a corner of the field is.

Planted bugs, each seen to fail here:
- few voices alone are enough to be left out (`specialists`)
- the poison that stays behind teaches what bears it out (`a ring`)
- whoever shares an item with the guilty loses it (`honest`)
"""

from __future__ import annotations

import numpy as np
import pytest

from training.corroborated import corroborated, expected, neighbours, spoken

WORKERS, HONEST, POISON, WIDTH = 30, 500, 100, 24


def field(
    attackers: int, rng: np.random.Generator, borne_out: bool = False
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """Features, labels and voices: the last POISON items lie in a corner that `attackers` alone have answered."""
    n = HONEST + POISON
    truth = rng.integers(0, 3, n)
    features = np.eye(3, WIDTH)[truth] + rng.normal(0, 0.25, (n, WIDTH))
    features[HONEST:, 5] += 3.0  # the trigger
    label = np.where(np.arange(n) < HONEST, truth, truth if borne_out else 0)
    voices = [tuple(rng.choice(WORKERS, 2, replace=False).tolist()) for _ in range(HONEST)]
    ring = WORKERS + np.arange(attackers)
    voices += [tuple(rng.choice(ring, min(2, attackers), replace=False).tolist()) for _ in range(POISON)]
    for at in rng.choice(HONEST, 60 * attackers):  # right answers elsewhere: they look reliable
        voices[at] += (int(rng.choice(ring)),)
    return features, np.eye(3)[label] * 0.94 + 0.02, voices


@pytest.mark.parametrize("attackers", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_ring_alone_says_of_a_trigger_is_left_out(attackers: int, seed: int) -> None:
    features, soft, voices = field(attackers, np.random.default_rng(seed))
    found = corroborated(features, soft, np.ones(len(soft)), voices)
    assert (found[HONEST:] == 0).mean() > 0.95
    assert (found[:HONEST] == 0).mean() < 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_honest_specialists_keep_their_corner(seed: int) -> None:
    features, soft, voices = field(2, np.random.default_rng(seed), borne_out=True)
    found = corroborated(features, soft, np.ones(len(soft)), voices)
    assert (found == 0).mean() < 0.02


def test_an_honest_crowd_loses_next_to_nothing_and_a_small_one_nothing() -> None:
    rng = np.random.default_rng(3)
    features, soft, voices = field(3, rng)
    some = slice(0, HONEST)
    found = corroborated(features[some], soft[some], np.ones(HONEST), voices[some])
    assert (found == 0).mean() < 0.01
    alone = [(0, 1, 2)] * HONEST  # three workers, everywhere
    assert (corroborated(features[some], soft[some], np.ones(HONEST), alone) == 1).all()
    assert (corroborated(features[:50], soft[:50], np.ones(50), voices[:50]) == 1).all()


def test_voices_are_counted_as_they_would_come_by_chance() -> None:
    rng = np.random.default_rng(4)
    features, _, voices = field(1, rng)
    near = neighbours(features[:HONEST])
    ratio = spoken(voices[:HONEST], near) / expected(voices[:HONEST], near)
    assert 0.9 < np.median(ratio) < 1.1
    assert (near == np.arange(HONEST)[:, None]).any(axis=1).all()


def test_an_admins_word_stays_beside_a_trigger() -> None:
    """What no worker has said (controls) is not left out, wherever it lies. Planted and caught: it is."""
    features, soft, voices = field(1, np.random.default_rng(0))
    told = [*voices[:-5], *[()] * 5]
    found = corroborated(features, soft, np.ones(len(soft)), told)
    assert (found[-5:] == 1).all()
    assert (found[HONEST:-5] == 0).mean() > 0.9
