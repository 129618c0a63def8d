"""Laws of each member of the committee, and of tables that are strange.

Planted bugs, each seen to fail here:
- the constant answerers of `communities` all answer label 0 (`test_relabelling_relabels_every_member`)
- `readings.fit` adds logarithms with the wrong sign (`test_every_member_hears_the_votes`)
- `communities._learn` takes everybody for the mean community (`test_workers_who_swap_two_labels_are_understood`)
- `_tied` leaves each grade its own errors (`test_grades_share_the_errors_of_their_label`)
- `anchored` forgets the shares of votes (`test_an_anchored_prior_lies_between_the_shares_and_the_beliefs`)
- `communities.fit` does not clamp (`test_controls_are_certain_to_every_member`)
- a worker's accuracy forgets what the crowd's is (`test_strange_crowds_get_sane_beliefs`)
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.inference import AnswerTable, communities, refit
from core.inference.committee import COMMITTEE, Member
from core.inference.readings import _tied
from core.inference.sparse import Sparse, anchored

FEW = settings(deadline=None, max_examples=5)
NAMES = ("coin", "communities", "as their community", "hard", "graded")
every_member = pytest.mark.parametrize("member", COMMITTEE, ids=NAMES)


def crowd(seed: int, labels: int = 3, items: int = 60, workers: int = 9) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, items)
    item, worker = np.repeat(np.arange(items), 4), rng.integers(0, workers, 4 * items)
    right = rng.random(len(item)) < rng.uniform(0.55, 0.95, workers)[worker]
    return item, worker, np.where(right, truth[item], rng.integers(0, labels, len(item))), truth


def table(item: np.ndarray, worker: np.ndarray, label: np.ndarray, labels: int = 3, workers: int = 9) -> AnswerTable:
    return AnswerTable.of_labels(item, worker, label, labels, 60, workers)


def believed(member: Member, table: AnswerTable, controls: np.ndarray | None = None) -> np.ndarray:
    """(N, K) what a member alone believes."""
    classes, _ = member(Sparse.of(table), controls, None, None, 60)
    found: np.ndarray = classes.reshape(table.labels, len(classes) // table.labels, -1).sum(axis=1).T
    return found


@every_member
@FEW
@given(seed=st.integers(0, 10**6), order=st.permutations(range(3)))
def test_relabelling_relabels_every_member(member: Member, seed: int, order: list[int]) -> None:
    item, worker, label, _ = crowd(seed)
    one = believed(member, table(item, worker, label))
    two = believed(member, table(item, worker, np.array(order)[label]))
    assert two[:, order] == pytest.approx(one, abs=1e-5)


@every_member
@FEW
@given(seed=st.integers(0, 10**6))
def test_every_member_hears_the_votes(member: Member, seed: int) -> None:
    item, worker, label, _ = crowd(seed)
    found = believed(member, table(item, worker, label))
    assert found.sum(axis=1) == pytest.approx(np.ones(60))
    votes = np.zeros((60, 3))
    np.add.at(votes, (item, label), 1)
    agreed = votes.max(axis=1) == 4
    assert (found[agreed].argmax(axis=1) == votes[agreed].argmax(axis=1)).mean() > 0.9


@every_member
def test_controls_are_certain_to_every_member(member: Member) -> None:
    item, worker, label, truth = crowd(7)
    told = np.where(np.arange(60) < 10, (truth + 1) % 3, -1)
    found = believed(member, table(item, worker, label), told)
    assert found[np.arange(10), told[:10]] == pytest.approx(np.ones(10))


def test_workers_who_swap_two_labels_are_understood() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 400)
    item, worker = np.repeat(np.arange(400), 5), np.concatenate([rng.permutation(40)[:5] for _ in range(400)])
    swapped = np.where(worker < 12, np.array([1, 0, 2])[truth[item]], truth[item])
    label = np.where(rng.random(2000) < 0.9, swapped, rng.integers(0, 3, 2000))
    told = np.where(np.arange(400) < 40, truth, -1)
    sparse = Sparse.of(AnswerTable.of_labels(item, worker, label, 3, 400, 40))
    found, minds, _ = communities.learnt(sparse, told, stray=False)
    assert (found.argmax(axis=0) == truth).mean() > 0.97
    assert minds.theta[0, :12, 1].min() > 0.6
    assert minds.theta[0, 12:, 0].min() > 0.6


@FEW
@given(seed=st.integers(0, 10**6), labels=st.integers(2, 5), grades=st.integers(1, 3))
def test_grades_share_the_errors_of_their_label(seed: int, labels: int, grades: int) -> None:
    rng = np.random.default_rng(seed)
    pi, mass = rng.dirichlet(np.ones(labels), labels * grades), rng.random(labels * grades)
    found = _tied(pi, mass, grades).reshape(labels, grades, labels)
    assert found.sum(axis=2) == pytest.approx(np.ones((labels, grades)))
    for k in range(labels):
        errors = np.delete(found[k], k, axis=1)
        errors = errors / errors.sum(axis=1, keepdims=True)
        assert errors == pytest.approx(np.repeat(errors[:1], grades, axis=0))
    assert np.einsum("kgk->gk", found).std(axis=1) == pytest.approx(np.zeros(grades), abs=1e-12)


@FEW
@given(seed=st.integers(0, 10**6), weight=st.floats(0.1, 1000))
def test_an_anchored_prior_lies_between_the_shares_and_the_beliefs(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    shares, believed_ = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    prior = np.exp(anchored(1e9 * believed_, 10**9, shares, weight))[:, 0]
    assert prior.sum() == pytest.approx(1)
    assert (prior >= np.minimum(shares, believed_) - 1e-6).all()
    assert (prior <= np.maximum(shares, believed_) + 1e-6).all()


def test_strange_crowds_get_sane_beliefs() -> None:
    everyone = np.arange(10_000)
    once = refit(AnswerTable.of_labels(everyone // 5, everyone, (everyone // 5) % 3, 3, 2_000, 10_000), sweeps=15)
    assert (once.posteriors.argmax(axis=1) == np.arange(2_000) % 3).all()
    assert (once.accuracy[:, 0] > 0.5).all()
    one_label = refit(AnswerTable.of_labels(everyone // 50, everyone % 7, np.zeros(10_000, int), 3, 200, 7), sweeps=15)
    assert (one_label.posteriors[:, 0] > 0.9).all()
    alone = refit(AnswerTable.of_labels(np.arange(9), np.zeros(9, int), np.arange(9) % 3, 3, 9, 1))
    assert (alone.posteriors.max(axis=1) < 0.999).all()
    tie = refit(AnswerTable.of_labels(np.arange(40) // 2, np.arange(40) % 2, np.arange(40) % 2, 2, 20, 2))
    assert np.ptp(tie.posteriors, axis=0) == pytest.approx(np.zeros(2), abs=1e-9)
