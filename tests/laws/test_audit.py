"""Laws of the audit: active choice leaves its figures unbiased, and its intervals hold the truth.

Planted bugs seen to fail: audit items placed in the queue by acquisition as all others; weights of the draw left
out of `even`; accuracy of a version read off the crowd's beliefs (too low where answers are few); trust that
forgets what is known; pseudo items left out of `mean_of` (twenty hits of twenty
are certainty).
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audit import UNKNOWN, even, mean_of, shares_of, trust
from core.guesses import other_accuracy
from core.ids import CampaignId, ItemId
from core.item import Content, Item, Medium, NewItem, Role, Verdict, role_of
from core.tomorrow import Tomorrow, worths_of
from tests.laws.test_explain import CAMPAIGN


def pool(n: int, seed: int) -> list[Item]:
    """Fresh items with the roles that their names' hashes give them."""
    found = []
    for at in range(n):
        new = NewItem(f"{seed} {at}", Content(Medium.TEXT, "?"))
        role = role_of("pets", new, 0.2)
        found.append(
            Item(ItemId(at + 1), CampaignId(1), new.name, new.content, role, None, "", Verdict.OPEN, (0.5, 0.3, 0.2))
        )
    return found


@pytest.mark.parametrize("asked", [0.25, 0.5])
def test_active_choice_leaves_the_estimate_unbiased(asked: float) -> None:
    """The queue of tomorrow, asked from its top: audit items there are a fair sample, what acquisition wants is not."""
    rng, errors, naive = np.random.default_rng(4), [], []
    for seed in range(40):
        items, doubt = pool(300, seed), rng.random(300)
        right = rng.random(300) < 1 - 0.6 * doubt  # the version errs where it doubts
        p = np.stack([1 - doubt / 2, doubt / 4, doubt / 4], axis=1)
        tomorrow = Tomorrow(CAMPAIGN, None, 60, ())
        worth = worths_of(tomorrow, items, p, rng.normal(size=(300, 6)), rng)
        top = worth >= np.quantile(worth, 1 - asked)
        audit = np.array([item.role is Role.AUDIT for item in items])
        errors.append(right[top & audit].mean() - right.mean())
        naive.append(right[top & ~audit].mean() - right.mean())
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))
    assert np.mean(naive) < -4 * np.std(naive) / np.sqrt(len(naive))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_where_everything_is_known_the_interval_closes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.random((1, 50)) < 0.7).astype(float)
    found = mean_of(values, rng, population=50)
    assert found.low == pytest.approx(found.value) == found.high == values.mean()
    wide = mean_of(values, rng)
    assert wide.high - wide.low > 0.1


@pytest.mark.parametrize(("p", "n"), [(0.9, 20), (0.95, 60), (0.5, 30)])
def test_intervals_of_known_labels_cover(p: float, n: int) -> None:
    rng, inside = np.random.default_rng(7), 0
    for _ in range(300):
        found = mean_of((rng.random((1, n)) < p).astype(float), rng)
        inside += found.low <= p <= found.high
    assert 0.92 <= inside / 300 <= 0.99


def crowd(rng: np.random.Generator, truth: np.ndarray, prior: np.ndarray, answers: int, right: float) -> np.ndarray:
    """(n, K) beliefs from a few answers of workers who are `right` so often."""
    k = len(prior)
    said = np.where(rng.random((answers, len(truth))) < right, truth, rng.integers(0, k, (answers, len(truth))))
    hit, miss = right + (1 - right) / k, (1 - right) / k
    belief = np.log(prior) + sum(np.where(np.arange(k) == row[:, None], np.log(hit), np.log(miss)) for row in said)
    belief = np.exp(belief - belief.max(axis=1, keepdims=True))
    return belief / belief.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("answers", [1, 3])
def test_a_version_is_judged_right_however_few_answers_there_are(answers: int) -> None:
    prior, inside, bias = np.array([0.6, 0.3, 0.1]), 0, []
    rng = np.random.default_rng(11)
    for _ in range(150):
        truth = rng.choice(3, 120, p=prior)
        guess = np.where(rng.random(120) < 0.8, truth, (truth + rng.integers(1, 3, 120)) % 3)
        found = other_accuracy(crowd(rng, truth, prior, answers, 0.6)[None], guess, prior, rng)
        inside += found.low <= 0.8 <= found.high
        bias.append(found.value - 0.8)
    assert inside / 150 >= 0.9 and abs(np.mean(bias)) < 0.04


def test_shares_are_those_of_the_items_not_of_the_prior() -> None:
    rng, prior, shares = np.random.default_rng(3), np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    inside, first = 0, []
    for _ in range(100):
        truth = rng.choice(3, 150, p=shares)
        found = shares_of(crowd(rng, truth, prior, 2, 0.6)[None], prior, rng)
        inside += sum(one.low <= share <= one.high for one, share in zip(found, shares, strict=True))
        first.append(found[0].value)
    assert inside / 300 >= 0.9 and np.mean(first) == pytest.approx(0.2, abs=0.03)


@settings(deadline=None, max_examples=15)
@given(n=st.integers(2, 40), seed=st.integers(0, 99))
def test_relabelling_relabels_shares(n: int, seed: int) -> None:
    belief = np.random.default_rng(seed).dirichlet(np.ones(3), n)[None]
    turned = belief[:, :, [2, 0, 1]]
    a = [one.value for one in shares_of(belief, [0.5, 0.3, 0.2], np.random.default_rng(1))]
    b = [one.value for one in shares_of(turned, [0.2, 0.5, 0.3], np.random.default_rng(1))]
    assert b == pytest.approx([a[2], a[0], a[1]]) and sum(a) == pytest.approx(1)


def test_more_known_items_narrow_the_trust() -> None:
    rng = np.random.default_rng(2)
    q = np.tile([0.9, 0.1], (400, 1))
    truth = (rng.random(400) >= 0.9).astype(np.int64)
    few, many = trust(q[:5], truth[:5], rng, 400), trust(q, truth, rng, 400)
    assert many.of(q[:1])[:, 0, 0].std() < 0.5 * few.of(q[:1])[:, 0, 0].std()
    told = many.of(q[:2], np.array([1, -1]))
    assert (told[:, 0] == [0.0, 1.0]).all() and (told[:, 1, 0] < 1).all()


def test_weights_undo_the_draw() -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(4000) < 0.3
    chance = np.where(hard, 0.8, 0.2)
    drawn = rng.random(4000) < chance
    found = even((~hard[drawn]).astype(float), chance[drawn], rng)
    assert found.low < 0.7 < found.high and (~hard[drawn]).mean() < 0.45


def test_nothing_to_judge_by_is_unknown() -> None:
    rng = np.random.default_rng(0)
    assert str(mean_of(np.zeros((3, 0)), rng)) == str(UNKNOWN)
    assert str(other_accuracy(np.zeros((3, 0, 2)), np.zeros(0, dtype=np.int64), [0.5, 0.5], rng)) == str(UNKNOWN)
