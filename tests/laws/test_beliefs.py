"""Laws of beliefs about items and workers.

Planted bugs, each seen to fail here:
- `absorb` forgets to normalise (`test_beliefs_are_distributions`)
- `likelihood` reads the column of the truth for the row (`test_confusion_rows_are_distributions`)
- `absorb` forgets a little: q**0.9 before each answer (`test_order_of_answers_does_not_matter`)
- `absorb` lets "not sure" count as the first label (`test_not_sure_changes_nothing`)
- `Evidence.complement` keeps label 0 (`test_evidence_and_its_complement_share_out_the_labels`)
- `learnt` adds to the transposed cell (`test_a_control_answered_right_raises_the_right_cell`)
- `start` lets the network's voice through unbounded (`test_the_network_never_outweighs_one_answer`)
- `calibrated` multiplies by the temperature (`test_heat_makes_no_belief_surer`)
- `decide` settles on one answer (`test_one_answer_settles_nothing`)
- a pool's JSON loses the lapse (`test_pools_and_reliabilities_survive_storage`)
- `decide` disputes before the least overlap (`test_no_item_is_given_up_before_its_least_answers`)
- `hoped` counts one answer too few, or takes the average worker's errors for a good one's right answers
  (`test_answers_never_do_more_than_was_hoped`)
- `hoped` blames an item for a calibration that lets none settle (`test_a_cap_on_claims_is_no_fault_of_an_item`)
- `worth` grows with the answers that an item took (`test_going_on_is_worth_less_the_longer_it_took`)
"""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.evidence import Evidence
from core.posterior import absorb, calibrated, claimed, consensus, start
from core.reliability import Model, Pool, Reliability, accuracy, confusion, learnt
from core.stopping import Next, StopRule, decide, hoped, worth

shares = st.floats(0.02, 1.0)


@st.composite
def distributions(draw: st.DrawFn, k: int) -> tuple[float, ...]:
    masses = [draw(shares) for _ in range(k)]
    return tuple(m / sum(masses) for m in masses)


@st.composite
def pools(draw: st.DrawFn, smallest: int = 2) -> Pool:
    k = draw(st.integers(smallest, 5))
    rows = tuple(draw(distributions(k)) for _ in range(k))
    model = draw(st.sampled_from([Model.MATRIX, Model.ACCURACY]))  # marks: test_marks.py
    lapse = draw(st.floats(0, 0.3))
    return Pool(draw(distributions(k)), rows, draw(st.floats(0.5, 30)), draw(st.floats(1, 4)), model, lapse)


@st.composite
def reliabilities(draw: st.DrawFn, pool: Pool) -> Reliability:
    size = pool.labels**2 if pool.model is Model.MATRIX else 2
    return Reliability(tuple(draw(st.floats(0, 40)) for _ in range(size)))


def evidences(k: int) -> st.SearchStrategy[Evidence]:
    return st.integers(1, (1 << k) - 1).map(Evidence)


@given(st.data())
def test_beliefs_are_distributions(data: st.DataObject) -> None:
    pool = data.draw(pools())
    belief = start(pool)
    for _ in range(data.draw(st.integers(0, 30))):
        weight = data.draw(st.floats(0, 1))
        belief = absorb(belief, data.draw(evidences(pool.labels)), data.draw(reliabilities(pool)), pool, weight)
    assert math.isclose(sum(belief), 1.0, abs_tol=1e-9)
    assert all(0 < p <= 1 for p in belief)


@given(st.data())
def test_confusion_rows_are_distributions(data: st.DataObject) -> None:
    pool = data.draw(pools())
    for row in confusion(data.draw(reliabilities(pool)), pool):
        assert math.isclose(sum(row), 1.0, abs_tol=1e-9)
        assert all(p >= 0 for p in row)


@given(st.data())
def test_order_of_answers_does_not_matter(data: st.DataObject) -> None:
    pool = data.draw(pools())
    answers = data.draw(st.lists(st.tuples(evidences(pool.labels), reliabilities(pool)), min_size=2, max_size=6))
    ahead, back = start(pool), start(pool)
    for evidence, worker in answers:
        ahead = absorb(ahead, evidence, worker, pool)
    for evidence, worker in reversed(answers):
        back = absorb(back, evidence, worker, pool)
    assert ahead == pytest.approx(back, abs=1e-7)


@given(st.data())
def test_not_sure_changes_nothing(data: st.DataObject) -> None:
    pool = data.draw(pools())
    belief, worker = data.draw(distributions(pool.labels)), data.draw(reliabilities(pool))
    everything = Evidence.all(pool.labels)
    assert absorb(belief, everything, worker, pool) == belief
    assert learnt(worker, belief, everything, pool) == worker


@given(st.data())
def test_relabelling_relabels(data: st.DataObject) -> None:
    pool = data.draw(pools())
    k = pool.labels
    order = data.draw(st.permutations(range(k)))
    worker = data.draw(reliabilities(pool))
    evidence = data.draw(evidences(k))
    rows = tuple(tuple(pool.confusion[a][b] for b in order) for a in order)
    moved_pool = Pool(tuple(pool.prior[a] for a in order), rows, pool.strength, pool.temperature, pool.model)
    counts = worker.counts
    if pool.model is Model.MATRIX:
        counts = tuple(counts[a * k + b] for a in order for b in order)
    moved = absorb(
        start(moved_pool), Evidence.among(order.index(a) for a in evidence.labels()), Reliability(counts), moved_pool
    )
    plain = absorb(start(pool), evidence, worker, pool)
    assert moved == pytest.approx([plain[a] for a in order], abs=1e-9)


@given(st.integers(2, 80).flatmap(lambda k: st.tuples(st.just(k), st.integers(1, (1 << k) - 1))))
def test_evidence_and_its_complement_share_out_the_labels(case: tuple[int, int]) -> None:
    k, bits = case
    evidence = Evidence(bits)
    assert Evidence.parse(evidence.text(k), k) == evidence
    assert len(evidence.labels()) == len(evidence)
    assume(not evidence.is_everything(k))
    rest = evidence.complement(k)
    assert sorted(evidence.labels() + rest.labels()) == list(range(k))


def test_empty_and_foreign_evidence_is_refused() -> None:
    for attempt in (
        lambda: Evidence.of(),
        lambda: Evidence(0),
        lambda: Evidence.all(3).complement(3),
        lambda: Evidence.of(-1),
        lambda: Evidence.parse("3", 3),
        lambda: Evidence.parse("", 3),
        lambda: Evidence.of(5).text(3),
    ):
        with pytest.raises(ValueError):
            attempt()


@given(st.data())
def test_a_control_answered_right_raises_the_right_cell(data: st.DataObject) -> None:
    pool = data.draw(pools())
    worker = data.draw(reliabilities(pool))
    truth = data.draw(st.integers(0, pool.labels - 1))
    said = data.draw(st.integers(0, pool.labels - 1))
    certain = tuple(float(k == truth) for k in range(pool.labels))
    before = confusion(worker, pool)
    after = confusion(learnt(worker, certain, Evidence.of(said), pool), pool)
    if pool.model is Model.MATRIX or said == truth:
        assert after[truth][said] >= before[truth][said] - 1e-12
        assert after[truth][said] > before[truth][said] or before[truth][said] > 0.999
    else:
        assert after[truth][truth] <= before[truth][truth] + 1e-12
    assert math.isclose(learnt(worker, certain, Evidence.of(said), pool).seen, worker.seen + 1, rel_tol=1e-9)


@given(st.data())
def test_accuracy_lies_in_its_interval(data: st.DataObject) -> None:
    pool = data.draw(pools())
    mean, low, high = accuracy(data.draw(reliabilities(pool)), pool)
    assert 0 <= low <= mean + 1e-6
    assert mean <= high + 1e-6 <= 1 + 2e-6


@given(st.data())
def test_the_network_never_outweighs_one_answer(data: st.DataObject) -> None:
    k = data.draw(st.integers(2, 6))
    pool = Pool.fresh(k, data.draw(st.floats(0.5, 0.95)))
    voice = data.draw(distributions(k))
    sharp = tuple(p**40 for p in voice)
    sharp = tuple(p / sum(sharp) for p in sharp)
    heard = start(pool, sharp, 1.0)
    label, _ = consensus(heard)
    against = next(j for j in range(k) if j != label)
    belief = absorb(heard, Evidence.of(against), Reliability.newcomer(pool), pool)
    assert belief[against] >= belief[label] * (1 - 1e-6)


@given(st.data())
def test_heat_makes_no_belief_surer(data: st.DataObject) -> None:
    belief = data.draw(distributions(data.draw(st.integers(2, 6))))
    warm = calibrated(belief, data.draw(st.floats(1, 10)), data.draw(st.floats(0, 0.5)))
    assert math.isclose(sum(warm), 1.0, abs_tol=1e-9)
    assert max(warm) <= max(belief) + 1e-9
    assert consensus(warm)[1] == pytest.approx(warm[consensus(belief)[0]], abs=1e-9)


def test_one_answer_settles_nothing() -> None:
    rule = StopRule(0.9, 2, 5)
    assert decide((1.0, 0.0), 1, rule) is Next.ASK
    assert decide((1.0, 0.0), 2, rule) is Next.SETTLE
    assert decide((0.6, 0.4), 4, rule) is Next.ASK
    assert decide((0.6, 0.4), 5, rule) is Next.DISPUTE
    for wrong in ((0.9, 1, 5), (0.9, 3, 2), (1.0, 2, 5)):
        with pytest.raises(ValueError):
            StopRule(*wrong)


@given(st.data())
def test_no_item_is_given_up_before_its_least_answers(data: st.DataObject) -> None:
    rule = StopRule(0.9, data.draw(st.integers(2, 4)), data.draw(st.integers(4, 9)), data.draw(st.floats(0, 1)))
    claim = data.draw(distributions(data.draw(st.integers(2, 5))))
    answers, best = data.draw(st.integers(0, 10)), data.draw(st.floats(0, 1))
    found = decide(claim, answers, rule, best)
    assert (found is Next.SETTLE) == (answers >= rule.min_overlap and max(claim) >= 0.9)
    if answers < rule.min_overlap:
        assert found is Next.ASK
    if answers >= rule.max_overlap:
        assert found is not Next.ASK
    elif found is Next.DISPUTE:
        assert best < 0.9 or worth(max(claim), answers) < rule.price


@given(st.data())
def test_answers_never_do_more_than_was_hoped(data: st.DataObject) -> None:
    pool = data.draw(pools())
    belief, left = data.draw(distributions(pool.labels)), data.draw(st.integers(0, 6))
    label, _ = consensus(belief)
    hope = hoped(belief, left, StopRule(0.5, 2, 7), pool)
    best = min(max(pool.confusion[label][label], 1e-9) / max(row[label], 1e-9) for row in pool.confusion)
    assume(best >= 1.0)  # a pool whose answers speak against what they name hopes for nothing
    told = belief
    for _ in range(left):
        told = absorb(told, Evidence.of(label), Reliability.newcomer(pool), pool)
    assert claimed(told, pool)[label] <= hope + 1e-6
    assert hope <= hoped(belief, left + 1, StopRule(0.5, 2, 7), pool) + 1e-9


def test_hope_and_the_price_of_hopeless_items() -> None:
    pool, rule = Pool.fresh(2, 0.7, strength=1000.0), StopRule(0.95, 2, 7)
    assert hoped((0.5, 0.5), 2, rule, pool) < 0.95 < hoped((0.5, 0.5), 5, rule, pool)
    assert decide((0.5, 0.5), 5, rule, hoped((0.5, 0.5), 2, rule, pool)) is Next.DISPUTE
    assert decide((0.5, 0.5), 2, rule, hoped((0.5, 0.5), 5, rule, pool)) is Next.ASK
    assert decide((0.6, 0.4), 3, StopRule(0.95, 2, 7, price=0.3)) is Next.DISPUTE
    assert decide((0.6, 0.4), 3, StopRule(0.95, 2, 7, price=0.1)) is Next.ASK


def test_a_cap_on_claims_is_no_fault_of_an_item() -> None:
    fresh = Pool.fresh(2)
    capped = Pool(fresh.prior, fresh.confusion, 8.0, 1.3, fresh.model, lapse=0.2)
    assert hoped((0.5, 0.5), 1, StopRule(0.95), capped) == 1.0


@given(st.floats(0.5, 0.999), st.integers(0, 30))
def test_going_on_is_worth_less_the_longer_it_took(sure: float, answers: int) -> None:
    assert 0 < worth(sure, answers + 1) < worth(sure, answers) <= 1 - sure


@given(st.data())
def test_pools_and_reliabilities_survive_storage(data: st.DataObject) -> None:
    pool = data.draw(pools())
    worker = data.draw(reliabilities(pool))
    assert Pool.from_json(pool.to_json()) == pool
    assert Reliability.from_json(worker.to_json()).counts == pytest.approx(worker.counts, abs=1e-6)
