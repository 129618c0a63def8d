"""Laws of the forecast.

Planted bugs seen to fail: a need that is counted in items left instead of items to settle (nothing left is never
nothing to do); a target out of reach that is given a price; days divided by the sum of the days instead of their
mean; a stop rule that settles at a confidence of its own (a stricter campaign costs no more); an interval over all
futures, whether they reach the goal or not (no upper end); a chance of one wherever a future reaches it; a calibration
that moves to where its doubt lies, which later refits will not learn; doubt that is as large near the goal as far from
it; items that count as settled until the next refit, left out; days known as well from one as from thirty.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audit import Trust
from core.campaign import Policy
from core.forecast import Forecast, forecast
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.moves import LEVELS, Moves, level_of, played
from core.ports import Beliefs, Snapshot
from core.refit import beliefs_of
from tests.laws.test_explain import CAMPAIGN

TRUST = Trust(np.array([1.2, 1.3, 1.4]), np.array([0.0, 0.01, 0.02]), np.array([0, 1, 2]))


def state(items: int, answered: int, each: int, policy: Policy, seed: int = 0) -> tuple[Snapshot, Beliefs]:
    """A campaign of `items`, the first `answered` of them with `each` answers of eight workers right 4 times in 5."""
    rng = np.random.default_rng(seed)
    campaign = replace(CAMPAIGN, draft=replace(CAMPAIGN.draft, policy=policy))
    prior = campaign.pool.prior
    made = [
        Item(ItemId(n + 1), CampaignId(1), f"i{n}", Content(Medium.TEXT, "?"), Role.PLAIN, None, "", Verdict.OPEN,
             prior, answers=each if n < answered else 0)
        for n in range(items)
    ]  # fmt: skip
    truth = rng.integers(0, 3, answered)
    item = np.repeat(np.arange(answered), each)
    worker = np.concatenate([rng.permutation(8)[:each] for _ in range(answered)] or [np.zeros(0)]).astype(np.int64)
    label = np.where(rng.random(len(item)) < 0.8, truth[item], rng.integers(0, 3, len(item)))
    snapshot = Snapshot(
        campaign, made, [WorkerId(n + 1) for n in range(8)], item, worker, [1 << int(k) for k in label],
        np.full(len(item), 900, dtype=np.int64),
    )  # fmt: skip
    return snapshot, beliefs_of(snapshot)


def asked(snapshot: Snapshot, beliefs: Beliefs, **more: float) -> Forecast:
    return forecast(snapshot, beliefs, TRUST, [100, 80, 120], np.random.default_rng(1), **more)


def test_more_to_do_takes_more() -> None:
    snapshot, beliefs = state(200, 60, 3, Policy(max_overlap=8, pay=10))
    less, more = asked(snapshot, beliefs, share=0.5), asked(snapshot, beliefs, share=0.9)
    assert 0 < less.answers.value < more.answers.value
    assert more.answers.low < more.answers.value < more.answers.high
    assert more.days is not None and more.days.value == pytest.approx(more.answers.value / 100, rel=0.25)
    assert more.cost.value == pytest.approx(more.answers.value * 10, rel=1e-6)


def test_what_is_reached_needs_nothing() -> None:
    snapshot, beliefs = state(60, 60, 6, Policy(max_overlap=7, confidence=0.6))
    done = asked(snapshot, beliefs, share=0.3, accuracy=0.4)
    assert done.answers.value == done.answers_to_accuracy.value == 0 and done.reach.value > 0.8


def test_what_the_limits_forbid_is_never_reached() -> None:
    snapshot, beliefs = state(200, 80, 2, Policy(min_overlap=2, max_overlap=2, confidence=0.99, pay=5))
    found = asked(snapshot, beliefs, share=0.95)
    assert math.isinf(found.answers.value) and found.answers.chance == 0 and found.reach.high < 0.95
    assert math.isinf(found.cost.low) and found.days is not None and found.days.chance == 0


def test_a_goal_in_doubt_has_a_chance_and_a_closed_interval() -> None:
    snapshot, beliefs = state(200, 80, 3, Policy(max_overlap=6, confidence=0.95))
    reach = asked(snapshot, beliefs).reach
    sure, perhaps, hardly = (
        asked(snapshot, beliefs, share=share).answers for share in (reach.low / 2, reach.value, reach.high)
    )
    assert perhaps.low < perhaps.value < perhaps.high < math.inf
    assert sure.chance == 1 and 0.3 < perhaps.chance < 0.7 and 0 < hardly.chance < 0.2


def doubted(temperature: float, spread: float) -> Trust:
    warm = temperature * np.exp(np.linspace(-spread, spread, 64))
    return Trust(warm, np.full(64, 0.01), np.array([0, 1, 2]))


def test_doubt_widens_the_interval_and_moves_nothing() -> None:
    snapshot, beliefs = state(300, 120, 4, Policy(max_overlap=5, confidence=0.95))
    sure, unsure, elsewhere = (
        forecast(snapshot, beliefs, trust, [100], np.random.default_rng(1))
        for trust in (doubted(1.3, 0.0), doubted(1.3, 0.9), doubted(2.6, 0.9))
    )
    assert unsure.reach.high - unsure.reach.low > 1.5 * (sure.reach.high - sure.reach.low)
    assert elsewhere.reach.value == pytest.approx(unsure.reach.value, rel=1e-6)


def test_doubt_is_less_near_the_goal() -> None:
    trust, policy = doubted(1.3, 0.9), Policy(max_overlap=5, confidence=0.95)
    snapshot, beliefs = state(300, 120, 4, policy)
    settled = sum(item.verdict is Verdict.SETTLED for item in beliefs.items) / 300
    far, near = (
        forecast(snapshot, beliefs, trust, [100], np.random.default_rng(1), share=share).reach
        for share in (0.95, settled + 0.01)
    )
    assert near.high - near.low < 0.7 * (far.high - far.low)


def test_what_settles_early_counts_at_the_goal_as_it_counts_now() -> None:
    snapshot, beliefs = state(200, 100, 3, Policy(max_overlap=8))
    settled = sum(item.verdict is Verdict.SETTLED for item in beliefs.items)
    verdicts = [Verdict.SETTLED if n < settled + 20 else Verdict.OPEN for n in range(200)]
    day = [replace(item, verdict=verdict) for item, verdict in zip(snapshot.items, verdicts, strict=True)]
    night, early = asked(snapshot, beliefs, share=0.8), asked(replace(snapshot, items=day), beliefs, share=0.8)
    still = 0.8 * 200 - settled
    assert early.answers.value == pytest.approx(night.answers.value * (still - 20) / still, rel=0.05)
    assert early.reach == night.reach


def test_a_few_days_tell_less_than_many() -> None:
    snapshot, beliefs = state(200, 60, 3, Policy(max_overlap=8))
    few, many = (
        forecast(snapshot, beliefs, TRUST, a_day, np.random.default_rng(1), share=0.8).days
        for a_day in ([100], [90, 110] * 15)
    )
    assert few is not None and many is not None
    assert few.value == pytest.approx(many.value, rel=0.2)
    assert few.high / few.low > 1.5 * many.high / many.low


def test_a_stricter_campaign_costs_more() -> None:
    loose, strict = (
        asked(*state(200, 0, 3, Policy(max_overlap=12, confidence=confidence)), share=0.3)
        for confidence in (0.8, 0.95)
    )
    assert strict.answers.value > 1.2 * loose.answers.value


def test_nobody_has_answered_yet() -> None:
    snapshot, beliefs = state(100, 0, 3, Policy(max_overlap=8))
    found = forecast(snapshot, beliefs, TRUST, [], np.random.default_rng(1), share=0.4)
    assert found.days is None and 80 < found.answers.value < 400


@settings(deadline=None, max_examples=25)
@given(counts=st.lists(st.integers(0, 200), min_size=LEVELS, max_size=LEVELS), seed=st.integers(0, 99))
def test_nobody_is_lost_on_the_way(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    settles = rng.random((7, LEVELS)) * 0.5
    moves = Moves(rng.random((2, LEVELS, LEVELS)), settles, np.zeros((7, LEVELS)), np.linspace(0.3, 1, LEVELS))
    standing = np.zeros((7, LEVELS), dtype=np.int64)
    standing[0] = counts
    found = played(moves, standing, rng, draws=20)
    total = sum(counts)
    assert (found.settled <= total).all() and (found.answers >= total).all() and (found.answers <= 6 * total).all()


def test_a_million_items_cost_what_a_thousand_do() -> None:
    rng = np.random.default_rng(0)
    moves = Moves(np.ones((2, LEVELS, LEVELS)), np.full((7, LEVELS), 0.3), np.zeros((7, LEVELS)), np.ones(LEVELS))
    standing = np.zeros((7, LEVELS), dtype=np.int64)
    standing[0, 3] = 1_000_000
    found = played(moves, standing, rng, draws=10)
    standing[0, 3] = 1000
    small = played(moves, standing, rng, draws=10)
    assert (found.answers / 1e6).mean() == pytest.approx((small.answers / 1e3).mean(), rel=0.05)


def test_levels_rise_with_certainty() -> None:
    top = np.linspace(0.35, 0.999, 40)
    levels = level_of(np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1))
    assert (np.diff(levels) >= 0).all() and levels[0] < 2 and levels[-1] > 10
