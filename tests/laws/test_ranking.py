"""Laws of the ranking: answers "A" and "B" become comparisons of what stood on either side.

Planted bugs that these were seen to catch: the first side wins whatever is said; sides by their place in the labels and
not by their letter; withdrawn items that count; a ring that counts as often as it has members; "not sure" as a vote.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.campaign import Campaign, CampaignState, Draft
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.ports import Snapshot
from core.ranking import compares, comparisons, ranking, sides_of
from core.reliability import Pool

LABELS = ("equal", "B better", "A better")  # bits 1, 2, 4
A, B, UNSURE = 4, 2, 7
THINGS = 6


def snapshot(seed: int, workers: int = 8, ring: int = 0) -> Snapshot:
    """Everybody compares all pairs, on random sides: a higher number is better, and each errs one time in ten.

    The last `ring` workers copy each other's guesses.
    """
    rng = np.random.default_rng(seed)
    pairs = [(i, j) if rng.random() < 0.5 else (j, i) for i in range(THINGS) for j in range(i)] * 3
    items = [
        Item(ItemId(at + 1), CampaignId(1), f"p{at}", Content(Medium.PAIR, "x", other="y", sides=(f"t{i}", f"t{j}")),
             Role.PLAIN, None, "", Verdict.OPEN, (1 / 3,) * 3, answers=workers)
        for at, (i, j) in enumerate(pairs)
    ]  # fmt: skip
    item, worker = np.divmod(np.arange(len(items) * workers), workers)
    better = np.array([i > j for i, j in pairs])[item]
    honest = better == (rng.random(len(item)) < 0.9)
    first = np.where(worker >= workers - ring, (rng.random(len(items)) < 0.5)[item], honest)
    draft = Draft("tea", "Tea", "Which?", LABELS)
    campaign = Campaign(CampaignId(1), draft, CampaignState.OPEN, datetime(2026, 11, 1, tzinfo=UTC), Pool.fresh(3))
    return Snapshot(
        campaign, items, [WorkerId(at + 1) for at in range(workers)], item, worker,
        [A if one else B for one in first], np.full(len(item), 4000),
    )  # fmt: skip


@given(st.integers(0, 200))
def test_the_better_things_come_first(seed: int) -> None:
    found = ranking(snapshot(seed))
    assert [place.name for place in found] == ["t5", "t4", "t3", "t2", "t1", "t0"]
    assert [place.comparisons for place in found] == [5 * 3 * 8] * 6 and all(place.deviation > 0 for place in found)
    scores = [place.score for place in found]
    assert scores == sorted(scores, reverse=True) and abs(sum(scores)) < 1e-3


@given(st.integers(0, 200))
def test_sides_and_what_says_nothing_change_nothing(seed: int) -> None:
    """Sides turned round with their answers; withdrawn items and unsure answers beside the others."""
    plain = snapshot(seed)
    turned = [
        replace(item, content=replace(item.content, sides=item.content.sides[::-1])) for item in plain.items
    ]
    bits = [A + B - said for said in plain.answer_bits]
    assert names_and_scores(replace(plain, items=turned, answer_bits=bits)) == names_and_scores(plain)
    third = len(plain.items) // 3
    gone = [replace(item, verdict=Verdict.WITHDRAWN) if at < third else item for at, item in enumerate(plain.items)]
    unsure = [UNSURE if at < third else said for at, said in zip(plain.answer_item, plain.answer_bits, strict=True)]
    equal = [1 if at < third else said for at, said in zip(plain.answer_item, plain.answer_bits, strict=True)]
    rest = names_and_scores(replace(plain, items=gone))
    assert names_and_scores(replace(plain, answer_bits=unsure)) == rest
    assert names_and_scores(replace(plain, answer_bits=equal)) == rest != names_and_scores(plain)


def names_and_scores(found: Snapshot) -> list[tuple[str, float]]:
    return [(place.name, round(place.score, 2)) for place in ranking(found)]


def test_a_ring_has_one_vote() -> None:
    """Four of twelve who copy one guesser's answers weigh as much as one who guesses, and are one to the beliefs."""
    _, table = comparisons(snapshot(1, workers=12, ring=4))
    voices, rows = np.unique(table.worker, return_counts=True)
    assert table.weight is not None and sorted(rows.tolist()) == [45] * 8 + [180]
    weights = np.bincount(table.worker, table.weight)[voices]
    np.testing.assert_allclose(weights, 45)


@pytest.mark.parametrize(
    ("labels", "sides"),
    [
        (("A", "B"), (0, 1)), (("B is better", "A is better"), (1, 0)), (("A 更好", "B更好", "一样"), (0, 1)),
        (("“A”", "“B”", "neither"), (0, 1)), (("same", "different"), None), (("Apple", "Banana"), None),
        (("A lot", "A little", "B"), None), (("a", "b"), (0, 1)), (("A1", "B1"), None),
    ],
)  # fmt: skip
def test_labels_about_two_sides(labels: tuple[str, ...], sides: tuple[int, int] | None) -> None:
    assert sides_of(labels) == sides
    plain = snapshot(0)
    campaign = replace(plain.campaign, draft=replace(plain.campaign.draft, labels=labels))
    assert compares(campaign) == (sides is not None)


def test_nothing_compared_is_no_ranking() -> None:
    plain = snapshot(0)
    nameless = [replace(item, content=replace(item.content, sides=())) for item in plain.items]
    assert ranking(replace(plain, items=nameless)) == []
    silent = replace(plain, answer_item=np.zeros(0, dtype=np.int64), answer_worker=np.zeros(0, dtype=np.int64),
                     answer_bits=[], latency_ms=np.zeros(0, dtype=np.int64))  # fmt: skip
    assert [place.comparisons for place in ranking(silent)] == [0] * 6
