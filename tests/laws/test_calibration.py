"""Laws of calibration: few controls make cautious claims, wrong ones more cautious, and no claim judges itself.

Planted bugs, each seen to fail here:
- `fitted` keeps the likeliest pair instead of the prediction (`test_more_controls_allow_surer_claims`)
- right and wrong exchanged in `evidence` (`test_a_wrong_control_allows_no_surer_claim`)
- no broken campaigns in the prior (`test_a_crowd_that_is_wrong_when_sure_settles_nothing`)
- `evidence` reads label 0 for the likeliest (`test_names_of_labels_do_not_matter`)
- `habits_of` takes the least likely (`test_habits_are_learnt_from_crowds`)
- `untold` hides nothing, or all controls at once (`test_each_control_is_read_while_hidden_and_half_are_told`)
- a hidden control keeps all its answers (`test_a_hidden_control_keeps_as_many_answers_as_others_have`)
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.calibration import RECORDED, Floats, Ints, fitted, habits_of, weights_of
from core.inference import AnswerTable, refit
from core.inference.untold import untold


@st.composite
def judged(draw: st.DrawFn, least: int = 0) -> tuple[Floats, Ints]:
    """Beliefs about items of known truth, mostly right."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    k, n = draw(st.integers(2, 5)), draw(st.integers(least, 40))
    q = rng.dirichlet(np.full(k, draw(st.floats(0.1, 1.0))), n)
    truth = np.where(rng.random(n) < draw(st.floats(0.5, 1.0)), q.argmax(axis=1), rng.integers(0, k, n))
    return q, truth


def sure(k: int, n: int = 1, top: float = 0.999) -> Floats:
    q = np.full((n, k), (1 - top) / (k - 1))
    q[:, 0] = top
    return q


def claim(q: Floats, truth: Ints, k: int) -> float:
    return float(fitted(q, truth).of(sure(k))[0, 0])


@given(judged())
def test_calibrations_are_weighed_and_claims_are_distributions(known: tuple[Floats, Ints]) -> None:
    q, truth = known
    assert weights_of(q, truth).sum() == pytest.approx(1.0)
    found = fitted(q, truth)
    assert found.of(q).sum(axis=1) == pytest.approx(np.ones(len(q)))
    assert found.temperature > 0 and 0 <= found.lapse < 1


@given(judged())
def test_names_of_labels_do_not_matter(known: tuple[Floats, Ints]) -> None:
    q, truth = known
    order = np.random.default_rng(len(q)).permutation(q.shape[1])
    place = np.argsort(order)
    assert fitted(q[:, order], place[truth]) == fitted(q, truth)


@given(judged(least=2))
def test_order_of_controls_does_not_matter(known: tuple[Floats, Ints]) -> None:
    q, truth = known
    assert fitted(q[::-1], truth[::-1]) == fitted(q, truth)


@pytest.mark.parametrize("k", [2, 4])
def test_more_controls_allow_surer_claims(k: int) -> None:
    found = [claim(sure(k, n), np.zeros(n, dtype=np.int64), k) for n in (0, 2, 5, 20, 100)]
    assert all(a < b for a, b in pairwise(found))
    assert found[0] < 0.95 < found[3]


@given(judged(least=1), st.integers(0, 1000))
def test_a_wrong_control_allows_no_surer_claim(known: tuple[Floats, Ints], at: int) -> None:
    q, truth = known
    k, right, wrong = q.shape[1], q.argmax(axis=1), truth.copy()
    row = at % len(q)
    wrong[row] = (right[row] + 1) % k
    better = wrong.copy()
    better[row] = right[row]
    assert claim(q, wrong, k) <= claim(q, better, k) + 0.02  # the grid is that coarse


@pytest.mark.parametrize("wrong", [2, 3, 4])
def test_a_crowd_that_is_wrong_when_sure_settles_nothing(wrong: int) -> None:
    truth = np.zeros(10, dtype=np.int64)
    truth[:wrong] = 1
    assert claim(sure(2, 10, 0.99999), truth, 2) < 0.87  # without broken campaigns in the prior, 0.89 for two


def test_habits_are_learnt_from_crowds() -> None:
    rng = np.random.default_rng(0)
    crowds = []
    for _ in range(8):
        odds = rng.normal(0, 4, 300)
        q = 1 / (1 + np.exp(-odds))
        right = rng.random(300) < 1 / (1 + np.exp(-odds / 3.0))  # three times too sure
        crowds.append((np.stack([1 - q, q], axis=1), right.astype(np.int64)))
    found = habits_of(crowds)
    assert found.temperature >= 2.5 and found.spread <= 0.5
    assert found.temperature > RECORDED.temperature


def crowd(most: int = 4) -> tuple[AnswerTable, NDArray[np.int64]]:
    """60 items, of which the first 20 are controls with `most` times as many answers as the others."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60)
    item = np.concatenate([np.repeat(np.arange(20), 3 * most), np.repeat(np.arange(20, 60), 3)])
    label = np.where(rng.random(len(item)) < 0.8, truth[item], 1 - truth[item])
    controls = np.where(np.arange(60) < 20, truth, -1)
    worker = rng.integers(0, 15, len(item))
    return AnswerTable.of_labels(item, worker, label, 2, 60, 15, controls=controls), truth


def test_each_control_is_read_while_hidden_and_half_are_told() -> None:
    table, truth = crowd(1)
    seen = []

    def read(part: AnswerTable) -> Floats:
        assert part.controls is not None
        seen.append(part.controls)
        return np.where(part.controls >= 0, 0.0, 1.0)[None, :].repeat(2, axis=0)  # 1 where it was hidden

    q, told = untold(table, read)
    assert q.shape == (20, 2) and (q == 1.0).all()
    assert sorted(told.tolist()) == sorted(truth[:20].tolist())
    assert [(one >= 0).sum() for one in seen] == [10, 10]


@pytest.mark.parametrize("most", [1, 4])
def test_a_hidden_control_keeps_as_many_answers_as_others_have(most: int) -> None:
    table, _ = crowd(most)

    def read(part: AnswerTable) -> Floats:
        assert part.controls is not None
        have = np.bincount(part.item, minlength=60)
        hidden = (np.arange(60) < 20) & (part.controls < 0)
        assert (have[hidden] == 3).all() and (have[20:] == 3).all()
        assert (have[:20][~hidden[:20]] == 3 * most).all()
        return np.full((2, 60), 0.5)

    untold(table, read)


def test_controls_that_contradict_the_crowd_take_its_confidence() -> None:
    table, truth = crowd(1)
    honest = refit(table)
    found = refit(replace(table, controls=np.where(np.arange(60) < 20, 1 - truth, -1)))
    assert found.calibrated[20:].max(axis=1).mean() < honest.calibrated[20:].max(axis=1).mean() - 0.1


def test_controls_without_answers_say_nothing() -> None:
    both = np.array([0, 1])
    table = AnswerTable.of_labels(both * 0, both, both * 0 + 1, 2, 2, 2, controls=np.array([-1, 0]))
    q, truth = untold(table, lambda part: np.full((2, 2), 0.5))
    assert q.shape == (0, 2) and truth.shape == (0,)
    assert np.isfinite(refit(table).calibrated).all()
