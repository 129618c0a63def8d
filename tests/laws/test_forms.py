"""Laws of forms: what a tap may mean, whatever the form and the order of its buttons.

Planted bugs seen to fail: "none of these" that leaves a shown label possible; a label's choice that counts from the
group instead of from all labels; a group's choice one group off; a list that shows a label twice; a control whose own
label is always on the list; groups that forget a label.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import effort
from core.campaign import Draft, Policy
from core.errors import BadInput
from core.evidence import Evidence
from core.forms import Form, Layout, choice_of, choice_of_group, choice_of_label, choices, evidence_of
from core.grouping import Group, grouped, ranges, title
from core.posterior import absorb
from core.reliability import Pool, Reliability, learnt, likelihood
from core.routing import dressed, laid_out
from core.worth import Way

sizes = st.integers(2, 14)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Layout, int, tuple[Group, ...]]:
    """A layout that a campaign can make, its number of labels, its groups."""
    k = draw(st.integers(3, 14))
    form = draw(st.sampled_from([Form.ALL, Form.SHORT, Form.YES_NO, Form.GROUPS]))
    size = {Form.ALL: k, Form.YES_NO: 1}.get(form, draw(st.integers(0 if form is Form.GROUPS else 1, k - 1)))
    shown = tuple(draw(st.permutations(range(k)))[:size])
    return Layout(form, tuple(range(k)) if form is Form.ALL else shown), k, ranges(k, draw(st.integers(2, 5)))


def worker(k: int, taps: list[int]) -> tuple[Reliability, Pool]:
    pool = Pool.fresh(k)
    found = Reliability.newcomer(pool)
    for at, tap in enumerate(taps):
        truth = tuple(float(label == at % k) for label in range(k))
        found = learnt(found, truth, Evidence.of(tap % k), pool)
    return found, pool


def meanings(layout: Layout, k: int) -> list[Evidence]:
    """What somebody who has a label in mind may tap: one evidence for each reachable choice."""
    return list({evidence_of(layout, choice_of(layout, label, k), k) for label in range(k)})


@given(made=layouts(), taps=st.lists(st.integers(0, 20), max_size=12))
def test_the_likelihoods_of_what_can_be_tapped_sum_to_one(made: tuple, taps: list[int]) -> None:  # type: ignore[type-arg]
    layout, k, _ = made
    who, pool = worker(k, taps)
    total = [sum(column) for column in zip(*(likelihood(e, who, pool) for e in meanings(layout, k)), strict=True)]
    assert total == pytest.approx([1.0] * k)


@given(made=layouts())
def test_what_can_be_tapped_covers_the_labels_and_every_label_once(made: tuple) -> None:  # type: ignore[type-arg]
    layout, k, _ = made
    found = [label for evidence in meanings(layout, k) for label in evidence.labels()]
    assert sorted(found) == list(range(k))
    for label in range(k):
        assert label in evidence_of(layout, choice_of(layout, label, k), k)


@given(made=layouts(), seed=st.integers(0, 99))
def test_the_order_of_the_buttons_never_changes_what_a_wording_means(made: tuple, seed: int) -> None:  # type: ignore[type-arg]
    layout, k, groups = made
    shuffled = list(layout.shown)
    random.Random(seed).shuffle(shuffled)
    other = Layout(layout.form, tuple(shuffled))
    for label in range(k):
        assert evidence_of(layout, choice_of(layout, label, k), k) == evidence_of(other, choice_of(other, label, k), k)
    count = choices(layout, k, len(groups))
    every = Counter(evidence_of(layout, choice, k, groups) for choice in range(count))
    assert every == Counter(evidence_of(other, choice, k, groups) for choice in range(count))


@given(made=layouts())
def test_pages_mean_the_labels_and_groups_that_they_show(made: tuple) -> None:  # type: ignore[type-arg]
    layout, k, groups = made
    if layout.form is Form.GROUPS:
        for at, group in enumerate(groups):
            assert evidence_of(layout, choice_of_group(layout, at, k), k, groups) == Evidence.among(group.labels)
            for label in group.labels:
                assert evidence_of(layout, choice_of_label(layout, label), k, groups) == Evidence.of(label)
    for beyond in (-1, choices(layout, k, len(groups))):
        with pytest.raises(ValueError):
            evidence_of(layout, beyond, k, groups)


@given(made=layouts(), taps=st.lists(st.integers(0, 20), max_size=8), skew=st.integers(0, 13))
def test_what_is_expected_to_be_believed_is_what_is_believed(made: tuple, taps: list[int], skew: int) -> None:  # type: ignore[type-arg]
    """The martingale: the mean of the belief after the tap, over what may be tapped, is the belief before it."""
    layout, k, _ = made
    who, pool = worker(k, taps)
    prior = tuple((3.0 if label == skew % k else 1.0) / (k + 2) for label in range(k))
    mean = [0.0] * k
    for evidence in meanings(layout, k):
        chance = sum(p * c for p, c in zip(prior, likelihood(evidence, who, pool), strict=True))
        after = absorb(prior, evidence, who, pool)
        mean = [m + chance * q for m, q in zip(mean, after, strict=True)]
    assert mean == pytest.approx(prior, abs=1e-6)


@given(k=st.integers(9, 40), shown=st.integers(2, 8), seed=st.integers(0, 999))
def test_a_list_shows_the_likeliest_and_one_at_random_in_random_order(k: int, shown: int, seed: int) -> None:
    posterior = [1.0 / (at + 1) for at in range(k)]
    layout = laid_out(Way(Form.SHORT, shown), posterior, random.Random(seed))
    assert len(layout.shown) == shown and set(range(shown - 1)) <= set(layout.shown)
    orders = {laid_out(Way(Form.SHORT, 4), posterior, random.Random(one)).shown for one in range(seed, seed + 40)}
    assert len(orders) > 10 and len({max(order) for order in orders}) > 2


def test_a_control_is_on_the_list_as_often_as_an_ordinary_item_of_its_belief() -> None:
    rng, posterior, shown = random.Random(4), (0.5, 0.2, 0.1, *(0.02,) * 10), 0
    for _ in range(4000):
        worn = dressed(7, posterior, rng)
        assert sorted(worn) == pytest.approx(sorted(posterior))
        shown += max(range(13), key=lambda label: worn[label]) == 7
    assert shown / 4000 == pytest.approx(0.5, abs=0.03)


@settings(deadline=None, max_examples=30)
@given(names=st.lists(st.text("abcde _", min_size=1, max_size=12), min_size=9, max_size=60, unique=True))
def test_every_label_lies_in_one_group_that_fits_a_page(names: list[str]) -> None:
    groups = grouped(tuple(names))
    assert sorted(label for group in groups for label in group.labels) == list(range(len(names)))
    assert max(len(group.labels) for group in groups) <= 1.5 * len(names) / round(len(names) ** 0.5) + 1
    assert all(title(group, names).strip() or not names[group.labels[0]].strip() for group in groups)


def test_groups_go_by_the_words_of_their_labels() -> None:
    names = tuple(f"{what} {which}" for what in ("card", "refund", "transfer") for which in ("lost", "late", "twice"))
    groups = grouped(names)
    assert [group.labels for group in groups] == [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
    assert title(groups[1], names) == "refund: refund lost, refund lat…"
    assert title(Group("Money", (3, 4)), names) == "Money"
    assert [len(group.labels) for group in ranges(20, 8)] == [7, 7, 6]


def test_two_hundred_labels_are_three_screens_away() -> None:
    groups = grouped(tuple(f"{topic} {n}" for topic in "abcdefghij" for n in range(20)))
    assert len(groups) <= 20 and max(len(group.labels) for group in groups) <= 24
    assert effort.of_groups(0, 1.0, effort.of_stages(groups)) < effort.of_all(200) / 3


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        ((Group("x", (0, 1)), Group("y", (1, 2))), "“b” must be in exactly one group, not in 2"),
        ((Group("x", (0,)), Group("y", (1,))), "“c” must be in exactly one group, not in 0"),
        ((Group("x", (0,)), Group("x", (1, 2))), "a name of its own"),
        ((Group("x", (0, 1, 2)),), "at least two"),
    ],
)
def test_groups_that_cannot_be(groups: tuple[Group, ...], place: str) -> None:
    with pytest.raises(BadInput, match=place):
        Draft("a", "A", "?", ("a", "b", "c"), groups=groups)


def test_labels_that_no_message_can_carry() -> None:
    many = tuple(map(str, range(501)))
    with pytest.raises(BadInput, match="at most 500"):
        Draft("a", "A", "?", many)
    with pytest.raises(BadInput, match="do not fit below one message"):
        Draft("a", "A", "?", many[:100], policy=Policy(form=Form.ALL))
