"""Laws of the caps on what a version is taught.

Planted bugs, each seen to fail here:
- the cap of a group is that of a worker (`test_nobody_has_more_than_their_cap`)
- factors above 1 (`test_nobody_gains_by_a_cap_and_small_voices_keep_all`)
- a voice is turned down in its items only, not in what it said (`test_what_a_ring_said_leaves_the_targets`)
- the alarm counts workers, not answers (`test_too_many_shared_answers_teach_nothing`)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.campaign import Campaign, CampaignState, Draft, Policy
from core.caps import ACTIVE, GROUP, WORKER, capped, turned_down
from core.errors import TrainingFailed
from core.evidence import Evidence
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.ports import Snapshot
from core.posterior import absorb, claimed
from core.refit import beliefs_of
from core.reliability import Pool, Reliability, likelihood
from core.teaching import lessons_of

START = datetime(2026, 11, 22, tzinfo=UTC)
SEEDS = st.integers(0, 10**6)
FEW = settings(deadline=None, max_examples=40)


def answered(seed: int) -> tuple[np.ndarray, ...]:
    """(weight of items, item, worker, strength, group): some busy workers, and perhaps a group."""
    rng = np.random.default_rng(seed)
    workers, items = int(rng.integers(4, 120)), int(rng.integers(5, 60))
    answers = int(rng.integers(items, 8 * items))
    busy = rng.dirichlet(np.full(workers, rng.choice([0.1, 1.0, 10.0])))
    group = np.where(rng.random(workers) < rng.choice([0, 0.2]), 0, -1)
    item, worker = rng.integers(0, items, answers), rng.choice(workers, answers, p=busy)
    return rng.uniform(0.05, 1, items), item, worker, rng.uniform(0.1, 1, answers), group


def shares(found: np.ndarray, voice: np.ndarray, item: np.ndarray, worker: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(W,) each worker's part of the training weight, counted once more from the ground up."""
    part = np.zeros(len(voice))
    for at in range(len(item)):
        mine = item == item[at]
        whole = (s[mine] * voice[worker[mine]]).sum()
        if whole > 0:
            part[worker[at]] += found[item[at]] * s[at] * voice[worker[at]] / whole
    return part


@FEW
@given(SEEDS)
def test_nobody_has_more_than_their_cap(seed: int) -> None:
    weight, item, worker, strength, group = answered(seed)
    found = capped(weight, item, worker, strength, group)
    part = shares(found.weight, found.voice, item, worker, strength)
    active = len(set(worker[group[worker] < 0].tolist()))
    cap = max(WORKER, ACTIVE / max(active, 1))
    assert part[group < 0].max(initial=0.0) <= cap * part.sum() * (1 + 1e-6) + 1e-12
    assert part[group == 0].sum() <= GROUP * part.sum() * (1 + 1e-6) + 1e-12


@FEW
@given(SEEDS)
def test_nobody_gains_by_a_cap_and_small_voices_keep_all(seed: int) -> None:
    weight, item, worker, strength, group = answered(seed)
    found = capped(weight, item, worker, strength, group)
    assert (found.weight <= weight + 1e-12).all()
    assert ((found.voice >= 0) & (found.voice <= 1)).all()
    if found.weight.sum() > 0:
        assert found.voice.max() == 1.0
    even = capped(np.ones(40), np.repeat(np.arange(40), 3), np.arange(120) % 10, np.ones(120), np.full(10, -1))
    assert even.weight == pytest.approx(np.ones(40))


def test_a_crowd_of_two_may_teach_and_a_ring_alone_may_not() -> None:
    two = capped(np.ones(3), np.array([0, 1, 2]), np.array([0, 1, 1]), np.ones(3), np.array([-1, -1]))
    assert two.weight.tolist() == [1, 1, 1]
    ring = capped(np.ones(3), np.array([0, 1, 2]), np.array([0, 1, 1]), np.ones(3), np.array([0, 0]))
    assert ring.weight.tolist() == [0, 0, 0]
    assert turned_down(np.array([1.0, 1.0]), np.array([0.05, 0.05])).tolist() == [0, 0]


def scene(members: int, each: int = 30) -> tuple[Snapshot, list[Item]]:
    """Sixty items of two labels, 400 honest answers of 12 workers, and a ring that says "1" to all its items."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 60)
    item, worker = rng.integers(0, 60, 400), rng.integers(0, 12, 400)
    label = np.where(rng.random(400) < 0.85, truth[item], 1 - truth[item])
    shared = np.concatenate([rng.choice(60, each, replace=False) for _ in range(members)])
    item, worker = np.append(item, shared), np.append(worker, np.repeat(12 + np.arange(members), each))
    label = np.append(label, np.random.default_rng(9).integers(0, 2, 60)[shared])
    draft = Draft("pets", "Pets", "Which?", ("cat", "dog"), policy=Policy(min_overlap=2, max_overlap=50))
    campaign = Campaign(CampaignId(1), draft, CampaignState.OPEN, START, Pool.fresh(2))
    items = [_item(at, int((item == at).sum())) for at in range(60)]
    workers = [WorkerId(1 + at) for at in range(12 + members)]
    bits = [1 << int(one) for one in label]
    return Snapshot(campaign, items, workers, item, worker, bits, np.full(len(item), 9000)), items


def _item(at: int, answers: int) -> Item:
    content = Content(Medium.TEXT, f"text {at}")
    return Item(
        ItemId(at + 1), CampaignId(1), f"i{at}", content, Role.PLAIN, None, "", Verdict.OPEN, (0.5, 0.5), answers
    )


def test_what_a_ring_said_leaves_the_targets() -> None:
    """As far as a worker is turned down, their evidence leaves the belief: the day's update, backwards."""
    shot, _ = scene(members=5)
    beliefs = beliefs_of(shot)
    seen = beliefs.vigilance
    assert seen is not None
    assert (seen.group[12:] == 0).all()
    sharp = {worker: Reliability((20.0, 1.0, 2.0, 20.0)) for worker in shot.workers}
    beliefs = replace(beliefs, reliabilities=sharp)
    taught = [item for item in beliefs.items if item.answers]
    lessons, free = lessons_of(shot, beliefs, taught), lessons_of(shot, replace(beliefs, vigilance=None), taught)
    assert (lessons.weights <= free.weights + 1e-9).all()
    rows = np.array([int(item.id) - 1 for item in taught])
    answers, worker = shot.answer_item, shot.answer_worker
    place = np.full(60, -1)
    place[rows] = np.arange(len(rows))
    voice = capped(free.weights, place[answers], worker, seen.weight, seen.group).voice
    assert voice[12:].max() < 0.9
    for at in range(0, len(taught), 7):
        odds = np.log(taught[at].posterior[1] / taught[at].posterior[0])
        for one in np.flatnonzero(answers == rows[at]):
            said = likelihood(Evidence(shot.answer_bits[one]), sharp[shot.workers[worker[one]]], beliefs.pool)
            odds -= (1 - voice[worker[one]]) * seen.weight[one] * np.log(said[1] / said[0])
        belief = (1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds)))
        assert lessons.targets[at] == pytest.approx(claimed(belief, beliefs.pool))


def test_likelihoods_are_of_the_answers_alone() -> None:
    """Neither the network's voice nor the class shares are in them, and of a worker only what may be heard."""
    shot, _ = scene(members=5)
    beliefs = beliefs_of(shot)
    seen = beliefs.vigilance
    assert seen is not None
    taught = [item for item in beliefs.items if item.answers]
    lessons = lessons_of(shot, beliefs, taught)
    found = lessons.likelihoods
    assert found is not None
    said = [(0.1, 0.9) if item.posterior[0] > 0.5 else (0.9, 0.1) for item in taught]
    moved = [replace(item, posterior=belief, suggestion=belief) for item, belief in zip(taught, said, strict=True)]
    assert lessons_of(shot, beliefs, moved).likelihoods == pytest.approx(found, rel=0.02), "but for the caps"
    place = np.full(60, -1)
    place[[int(item.id) - 1 for item in taught]] = np.arange(len(taught))
    weights = lessons_of(shot, replace(beliefs, vigilance=None), taught).weights
    voice = capped(weights, place[shot.answer_item], shot.answer_worker, seen.weight, seen.group).voice
    for at in range(0, len(taught), 7):
        belief = beliefs.pool.prior
        for one in np.flatnonzero(place[shot.answer_item] == at):
            who, heard = shot.answer_worker[one], voice[shot.answer_worker[one]] * seen.weight[one]
            by = beliefs.reliabilities[shot.workers[who]]
            belief = absorb(belief, Evidence(shot.answer_bits[one]), by, beliefs.pool, heard)
        likely = np.array(belief) / np.array(beliefs.pool.prior)
        assert found[at] == pytest.approx(likely / likely.max())


def test_too_many_shared_answers_teach_nothing() -> None:
    shot, _ = scene(members=9)
    beliefs = beliefs_of(shot)
    with pytest.raises(TrainingFailed, match="share answers gave 40%"):
        lessons_of(shot, beliefs, [item for item in beliefs.items if item.answers])
