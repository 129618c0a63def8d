"""Laws of items with several labels: the day's update, undo, the stop rule, what may be such a campaign.

Planted bugs that these were seen to catch: an unmarked label that moves nothing; "not sure" read as "nothing holds";
the empty set and "all hold" with one evidence; soft counts of what is absent and what is there exchanged; a hope that
leaves out what is absent; a claim made without the lapse.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.administration import create_campaign
from core.campaign import Campaign, Draft, Kind, Policy
from core.errors import BadInput
from core.evidence import Evidence
from core.forms import Form
from core.grouping import Group
from core.ids import CampaignId, ItemId, QuestionId, WorkerId
from core.intake import absorbed, retracted
from core.item import Content, Item, Medium, Role, Verdict
from core.marks import evidence_of, marked_by, moved, not_sure, rates_of, set_of, sureness
from core.posterior import absorb, claimed
from core.question import Answer
from core.reliability import Pool, Reliability, learnt
from core.stopping import StopRule, hoped
from core.worker import Enrolment
from storage.memory import MemoryTransaction
from storage.memory_store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
K = 4
sets = st.one_of(st.none(), st.frozensets(st.integers(0, K - 1)))
chances = st.floats(0.02, 0.98)
pools = st.builds(
    lambda prior, rates, strength: replace(
        Pool.of_marks(K), prior=tuple(prior), confusion=tuple(rates), strength=strength
    ),
    st.lists(chances, min_size=K, max_size=K),
    st.lists(st.tuples(chances, chances), min_size=K, max_size=K),
    st.floats(1, 50),
)
counts = st.lists(st.floats(0, 30), min_size=4 * K, max_size=4 * K).map(lambda found: Reliability(tuple(found)))


def evidence(said: frozenset[int] | None) -> Evidence:
    return not_sure(K) if said is None else evidence_of(said, K)


@given(sets)
def test_an_answer_is_read_back(said: frozenset[int] | None) -> None:
    found = marked_by(evidence(said), K)
    assert found == (None if said is None else tuple(sorted(said)))
    assert Evidence.parse(evidence(said).text(K + 1), K + 1) == evidence(said)


@pytest.mark.parametrize("bits", [0b10001, 0b100000, 0b10010])
def test_what_is_no_set_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="no set of 4 labels"):
        marked_by(Evidence(bits), K)


@settings(deadline=None)
@given(pools, st.lists(st.tuples(sets, counts), max_size=5), st.randoms(use_true_random=False))
def test_the_day_is_bayes_and_order_does_not_matter(
    pool: Pool, answers: list[tuple[frozenset[int] | None, Reliability]], dice: random.Random
) -> None:
    """Against log odds summed label by label, written anew here."""
    belief = pool.prior
    for said, who in answers:
        belief = absorb(belief, evidence(said), who, pool)
    wanted = [math.log(p / (1 - p)) for p in pool.prior]
    for said, who in answers:
        for k, (imagines, sees) in enumerate(rates_of(who.counts, pool.confusion, pool.strength)):
            if said is not None:
                odds = math.log(sees / imagines) if k in said else math.log((1 - sees) / (1 - imagines))
                wanted[k] += odds
    for p, odds in zip(belief, wanted, strict=True):
        assert 0 < p < 1 and p == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-9)
    again = pool.prior
    for said, who in dice.sample(answers, len(answers)):
        again = absorb(again, evidence(said), who, pool)
    assert again == pytest.approx(belief, abs=1e-9)


@given(pools, counts, sets, st.permutations(range(K)))
def test_relabelling_relabels(pool: Pool, who: Reliability, said: frozenset[int] | None, names: list[int]) -> None:
    turned = replace(
        pool, prior=tuple(pool.prior[k] for k in names), confusion=tuple(pool.confusion[k] for k in names)
    )
    them = Reliability(tuple(count for k in names for count in who.counts[4 * k : 4 * k + 4]))
    new = None if said is None else frozenset(names.index(k) for k in said)
    before, after = absorb(pool.prior, evidence(said), who, pool), absorb(turned.prior, evidence(new), them, turned)
    assert after == pytest.approx([before[k] for k in names])


@given(pools, counts, sets, st.lists(st.floats(0, 1), min_size=K, max_size=K))
def test_a_worker_learns_as_many_decisions_as_they_made(
    pool: Pool, who: Reliability, said: frozenset[int] | None, belief: list[float]
) -> None:
    after = learnt(who, belief, evidence(said), pool)
    assert sum(after.counts) - sum(who.counts) == pytest.approx(0 if said is None else K)
    gained = np.subtract(after.counts, who.counts).reshape(K, 2, 2)  # (label, there, marked)
    for k in range(K if said is not None else 0):
        assert gained[k, :, int(k in (said or ()))] == pytest.approx([1 - belief[k], belief[k]])


@given(pools, st.lists(chances, min_size=K, max_size=K), st.floats(0.6, 5), st.floats(0, 0.2))
def test_claims_are_chances_no_surer_than_allowed(
    pool: Pool, belief: list[float], temperature: float, lapse: float
) -> None:
    found = claimed(belief, replace(pool, temperature=temperature, lapse=lapse))
    for p, q in zip(belief, found, strict=True):
        assert lapse / 2 <= q <= 1 - lapse / 2 and (q - 0.5) * (p - 0.5) >= -1e-12
    assert sureness(found) == min(max(q, 1 - q) for q in found)


@given(pools, st.lists(chances, min_size=K, max_size=K), st.integers(0, 8))
def test_answers_never_do_more_than_was_hoped(pool: Pool, belief: list[float], left: int) -> None:
    """The best of all answers by the average worker stay under the hope."""
    rule, now = StopRule(0.6), tuple(belief)
    for _ in range(left):
        now = max(
            (moved(now, set_of(bits), pool.confusion) for bits in range(1 << K)),
            key=lambda after: sureness(claimed(after, pool)),
        )
    honest = all(imagines < sees for imagines, sees in pool.confusion)
    if honest and all((p > 0.5) == (q > 0.5) for p, q in zip(belief, now, strict=True)):
        assert sureness(claimed(now, pool)) <= hoped(belief, left, rule, pool) + 1e-9


def campaign(labels: int = K, **policy: object) -> Campaign:
    store = Store()
    draft = Draft("c", "C", "?", tuple(f"l{k}" for k in range(labels)), Kind.MULTI, Policy(**policy))  # type: ignore[arg-type]
    with store.all_or_nothing():
        return create_campaign(MemoryTransaction(store), draft, NOW)


@given(st.lists(sets, min_size=1, max_size=6))
def test_undo_brings_the_belief_back(answers: list[frozenset[int] | None]) -> None:
    of = campaign(max_overlap=9, confidence=0.99)
    who = Enrolment(of.id, WorkerId(1), Reliability.newcomer(of.pool), NOW)
    path = [Item(ItemId(1), of.id, "i", Content(Medium.TEXT, "x"), Role.PLAIN, None, "", Verdict.OPEN, of.pool.prior)]
    for said in answers:
        path.append(absorbed(of, replace(path[-1], leases=1), who, evidence(said), True).item)
    rest = [(fact(said), who.reliability) for said in answers[:-1]]
    back = retracted(of, path[-1], rest)
    assert back.posterior == pytest.approx(path[-2].posterior) and back.answers == path[-2].answers


def fact(said: frozenset[int] | None) -> Answer:
    return Answer(QuestionId("q"), 0, CampaignId(1), ItemId(1), WorkerId(1), evidence(said), NOW, 0, False, True)


@pytest.mark.parametrize(
    ("labels", "more", "place"),
    [
        (31, {}, "at most 30"),
        (4, {"policy": Policy(form=Form.ALL)}, "must be toggle"),
        (4, {"kind": Kind.SINGLE, "policy": Policy(form=Form.TOGGLE)}, "toggle is for"),
        (4, {"groups": (Group("a", (0, 1)), Group("b", (2, 3)))}, "are not for a campaign"),
        (4, {"labels": ("a|b", "c")}, "must not hold"),
    ],
)
def test_what_cannot_be_marked_on_one_screen_is_refused(labels: int, more: dict[str, Any], place: str) -> None:
    asked = {"labels": tuple(f"l{k}" for k in range(labels)), "kind": Kind.MULTI, **more}
    with pytest.raises(BadInput, match=place):
        Draft("c", "C", "?", **asked)
