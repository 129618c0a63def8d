"""Laws of acquisition: worth, diversity, near-duplicates, and the queue of tomorrow.

Each law has been seen to fail on the bug that its docstring names.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.acquisition import (
    ALIKE,
    STRATEGIES,
    TWIN,
    View,
    asked_last,
    disagreement,
    entropies,
    margins,
    originals,
    plain,
    rarity,
    repeats,
    worth_of,
)
from core.administration import in_places
from core.campaign import Campaign, CampaignState, Draft
from core.ids import CampaignId, ItemId, VersionId
from core.item import Content, Item, Medium, NewItem, Role, Verdict
from core.reliability import Pool
from core.tomorrow import Tomorrow, expected, gathered, hears, queued, worths_of
from core.version import Scores

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CHOSEN = sorted(set(STRATEGIES) - {"chance"})
POINTWISE = ("entropy", "margin", "disagreement", "rarity")


def view(seed: int, n: int, k: int = 4, d: int = 6, width: type = np.float64) -> View:
    rng = np.random.default_rng(seed)
    heads = rng.dirichlet(np.ones(k), (3, n))
    points: np.ndarray = rng.normal(size=(n, d)).astype(width)
    return View(heads.mean(axis=0), points, heads, rng.dirichlet(np.ones(k)))


def clusters(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(300, 2) probabilities, (300, 4) embeddings in six groups, (300,) groups; the first is ten times as large."""
    group = np.r_[np.zeros(200, int), np.repeat(np.arange(1, 6), 20)]
    embeddings = rng.normal(0, 0.1, (300, 4)) + 5 * rng.normal(0, 1, (6, 4))[group]
    p = rng.uniform(0.05, 0.95, 300)
    return np.stack([p, 1 - p], axis=1), embeddings, group


@settings(deadline=None, max_examples=30)
@given(name=st.sampled_from(sorted(STRATEGIES)), n=st.integers(0, 40), batch=st.integers(1, 50), seed=st.integers(0, 9))
def test_worth_lies_between_nothing_and_one(name: str, n: int, batch: int, seed: int) -> None:
    """Planted bug seen to fail: `placed` without its clip, with a doubt of 1.2 from heads that disagree too much."""
    seen = view(seed, n)
    for one in (seen, replace(seen, embeddings=np.zeros((n, 2)))):  # all embeddings alike
        worth = STRATEGIES[name](one, batch, np.random.default_rng(seed))
        assert worth.shape == (n,) and np.isfinite(worth).all()
        assert (worth >= 0).all() and (worth <= 1).all()


@given(name=st.sampled_from(POINTWISE), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_another_order_of_items_is_the_same_worth_in_that_order(name: str, n: int, seed: int) -> None:
    """Planted bug seen to fail: margins that sort the column of items instead of the row of labels."""
    seen, order = view(seed, n), np.random.default_rng(seed).permutation(n)
    assert seen.heads is not None
    turned = View(seen.probabilities[order], seen.embeddings[order], seen.heads[:, order], seen.shares)
    rng = np.random.default_rng(0)
    assert STRATEGIES[name](turned, 3, rng) == pytest.approx(STRATEGIES[name](seen, 3, rng)[order])


@pytest.mark.parametrize("name", CHOSEN)
@settings(deadline=None, max_examples=10)
@given(n=st.integers(10, 30), seed=st.integers(0, 99))
def test_other_names_of_labels_change_no_worth(name: str, n: int, seed: int) -> None:
    """Planted bug seen to fail: gradients that take label 0 for the likeliest."""
    seen, order = view(seed, n), np.random.default_rng(seed).permutation(4)
    assert seen.heads is not None and seen.shares is not None
    renamed = View(seen.probabilities[:, order], seen.embeddings, seen.heads[:, :, order], seen.shares[order])
    found = [STRATEGIES[name](one, 5, np.random.default_rng(seed)) for one in (seen, renamed)]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


@pytest.mark.parametrize("name", ["groups", "gradients", "typicality"])
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 99), batch=st.integers(2, 12))
def test_a_batch_holds_no_item_beside_its_copy(name: str, seed: int, batch: int) -> None:
    """Planted bugs seen to fail: gradients drawn by their length alone; every item of a group among the first."""
    rng = np.random.default_rng(seed)
    half = view(seed, 20)
    doubled = View(np.tile(half.probabilities, (2, 1)), np.tile(half.embeddings, (2, 1)))
    worth = STRATEGIES[name](doubled, batch, rng)
    first = np.flatnonzero(worth > 0.5)
    assert len(first) and len(set(first % 20)) == len(first)


def test_the_best_of_a_batch_differ_from_one_another() -> None:
    """Planted bug seen to fail: worth without its first half (doubt alone takes two thirds from the large group)."""
    rng = np.random.default_rng(2)
    probabilities, embeddings, group = clusters(rng)
    best = np.argsort(-worth_of(probabilities, embeddings, 6, rng))[:6]
    assert len(set(group[best])) >= 5
    assert margins(probabilities)[best].mean() > margins(probabilities).mean()


@pytest.mark.parametrize("width", [np.float16, np.float32, np.float64])
def test_the_width_of_the_numbers_changes_nothing_that_matters(width: type) -> None:
    """Planted bug seen to fail: squares of half-precision rows summed in half precision (they overflow at 65,504)."""
    rng = np.random.default_rng(2)
    probabilities, embeddings, _ = clusters(rng)
    wide = 40 * embeddings
    narrow: np.ndarray = wide.astype(width)
    found = [worth_of(probabilities, one, 6, np.random.default_rng(0)) for one in (wide, narrow)]
    assert found[0].tolist() == found[1].tolist()


def test_doubt_is_measured_as_its_papers_say() -> None:
    """Planted bug seen to fail: disagreement as the entropy of the mean alone; entropy in nats, not as a share."""
    sure, even, torn = [0.98, 0.01, 0.01], [1 / 3] * 3, [0.5, 0.5, 0.0]
    assert entropies(np.array([sure, even, torn])) == pytest.approx([0.1019, 1.0, 0.6309], abs=1e-3)
    assert margins(np.array([sure, even, torn])) == pytest.approx([0.03, 1.0, 1.0])
    agree, differ = np.array([[torn], [torn]]), np.array([[[1.0, 0, 0]], [[0, 1.0, 0]]])
    assert disagreement(agree) == pytest.approx([0.0], abs=1e-9)
    assert disagreement(differ) == pytest.approx([np.log(2) / np.log(3)])
    assert disagreement(np.array([[even]])) == pytest.approx([0.0], abs=1e-9)
    rare = rarity(np.eye(3), np.array([0.7, 0.25, 0.05]))
    assert rare[2] == 1 and rare[0] < rare[1] < rare[2]


def test_typical_items_come_first_in_a_cold_start() -> None:
    """Planted bug seen to fail: the item with the farthest neighbours of each group."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 50)
    points = rng.normal(0, 1, (150, 3)) + 30 * np.eye(3)[group]
    worth = STRATEGIES["typicality"](View(np.full((150, 2), 0.5), points), 3, rng)
    first = np.flatnonzero(worth > 0.5)
    assert sorted(group[first]) == [0, 1, 2]
    radius = np.linalg.norm(points - 30 * np.eye(3)[group], axis=1)
    assert radius[first].max() < np.median(radius)


def copies(seed: int, n: int, turned: float) -> np.ndarray:
    """n random directions from a point far from the origin, then each of them turned by the angle of this cosine."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(n, 64)), rng.normal(size=(n, 64))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    other -= (one * other).sum(axis=1, keepdims=True) * one
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    return 3.0 + np.vstack([one, turned * one + np.sqrt(1 - turned**2) * other])


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 999), n=st.integers(20, 60))
def test_near_duplicates_are_found_and_others_are_not(seed: int, n: int) -> None:
    """Planted bugs seen to fail: signatures compared in one sort order only; cosines of rows that are not centred."""
    twins = originals(copies(seed, n, 1 - 0.7 * ALIKE).astype(np.float32))
    assert (twins[:n] == np.arange(n)).all() and (twins[n:] == np.arange(n)).all()
    apart = originals(copies(seed, n, 1 - 1.5 * ALIKE))
    assert (apart == np.arange(2 * n)).all()


def test_an_original_is_never_a_twin_itself() -> None:
    """Planted bug seen to fail: chains (a is like b, b like c) that make c a twin of b, a twin."""
    angles = np.arange(40) * 0.15  # neighbours are alike, their neighbours are not
    found = originals(np.stack([np.cos(angles), np.sin(angles)], axis=1), alike=1 - float(np.cos(0.16)))
    assert (found[found] == found).all() and (found != np.arange(40)).sum() == 20


def test_twins_wait_unless_they_were_begun() -> None:
    """Planted bug seen to fail: begun twins that lose their place."""
    late = asked_last(np.array([0.9, 0.8, 0.7]), np.array([0, 0, 0]), [False, False, True])
    assert late.tolist() == [0.9, 0.8 / TWIN, 0.7]


def test_texts_repeat_whatever_their_case_space_and_signs() -> None:
    """Planted bug seen to fail: `lower` in place of `casefold` and NFKC (the long s, full-width letters)."""
    texts = ["The  cat", "the cat", "\uff34\uff28\uff25 cat\u00a0", "a cat", "", "", "Stra\u00dfe", "STRASSE"]
    assert repeats(texts) == [False, True, True, False, False, False, False, True]
    assert plain(" A\tb ") == "a b"


def campaign(labels: int = 2) -> Campaign:
    draft = Draft("pets", "Pets", "?", tuple("abcdefgh"[:labels]))
    return Campaign(CampaignId(1), draft, CampaignState.OPEN, NOW, Pool.fresh(labels))


def item(n: int, **changes: object) -> Item:
    made = Item(ItemId(n), CampaignId(1), f"i{n}", Content(Medium.TEXT, f"text {n}"), Role.PLAIN, None, "",
                Verdict.OPEN, (0.5, 0.5))  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def tomorrow(**changes: object) -> Tomorrow:
    return replace(Tomorrow(campaign(), VersionId("v1"), 10, frozenset()), **changes)  # type: ignore[arg-type]


def test_only_items_without_any_answer_hear_a_version() -> None:
    """Planted bugs seen to fail: `hears` without each of its four conditions, one at a time."""
    assert hears(tomorrow(), item(1))
    assert not hears(tomorrow(), item(1, answers=1))
    assert not hears(tomorrow(retracted=frozenset({ItemId(1)})), item(1))
    assert not hears(tomorrow(), item(1, role=Role.AUDIT))
    assert not hears(tomorrow(voice=None), item(1))


def test_what_was_heard_before_the_first_answer_stays() -> None:
    """Planted bug seen to fail: answered items that take tonight's suggestion, of a version that learnt from them."""
    rng = np.random.default_rng(0)
    begun = item(1, answers=1, suggestion=(0.6, 0.4), spoken=VersionId("v0"))
    parts = iter([Scores(np.array([[0.1, 0.9], [0.2, 0.8]]), rng.normal(size=(2, 3)))])
    found = queued(tomorrow(), [begun, item(2)], parts, rng)
    assert found[ItemId(1)].suggestion == (0.6, 0.4) and found[ItemId(1)].spoken == "v0"
    assert found[ItemId(2)].suggestion == (0.2, 0.8) and found[ItemId(2)].spoken == "v1"
    assert found[ItemId(2)].posterior[1] > 0.6


def test_one_version_chooses_and_another_one_is_heard() -> None:
    """Planted bugs seen to fail: the chooser's suggestions; the voice's doubts."""
    rng = np.random.default_rng(0)
    doubt = np.array([0.55, 0.99, 0.98, 0.97])
    eyes, voice = (np.stack([p, 1 - p], axis=1) for p in (doubt, np.array([0.9, 0.5, 0.1, 0.2])))
    where = rng.normal(size=(4, 3))
    found = queued(tomorrow(batch=1), [item(n) for n in range(4)], iter([Scores(eyes, where)]), rng,
                   iter([Scores(voice, where)]))  # fmt: skip
    assert [found[ItemId(n)].suggestion for n in range(4)] == [tuple(row) for row in voice.tolist()]
    assert max(found.values(), key=lambda one: one.worth).id == 0


def test_what_a_version_thinks_does_not_place_audit_items() -> None:
    """Planted bug seen to fail: audit items with the worth that acquisition gives them."""
    rng = np.random.default_rng(1)
    pool = [item(n, role=Role.AUDIT if n % 4 == 0 else Role.PLAIN) for n in range(400)]
    doubt = rng.uniform(0.5, 1, 400)
    p = np.stack([doubt, 1 - doubt], axis=1)
    worth = worths_of(tomorrow(), pool, p, rng.normal(size=(400, 8)), rng)
    audit = np.arange(400) % 4 == 0
    assert abs(np.corrcoef(worth[audit], margins(p)[audit])[0, 1]) < 0.25
    assert np.corrcoef(worth[~audit], margins(p)[~audit])[0, 1] > 0.5
    assert worth[audit].mean() == pytest.approx(worth[~audit].mean(), abs=0.05)


def test_twins_are_asked_last_and_stay_so_when_their_original_has_closed() -> None:
    """Planted bug seen to fail: a twin that is found anew each night among the open items only."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(20, 16))
    points[7] = points[2]
    p = rng.dirichlet([1, 1], 20)
    pool = [item(n) for n in range(20)]
    first = worths_of(tomorrow(), pool, p, points, rng)
    assert first[7] == first.min() <= 1 / TWIN < first[2]
    left = [replace(one, worth=worth) for one, worth in zip(pool, first.tolist(), strict=True) if one.id != 2]
    keep = np.arange(20) != 2
    second = worths_of(tomorrow(), left, p[keep], points[keep], rng)
    assert second.argmin() == 6 and second[6] <= 1 / TWIN


@settings(deadline=None, max_examples=10)
@given(names=st.lists(st.text("abc", min_size=1, max_size=6), min_size=2, max_size=30, unique=True))
def test_an_import_is_asked_in_no_order_of_the_file_and_repeats_wait(names: list[str]) -> None:
    """Planted bugs seen to fail: worth by position in the file; an audit item that waits for its copy."""
    items = [NewItem(name, Content(Medium.TEXT, "same" if at % 2 else f"text {name}")) for at, name in enumerate(names)]
    roles = [Role.PLAIN] * len(items)
    placed = {one.name: one.worth for one in in_places("pets", items, roles)}
    single = {one.name: in_places("pets", [one], [Role.PLAIN])[0].worth for one in items}
    repeated = [one.name for one in items if one.content.text == "same"][1:]
    assert all(placed[name] == (single[name] / TWIN if name in repeated else single[name]) for name in names)
    assert all(one.worth >= 0.25 for one in in_places("pets", items, [Role.AUDIT] * len(items)))


def test_a_batch_is_what_the_last_day_taught() -> None:
    """Planted bug seen to fail: a batch of all that was ever taught."""
    assert (expected(500, 380), expected(500, 490), expected(40, 0)) == (120, 32, 40)


def test_parts_are_gathered_in_their_order_in_half_precision() -> None:
    """Planted bug seen to fail: parts written over one another."""
    parts = [Scores(np.full((2, 2), 0.5), np.full((2, 3), float(at))) for at in range(3)]
    found = gathered(iter(parts), 2, 6)
    assert found.embeddings.dtype == np.float16 and found.embeddings[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert gathered(iter([]), 2, 0).probabilities.shape == (0, 2)
