"""Laws of the batch: the refit and its yardstick, and agreement.

Planted bugs, each seen to fail here:
- `softmax` normalises over items (`test_rows_are_distributions_and_controls_are_certain`)
- `clamped` ignores the controls (the same)
- `counts` forgets one pair (`test_order_of_rows_does_not_matter`)
- the first reading anchors on label 0 (`test_relabelling_relabels_the_refit`)
- the M step of `dawid_skene` smooths by 1 (`test_dawid_skene_never_goes_down`)
- `freshened` takes theta without the pool (`test_day_equals_batch_given_the_reliabilities`)
- weights are read as counts of workers (`test_an_answer_of_no_weight_is_no_answer`)
- agreement counts single answers (`test_alpha_is_krippendorffs`)
- the calibration ignores its lapse (`test_a_crowd_that_agrees_on_errors_claims_little`)
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.agreement import Scale, alpha, bootstrap, cliques, fleiss, percent, tally
from core.calibration import claimed, fitted
from core.evidence import Evidence
from core.inference import AnswerTable, dawid_skene, freshened, refit
from core.posterior import absorb, start
from core.reliability import accuracy

FEW = settings(deadline=None, max_examples=12)


def crowd(seed: int, labels: int = 3, items: int = 40, workers: int = 9, answers: int = 160) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(labels, items, p=rng.dirichlet(np.full(labels, 4.0)))
    item, worker = rng.integers(0, items, answers), rng.integers(0, workers, answers)
    right = rng.random(answers) < rng.uniform(0.5, 0.95, workers)[worker]
    return item, worker, np.where(right, truth[item], rng.integers(0, labels, answers)), truth


def table(seed: int, labels: int = 3, **rest: object) -> AnswerTable:
    item, worker, label, _ = crowd(seed, labels)
    return AnswerTable.of_labels(item, worker, label, labels, 40, 9, **rest)


@FEW
@given(st.integers(0, 10**6), st.sampled_from([2, 3, 12]))
def test_rows_are_distributions_and_controls_are_certain(seed: int, labels: int) -> None:
    item, worker, label, truth = crowd(seed, labels)
    told = np.where(np.arange(40) < 8, truth, -1)
    found = refit(AnswerTable.of_labels(item, worker, label, labels, 40, 9, controls=told))
    for rows in (found.posteriors, found.calibrated):
        assert rows.shape == (40, labels)
        assert rows.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-9)
        assert (rows >= 0).all()
        assert rows[np.arange(8), truth[:8]] == pytest.approx(np.ones(8))
    assert (found.accuracy[:, 1] <= found.accuracy[:, 0]).all()
    assert (found.accuracy[:, 0] <= found.accuracy[:, 2]).all()
    assert np.isfinite(found.log_likelihood)
    assert found.log_likelihood < 0


@FEW
@given(st.integers(0, 10**6))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    item, worker, label, _ = crowd(seed)
    order = np.random.default_rng(seed).permutation(len(item))
    one = refit(AnswerTable.of_labels(item, worker, label, 3, 40, 9))
    two = refit(AnswerTable.of_labels(item[order], worker[order], label[order], 3, 40, 9))
    assert one.posteriors == pytest.approx(two.posteriors, abs=1e-6)
    assert one.counts.sum() == pytest.approx(len(item))


@FEW
@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_relabelling_relabels_the_refit(seed: int, order: list[int]) -> None:
    item, worker, label, _ = crowd(seed)
    moved = np.array(order)[label]
    one = refit(AnswerTable.of_labels(item, worker, label, 3, 40, 9))
    two = refit(AnswerTable.of_labels(item, worker, moved, 3, 40, 9))
    assert two.posteriors[:, order] == pytest.approx(one.posteriors, abs=1e-5)


@FEW
@given(st.integers(0, 10**6), st.booleans())
def test_dawid_skene_never_goes_down(seed: int, wide: bool) -> None:
    item, worker, label, _ = crowd(seed)
    found = table(seed)
    if wide:  # some answers name two labels
        sets = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=bool)
        evidence = np.where(np.arange(len(label)) % 4 == 0, np.minimum(label + 3, 4), label)
        found = AnswerTable(item, worker, evidence, sets, 40, 9)
    q, likelihoods = dawid_skene(found, sweeps=60, tolerance=0.0)
    assert q.sum(axis=1) == pytest.approx(np.ones(40))
    assert (np.diff(likelihoods) > -1e-6).all()


@FEW
@given(st.integers(0, 10**6))
def test_day_equals_batch_given_the_reliabilities(seed: int) -> None:
    item, worker, label, _ = crowd(seed)
    before = refit(AnswerTable.of_labels(item[:120], worker[:120], label[:120], 3, 40, 9))
    after = freshened(before, AnswerTable.of_labels(item, worker, label, 3, 40, 9), 120)
    for target in set(item[120:].tolist()):
        belief = start(before.pool)
        for at in np.flatnonzero(item == target):
            belief = absorb(belief, Evidence.of(int(label[at])), before.reliability(int(worker[at])), before.pool)
        assert after.posteriors[target] == pytest.approx(belief, abs=1e-9)
    untouched = np.setdiff1d(np.arange(40), item[120:])
    assert after.posteriors[untouched] == pytest.approx(before.posteriors[untouched])
    assert after.counts.sum() == pytest.approx(160, abs=1e-6)


@FEW
@given(st.integers(0, 10**6))
def test_an_answer_of_no_weight_is_no_answer(seed: int) -> None:
    item, worker, label, _ = crowd(seed)
    weight = (np.arange(len(item)) % 3 != 0).astype(float)
    keep = weight > 0
    one = refit(AnswerTable.of_labels(item, worker, label, 3, 40, 9, weight=weight))
    two = refit(AnswerTable.of_labels(item[keep], worker[keep], label[keep], 3, 40, 9))
    assert one.posteriors == pytest.approx(two.posteriors, abs=1e-9)


def test_degenerate_tables_get_sane_beliefs() -> None:
    none = np.zeros(0, dtype=np.int64)
    one = np.zeros(1, dtype=np.int64)
    assert refit(AnswerTable.of_labels(none, none, none, 3, 2, 0)).posteriors == pytest.approx(np.full((2, 3), 1 / 3))
    assert refit(AnswerTable.of_labels(none, none, none, 3, 0, 0)).posteriors.shape == (0, 3)
    single = refit(AnswerTable.of_labels(one, one, one, 2, 1, 1)).posteriors[0]
    assert 0.5 < single[0] < 0.95
    assert refit(AnswerTable.of_labels(one, one, one, 1, 1, 1)).posteriors == pytest.approx(np.ones((1, 1)))
    tied = refit(AnswerTable.of_labels(np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), 2, 1, 2)).posteriors
    assert tied == pytest.approx(np.full((1, 2), 0.5), abs=1e-6)
    lone = refit(AnswerTable.of_labels(np.arange(30), np.zeros(30, int), np.arange(30) % 3, 3, 30, 1)).posteriors
    assert (lone.argmax(axis=1) == np.arange(30) % 3).all()
    many = refit(AnswerTable.of_labels(np.arange(400) // 2, np.arange(400) % 7, np.arange(400) // 2, 200, 200, 7))
    assert (many.posteriors.argmax(axis=1) == np.arange(200)).all()


def test_contradictory_controls_still_give_beliefs() -> None:
    item, worker, label, truth = crowd(5)
    found = refit(AnswerTable.of_labels(item, worker, label, 3, 40, 9, controls=(truth + 1) % 3))
    assert np.isfinite(found.posteriors).all()
    assert (found.posteriors.argmax(axis=1) == (truth + 1) % 3).all()


def test_impossible_tables_are_refused() -> None:
    zero = np.zeros(1, dtype=np.int64)
    for wrong in (
        lambda: AnswerTable(zero, zero, zero, np.zeros((1, 3), bool), 1, 1),
        lambda: AnswerTable.of_labels(zero + 5, zero, zero, 3, 1, 1),
        lambda: AnswerTable.of_labels(zero, zero, zero + 3, 3, 1, 1),
        lambda: AnswerTable.of_labels(zero, zero, zero, 3, 1, 1, controls=np.array([7])),
        lambda: AnswerTable.of_labels(zero, zero, zero, 3, 1, 1, weight=np.ones(2)),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_the_crowd_beats_the_vote_where_workers_differ() -> None:
    rng = np.random.default_rng(11)
    truth, skill = rng.integers(0, 3, 400), np.r_[np.full(6, 0.92), np.linspace(0.1, 0.5, 14)]
    item, worker = rng.integers(0, 400, 2400), rng.integers(0, 20, 2400)
    label = np.where(rng.random(2400) < skill[worker], truth[item], rng.integers(0, 3, 2400))
    found = refit(AnswerTable.of_labels(item, worker, label, 3, 400, 20))
    votes = tally(item, label, 400, 3).argmax(axis=1)
    assert (found.posteriors.argmax(axis=1) == truth).mean() > (votes == truth).mean() + 0.01
    mine = np.array([(label == truth[item])[worker == w].mean() for w in range(20)])
    assert np.corrcoef(mine, found.accuracy[:, 0])[0, 1] > 0.95
    day = [accuracy(found.reliability(w), found.pool)[0] for w in range(20)]
    assert np.corrcoef(mine, day)[0, 1] > 0.9


def test_a_crowd_that_agrees_on_errors_claims_little() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 300)
    shown = np.where(rng.random(300) < 0.3, 1 - truth, truth)  # everybody sees the wrong thing on 30 %
    item, worker = np.repeat(np.arange(300), 5), np.tile(np.arange(5), 300)
    told = np.where(np.arange(300) < 60, truth, -1)
    found = refit(AnswerTable.of_labels(item, worker, shown[item], 2, 300, 5, controls=told))
    untold = refit(AnswerTable.of_labels(item, worker, shown[item], 2, 300, 5))
    assert untold.posteriors.max(axis=1).mean() > 0.95
    assert found.calibrated[60:].max(axis=1).mean() < 0.85
    sure = np.full((200, 2), [0.99, 0.01])
    assert fitted(sure, np.arange(200) // 120).of(sure).max() < 0.8
    assert claimed(np.array([[1.0, 0.0]]), 1.0, 0.2)[0] == pytest.approx([0.9, 0.1])


def test_alpha_is_krippendorffs() -> None:
    """Krippendorff 2011, example C: 0.743 nominal, 0.815 ordinal, 0.849 interval."""
    sheet = "11.1 2232 3333 3332 2222 1234 4444 1121 2222 .555 ..11 ..3.".replace("3332", "3333").split()
    cells = [(i, w, int(v) - 1) for i, row in enumerate(sheet) for w, v in enumerate(row) if v != "."]
    item, _, label = (np.array(column) for column in zip(*cells, strict=True))
    counts = tally(item, label, 12, 5)
    assert alpha(counts) == pytest.approx(0.743, abs=5e-4)
    assert alpha(counts, Scale.ORDINAL) == pytest.approx(0.815, abs=5e-4)
    assert alpha(counts, Scale.INTERVAL) == pytest.approx(0.849, abs=5e-4)
    interval = bootstrap(counts, alpha, np.random.default_rng(0))
    assert interval.low < interval.value < interval.high
    assert percent(np.array([[2.0, 0.0], [1.0, 1.0]])) == 0.5
    assert fleiss(np.array([[3.0, 0.0], [0.0, 3.0]])) == 1.0
    assert np.isnan(alpha(np.eye(3)))
    assert cliques(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 3]), 4).tolist() == [0, 1, 0, 1]
