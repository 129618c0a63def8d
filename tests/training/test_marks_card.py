"""Figures of versions with several labels, or marked words: against scikit-learn, and how often intervals are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from training.marks_card import by_language, marks_card


def case(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances with many ties, and what holds, which is known."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, k)) < 0.4).astype(float)
    return np.round(np.clip(rng.normal(0.3 + 0.4 * truth, 0.2), 0.01, 0.99), 2), truth


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_figures_of_sets_are_those_of_a_known_library(seed: int, k: int) -> None:
    """Seen to fail with precision and recall exchanged."""
    said, truth = case(60, k, seed)
    card = marks_card(said, truth[None], False, np.random.default_rng(0), draws=5)
    called = said > 0.5
    for average, mine in (
        ("micro", (card.micro_precision, card.micro_recall, card.micro_f1)),
        ("macro", (card.macro_precision, card.macro_recall, card.macro_f1)),
    ):
        other = metrics.precision_recall_fscore_support(truth, called, average=average, zero_division=0)[:3]
        assert [figure.value for figure in mine] == pytest.approx(list(other))
    assert card.exact.value == pytest.approx(metrics.accuracy_score(truth, called))
    assert card.accuracy.value == pytest.approx(1 - metrics.hamming_loss(truth, called))
    assert card.macro_roc_auc.value == pytest.approx(metrics.roc_auc_score(truth, said, average="macro"))
    assert card.log_loss.value == pytest.approx(metrics.log_loss(truth.ravel(), said.ravel()))
    assert card.brier.value == pytest.approx(metrics.brier_score_loss(truth.ravel(), said.ravel()))
    assert [one.items for one in card.labels] == truth.sum(axis=0).tolist() and card.marks == truth.sum()


def ragged(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Words of texts of three to nine words."""
    said, truth = case(n, 9, seed)
    behind = np.arange(9) >= np.random.default_rng(seed).integers(3, 10, (n, 1))
    return np.where(behind, np.nan, said), np.where(behind, np.nan, truth)


@given(st.integers(0, 10_000))
def test_words_of_all_texts_have_one_label(seed: int) -> None:
    """Seen to fail with what is behind the last word counted."""
    said, truth = ragged(50, seed)
    card = marks_card(said, truth[None], True, np.random.default_rng(0), draws=5)
    there = ~np.isnan(said)
    flat, chance = truth[there], said[there]
    (label,) = card.labels
    known = metrics.precision_recall_fscore_support(flat, chance > 0.5, average="binary")[:3]
    assert [label.precision.value, label.recall.value, label.f1.value] == pytest.approx(list(known))
    assert card.micro_f1.value == card.macro_f1.value == label.f1.value
    assert label.roc_auc.value == pytest.approx(metrics.roc_auc_score(flat, chance))
    right = np.where(there, (said > 0.5) == truth, np.nan)
    assert card.accuracy.value == pytest.approx(np.nanmean(right, axis=1).mean())
    assert card.exact.value == pytest.approx((np.nanmin(right, axis=1) == 1).mean())
    assert card.log_loss.value == pytest.approx(metrics.log_loss(flat, chance))


def test_a_doubted_truth_counts_by_its_share() -> None:
    """Seen to fail with the likeliest set for the truth, and with the last label alone exact."""
    said, truth = np.array([[0.9, 0.2], [0.6, 0.8]]), np.array([[0.75, 0.5], [0.5, 1.0]])
    card = marks_card(said, truth[None], False, np.random.default_rng(0), draws=5)
    assert card.accuracy.value == pytest.approx((0.75 + 0.5 + 0.5 + 1.0) / 4)
    assert card.exact.value == pytest.approx((0.75 * 0.5 + 0.5 * 1.0) / 2)
    assert card.micro_precision.value == pytest.approx((0.75 + 0.5 + 1.0) / 3)
    assert card.micro_recall.value == pytest.approx((0.75 + 0.5 + 1.0) / 2.75)
    assert card.labels[0].recall.value == pytest.approx(1.0) and card.labels[1].recall.value == pytest.approx(1 / 1.5)
    bins = [0.9 - 0.75, 0.8 - 0.5 + 0.8 - 1.0, 0.6 - 0.5]
    assert card.ece.value == pytest.approx(sum(map(abs, bins)) / 4)


def test_intervals_are_over_items_whose_marks_err_together() -> None:
    """Half the items are read well and half badly: an interval over single marks would be too narrow."""
    rng, held, widths = np.random.default_rng(5), 0, []
    for _ in range(60):
        truth = (rng.random((80, 12)) < 0.5).astype(float)
        skill = np.where(rng.random((80, 1)) < 0.5, 0.95, 0.55)
        right = rng.random(truth.shape) < skill
        said = np.where(right == (truth == 1), 0.8, 0.2)
        found = marks_card(said, truth[None], False, rng, draws=100).accuracy
        held += found.low <= 0.75 <= found.high
        widths.append(found.high - found.low)
    assert 52 <= held <= 60 and np.mean(widths) > 0.08, "960 marks one by one would be as sure as 0.055"


def test_intervals_know_what_the_crowd_does_not() -> None:
    """Seen to fail with expected counts in place of draws of what holds."""
    rng = np.random.default_rng(1)
    said = np.where(rng.random((60, 3)) < 0.5, 0.9, 0.1)
    sure, torn = np.where(said > 0.5, 0.999, 0.001), np.where(said > 0.5, 0.8, 0.2)
    wide = [marks_card(said, np.stack([one] * 4), False, rng).exact for one in (sure, torn)]
    assert wide[0].high - wide[0].low < 0.05 < 0.15 < wide[1].high - wide[1].low
    assert wide[1].value == pytest.approx(0.8**3)


def test_languages_are_judged_apart() -> None:
    said, truth = case(40, 3, 1)
    languages = np.array(["en"] * 12 + [""] * 10 + ["zh"] * 16 + ["de"] * 2)
    found = by_language(said, truth[None], False, languages, np.random.default_rng(0))
    assert set(found) == {"en", "zh"} and found["zh"].items == 16
    assert found["zh"].accuracy.value == pytest.approx(((said > 0.5) == truth)[22:38].mean())


def test_a_label_that_nothing_defines_spoils_no_mean() -> None:
    said, truth = np.tile([0.8, 0.3, 0.1], (6, 1)), np.tile([1.0, 0.0, 0.0], (6, 1))
    truth[:3, 1] = 1
    card = marks_card(said, truth[None], False, np.random.default_rng(0), draws=5)
    assert np.isnan(card.labels[2].recall.value) and np.isnan(card.labels[2].precision.value)
    assert card.macro_recall.value == pytest.approx(0.5) and card.macro_roc_auc.value == pytest.approx(0.5)
