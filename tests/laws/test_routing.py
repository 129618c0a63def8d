"""Laws of worth, of the draw and of the queue.

Planted bugs seen to fail: information with theta transposed; a list's worth without "none of these"; a draw whose
probability is the weight before normalising; a draw of a control whose probability forgets how many controls there
are; worth that ignores seconds; a control's share that never falls; a pace by the mean.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import effort
from core.asking import new_question
from core.campaign import Campaign, CampaignState, Draft, Goal, Kind, Policy
from core.evidence import Evidence
from core.forms import FORMS, Form, Layout, choice_of, evidence_of
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Content, Item, Medium, NewItem, Role, Verdict
from core.posterior import absorb, entropy
from core.reliability import Pool, Reliability, learnt, likelihood
from core.routing import Head, chances_of, control_chance, draw, priority
from core.worker import Enrolment
from core.worth import Way, told_by_all, told_by_list, ways, worker_matrix, worths
from storage.memory import MemoryTransaction
from storage.memory_store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
POOL = replace(Pool.fresh(3), temperature=1.0)


def campaign(k: int = 3, pool: Pool | None = None, kind: Kind = Kind.SINGLE, **policy: object) -> Campaign:
    labels = tuple(f"label {n}" for n in range(k))
    draft = Draft("a", "A", "?", labels, kind, Policy(**policy))  # type: ignore[arg-type]
    fresh = pool or replace(Pool.fresh(k), temperature=1.0)
    return Campaign(CampaignId(1), draft, CampaignState.OPEN, NOW, fresh)


def item(n: int = 1, posterior: tuple[float, ...] = (0.6, 0.3, 0.1), **changes: object) -> Item:
    content = Content(Medium.TEXT, f"text {n}")
    made = Item(ItemId(n), CampaignId(1), f"i{n}", content, Role.PLAIN, None, "", Verdict.OPEN, posterior)
    return replace(made, **changes)  # type: ignore[arg-type]


def worker(taps: list[int], pool: Pool = POOL) -> Reliability:
    found = Reliability.newcomer(pool)
    for label in taps:
        found = learnt(found, (1.0,) + (0.0,) * (pool.labels - 1), Evidence.of(label), pool)
    return found


def head_of(posteriors: list[tuple[float, ...]]) -> Head:
    return Head([ItemId(n) for n in range(len(posteriors))], np.array(posteriors), np.zeros(len(posteriors)))


def doubt_removed(posterior: tuple[float, ...], layout: Layout, who: Reliability, pool: Pool) -> float:
    """By brute force: the entropy before an answer less the expected one after it."""
    k, after = pool.labels, 0.0
    for evidence in {evidence_of(layout, choice_of(layout, label, k), k) for label in range(k)}:
        chance = sum(p * c for p, c in zip(posterior, likelihood(evidence, who, pool), strict=True))
        after += chance * entropy(absorb(posterior, evidence, who, pool))
    return entropy(posterior) - after


beliefs = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda x: tuple(v / sum(x) for v in x))
histories = st.lists(st.integers(0, 2), max_size=6)


@given(posterior=beliefs, taps=histories)
def test_what_an_answer_tells_is_the_doubt_that_it_removes(posterior: tuple[float, ...], taps: list[int]) -> None:
    who, q = worker(taps), np.array([posterior])
    theta = worker_matrix(who, POOL)
    whole = doubt_removed(posterior, Layout(Form.ALL, (0, 1, 2)), who, POOL)
    assert told_by_all(q, theta)[0] == pytest.approx(whole, abs=1e-6) and whole >= -1e-9
    for shown in ((1,), (2, 0)):
        form = Form.YES_NO if len(shown) == 1 else Form.SHORT
        by_list = told_by_list(q, theta, np.array([shown]))[0]
        assert by_list == pytest.approx(doubt_removed(posterior, Layout(form, shown), who, POOL), abs=1e-6)
        assert 0 <= by_list <= whole + 1e-9  # fewer words never tell more


@given(posterior=beliefs, right=st.integers(0, 8))
def test_a_better_worker_tells_more_and_a_random_one_nothing(posterior: tuple[float, ...], right: int) -> None:
    q, pool = np.array([posterior]), replace(Pool.fresh(12), temperature=1.0)
    wide = np.full((1, 12), 0.02)
    wide[0, :3] = np.array(posterior) * (1 - 0.02 * 9)
    told = [told_by_all(wide, worker_matrix(Reliability((float(n), 0.0)), pool))[0] for n in (right, right + 4)]
    assert told[1] > told[0]
    assert told_by_all(q, np.full((3, 3), 1 / 3))[0] == pytest.approx(0.0, abs=1e-12)


@given(posteriors=st.lists(beliefs, min_size=1, max_size=8), taps=histories)
def test_a_second_that_tells_more_is_worth_more(posteriors: list[tuple[float, ...]], taps: list[int]) -> None:
    of, q = campaign(), np.array(posteriors)
    theta, none = worker_matrix(worker(taps), of.pool), np.zeros(len(posteriors))
    (by_all,) = worths(q, none, theta, of, [Way(Form.ALL, 3)]).T
    assert by_all == pytest.approx(told_by_all(q, theta) / effort.of_all(3))
    slow = replace(of, pool=replace(of.pool, pace=(2.0, 1.0, 1.0, 1.0, 1.0)[: len(FORMS)]))
    assert worths(q, none, theta, slow, [Way(Form.ALL, 3)])[:, 0] == pytest.approx(by_all / 2)
    assert (worths(q, none + 1, theta, of, [Way(Form.ALL, 3)])[:, 0] > by_all).all()


def test_the_form_follows_the_belief() -> None:
    """Nothing known of 77 labels: groups. A few likely ones: a list of them first, a shorter one where it suffices."""
    of = campaign(77)
    chosen, theta = ways(of), worker_matrix(Reliability.newcomer(of.pool), of.pool)

    def best(top: list[float]) -> Way:
        rest = (1 - sum(top)) / (77 - len(top))
        q = np.array([top + [rest] * (77 - len(top))])
        return chosen[int(worths(q, np.zeros(1), theta, of, chosen).argmax())]

    assert best([1 / 77]) == Way(Form.GROUPS, 0)
    assert best([0.2, 0.15, 0.15, 0.15, 0.15]).shown == 6
    assert best([0.97]).shown in (1, 4)


def test_forms_that_a_policy_or_a_scale_fixes() -> None:
    assert ways(campaign(4)) == (Way(Form.ALL, 4),)
    assert {way.form for way in ways(campaign(30))} == {Form.GROUPS, Form.SHORT, Form.YES_NO}
    for form in (Form.ALL, Form.SHORT, Form.YES_NO, Form.GROUPS):
        assert {way.form for way in ways(campaign(30, form=form))} == {form}
    assert ways(campaign(10, kind=Kind.RATING)) == (Way(Form.ALL, 10),)
    assert ways(campaign(50, kind=Kind.RATING)) == (Way(Form.GROUPS, 0),)


@given(posteriors=st.lists(beliefs, min_size=1, max_size=8), taps=histories)
def test_chances_leave_nobody_out(posteriors: list[tuple[float, ...]], taps: list[int]) -> None:
    chances = chances_of(head_of(posteriors), worker(taps), campaign())
    assert sum(chances) == pytest.approx(1) and min(chances) >= 0.04 / len(posteriors)


def test_a_draw_is_as_frequent_as_it_says() -> None:
    head, rng = head_of([(0.5, 0.4, 0.1), (0.98, 0.01, 0.01)]), random.Random(5)
    drawn = [draw(head, Reliability.newcomer(POOL), campaign(confidence=0.9999), rng) for _ in range(2000)]
    doubtful = [one.p_select for one in drawn if one is not None and one.item == 0]
    assert doubtful[0] > 0.6 and len(doubtful) / 2000 == pytest.approx(doubtful[0], abs=0.04)


def test_what_an_answer_would_settle_is_preferred() -> None:
    nearly, doubtful = (0.9, 0.05, 0.05), (0.45, 0.45, 0.1)
    chances = chances_of(head_of([nearly, doubtful]), Reliability.newcomer(POOL), campaign(confidence=0.95))
    assert chances[0] > 0.7
    chances = chances_of(head_of([nearly, doubtful]), Reliability.newcomer(POOL), campaign(confidence=0.9999))
    assert chances[0] < 0.3  # no single answer settles it


def test_questions_are_as_frequent_as_their_p_select_says() -> None:
    """Through the whole of asking, controls too: 3,000 first questions of newcomers to the same campaign."""
    rng, asked, told = random.Random(8), Counter[ItemId](), {}
    store = Store()
    tx = MemoryTransaction(store)
    with store.all_or_nothing():
        made = tx.add_campaign(campaign(head=3, max_overlap=7).draft, POOL, NOW)
        new = [(NewItem(f"i{n}", item(n).content), Role.PLAIN) for n in range(3)]
        known = [(NewItem(f"c{n}", item(n).content, truth=n), Role.CONTROL) for n in range(2)]
        tx.add_items(made.id, [*new, *known], POOL.prior)
        for n, posterior in enumerate([(0.9, 0.05, 0.05), (0.5, 0.4, 0.1), (0.34, 0.33, 0.33)]):
            tx.save_item(replace(tx.item(ItemId(n + 1)), posterior=posterior))
    for n in range(3000):
        enrolment = Enrolment(made.id, WorkerId(n), Reliability.newcomer(POOL), NOW)
        try:
            with store.all_or_nothing():
                found = new_question(tx, made, enrolment, NOW, rng)
                assert found is not None
                asked[found[0].item] += 1
                told[found[0].item] = found[0].p_select
                raise InterruptedError  # the next newcomer meets the same campaign
        except InterruptedError:
            pass
    assert len(told) == 5 and sum(told.values()) == pytest.approx(1)
    for one, p_select in told.items():
        assert asked[one] / 3000 == pytest.approx(p_select, abs=4 * math.sqrt(p_select * (1 - p_select) / 3000))


def test_what_is_begun_comes_first_and_what_is_out_waits() -> None:
    policy = Policy(min_overlap=2, max_overlap=5)
    new, begun = item(worth=0.9), item(answers=1)
    nearly = item(answers=2, posterior=(0.8, 0.1, 0.1))
    out = replace(nearly, leases=1)
    places = [priority(one, POOL, policy) for one in (begun, nearly, new, out)]
    assert places == sorted(places, reverse=True) and len(set(places)) == 4
    assert priority(item(verdict=Verdict.SETTLED), POOL, policy) == 0


def test_a_doubted_lesson_of_a_model_comes_before_something_new() -> None:
    """Planted and caught: it is asked of several at once; it is asked for ever."""
    policy = Policy(goal=Goal.MODEL)
    doubted, sure, new = item(answers=1), item(answers=1, posterior=(0.96, 0.02, 0.02)), item(worth=1.0)
    out, often = replace(doubted, leases=1), replace(doubted, answers=4)
    first, second, *others = (priority(one, POOL, policy) for one in (doubted, new, sure, out, often))
    assert first > second > max(others)


def test_newcomers_get_controls_until_they_are_known() -> None:
    of = campaign(newcomer_controls=4, control_share=0.05)
    joined = Enrolment(of.id, WorkerId(1), Reliability.newcomer(of.pool), NOW)
    shares = [control_chance(of, replace(joined, answered=n)) for n in range(200)]
    assert shares[0] == 0.5 and shares[-1] == 0.05 and shares == sorted(shares, reverse=True)
    assert sum(shares[:20]) == pytest.approx(4, abs=0.5)
    assert control_chance(campaign(newcomer_controls=0, control_share=0.0), joined) == 0.0


@settings(max_examples=40)
@given(slower=st.floats(0.3, 4.0), pauses=st.integers(0, 12))
def test_a_pace_is_learnt_whatever_the_pauses(slower: float, pauses: int) -> None:
    modelled = np.full(60, 4.0)
    seconds = np.r_[np.full(60 - pauses, 4.0 * slower), np.full(pauses, 100.0)]
    found = effort.pace(np.zeros(60, dtype=np.int64), modelled, seconds)
    assert found[0] == pytest.approx(slower, rel=0.01)
    assert effort.pace(np.zeros(9, dtype=np.int64), modelled[:9], seconds[:9]) == ()
    assert effort.factor((), Form.SHORT) == 1.0


def test_a_form_with_few_answers_takes_the_pace_of_all() -> None:
    form = np.r_[np.zeros(60, dtype=np.int64), np.ones(5, dtype=np.int64)]
    found = effort.pace(form, np.ones(65), np.r_[np.full(60, 2.0), np.full(5, 9.0)])
    assert found[0] == found[1] == pytest.approx(2.0)
