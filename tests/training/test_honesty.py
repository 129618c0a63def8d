"""Calibration, the blend, the probe, and the figures that judge them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.calibrate import Blend, fit_blend, fit_temperature, log_losses, softmax
from training.errors import BadExamples
from training.evaluate import evaluate, reliability
from training.examples import ENOUGH, Examples, held_parts, shuffled_batches, sorted_batches
from training.probe import fit_probe
from training.recipe import Kind, Recipe
from training.voices import foretold, judge_voices


def boastful(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, 4) three times too sure, and the soft truth that the honest ones would claim."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.2, (n, 4))
    return 3 * honest, softmax(honest)


def test_a_boastful_network_is_cooled_down() -> None:
    logits, truth = boastful(600, 0)
    temperature = fit_temperature(logits, truth, np.ones(600))
    assert temperature == pytest.approx(3.0, rel=0.05)
    fresh, fresh_truth = boastful(600, 1)
    cooled = softmax(fresh / temperature)
    assert (cooled.argmax(axis=1) == fresh.argmax(axis=1)).all()
    assert log_losses(cooled, fresh_truth).mean() < log_losses(softmax(fresh), fresh_truth).mean() - 0.2
    rng = np.random.default_rng(0)
    assert evaluate(cooled, fresh_truth, rng).ece.value < 0.4 * evaluate(softmax(fresh), fresh_truth, rng).ece.value


def by_noisy_answers(shared: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(logits, beliefs, likelihoods, truth) of 3,000 contents: honest logits, and beliefs by two answers each, right on
    0.75, formed without the content. Of the wrong ones, this share is what the network thinks likeliest."""
    rng, n, k = np.random.default_rng(5), 3000, 4
    logits = rng.normal(0, 2.5, (n, k))
    truth = (softmax(logits).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    likelihoods, likeliest = np.ones((n, k)), logits.argmax(axis=1)
    thought = np.where(likeliest == truth, (truth + 1) % k, likeliest)
    for _ in range(2):
        wrong = np.where(rng.random(n) < shared, thought, (truth + rng.integers(1, k, n)) % k)
        said = np.where(rng.random(n) < 0.75, truth, wrong)
        likelihoods *= np.where(np.eye(k)[said] > 0, 0.75, 0.25 / (k - 1))
    beliefs = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    return logits, beliefs, likelihoods, np.eye(k)[truth]


def test_doubtful_answers_do_not_make_an_honest_network_doubtful() -> None:
    logits, beliefs, likelihoods, truth = by_noisy_answers(0.0)
    weights = np.ones(len(logits))
    assert fit_temperature(logits, truth, weights) == pytest.approx(1.0, abs=0.05)
    alone = fit_temperature(logits, beliefs, weights)
    assert alone > 1.5, "beliefs are more doubtful than a network that reads the content"
    both = fit_temperature(logits, beliefs, weights, likelihoods)
    assert both == pytest.approx(np.sqrt(alone), rel=0.05), "half way to the truth, which the likelihood finds"
    assert fit_temperature(logits, beliefs, weights, 7 * likelihoods) == pytest.approx(both), "its scale says nothing"
    blend = fit_blend(logits, 2 * logits, beliefs, weights, likelihoods)
    assert [blend.network_temperature, blend.probe_temperature] == pytest.approx([both, 2 * both], rel=0.05)
    said = blend.probabilities(logits, 2 * logits)
    assert log_losses(said, truth).mean() < log_losses(softmax(logits / alone), truth).mean() - 0.02


def test_voices_are_fitted_by_the_likelihoods() -> None:
    """The held-out rows' own, in their order."""
    logits, beliefs, likelihoods, _ = (part[:200] for part in by_noisy_answers(0.0))
    examples = Examples(Kind.TEXT, ("a",) * 200, beliefs, np.ones(200), likelihoods=likelihoods)
    kept, held = np.arange(80), np.arange(199, 79, -1)
    fitted = judge_voices(logits[held], logits, examples, [(kept, held)], 0)
    probe = foretold(logits, examples, [(kept, held)], fitted.pull)
    told = logits[held], probe, beliefs[held], np.ones(120)
    assert fitted.blend == fit_blend(*told, likelihoods[held]) != fit_blend(*told)


def test_errors_in_common_do_not_make_a_network_cold() -> None:
    """Where workers err on what the network errs on, the likelihood alone would make it too sure."""
    logits, beliefs, likelihoods, _ = by_noisy_answers(1.0)
    weights = np.ones(len(logits))
    alone, both = (fit_temperature(logits, beliefs, weights, given) for given in (None, likelihoods))
    assert both**2 / alone < 0.9, "the likelihood's own"
    assert np.log(both) < 0.5 * np.log(alone), "the honest one is 1"
    assert both > 1


def test_likelihoods_must_fit_the_examples() -> None:
    soft = np.full((2, 3), 1 / 3)
    for wrong in (np.ones((2, 2)), np.ones((3, 3)), np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])):
        with pytest.raises(BadExamples, match="likelihoods"):
            Examples(Kind.TEXT, ("a", "b"), soft, np.ones(2), likelihoods=wrong)
    plain, likely = (Examples(Kind.TEXT, ("a", "b"), soft, np.ones(2), likelihoods=given) for given in (None, soft))
    assert plain.fingerprint != likely.fingerprint


def test_nothing_held_out_changes_no_temperature() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)) == 1.0
    assert fit_blend(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)) == Blend()


def test_a_voice_that_only_guesses_is_hardly_heard() -> None:
    logits, truth = boastful(300, 2)
    noise = np.random.default_rng(3).normal(0, 3, (300, 4))
    assert fit_blend(logits, noise, truth, np.ones(300)).probe_share < 0.1
    assert fit_blend(noise, logits, truth, np.ones(300)).probe_share > 0.9


def test_two_voices_that_err_apart_are_averaged() -> None:
    rng = np.random.default_rng(4)
    truth = np.eye(4)[rng.integers(0, 4, 300)]
    first, second = (2 * truth + rng.normal(0, 1.5, (300, 4)) for _ in range(2))
    blend = fit_blend(first, second, truth, np.ones(300))
    assert 0.4 < blend.probe_share < 0.6
    alone = log_losses(softmax(first / blend.network_temperature), truth).mean()
    assert log_losses(blend.probabilities(first, second), truth).mean() < alone


def test_figures_against_soft_truth_by_hand() -> None:
    said = np.array([[0.8, 0.2], [0.3, 0.7]])
    truth = np.array([[0.9, 0.1], [0.5, 0.5]])
    report = evaluate(said, truth, np.random.default_rng(0), draws=50)
    assert report.accuracy.value == pytest.approx((0.9 + 0.5) / 2)
    assert report.log_loss.value == pytest.approx(
        -(0.9 * np.log(0.8) + 0.1 * np.log(0.2) + 0.5 * np.log(0.3) + 0.5 * np.log(0.7)) / 2
    )
    assert report.brier.value == pytest.approx((0.9 * 0.08 + 0.1 * 1.28 + 0.5 * 0.18 + 0.5 * 0.98) / 2)
    assert report.ece.value == pytest.approx((0.1 + 0.2) / 2)
    assert report.macro_f1.value == pytest.approx((2 * 0.9 / (1 + 1.4) + 2 * 0.5 / (1 + 0.6)) / 2)
    assert report.confusion == ((0.9, 0.5), (0.1, 0.5))
    assert report.accuracy.low <= report.accuracy.value <= report.accuracy.high


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        right = rng.random(150) < 0.8
        said = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
        interval = evaluate(said, np.tile([1.0, 0.0], (150, 1)), rng, draws=200).accuracy
        held += interval.low <= 0.8 <= interval.high
    assert 180 <= held <= 198


def test_the_probe_agrees_with_a_known_solver() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (120, 5))
    y = (x @ rng.normal(0, 1, (5, 3)) + rng.gumbel(size=(120, 3))).argmax(axis=1)
    w = rng.uniform(0.2, 2, 120)
    probe = fit_probe(x, np.eye(3)[y], w, pull=0.5)
    z = ((torch.from_numpy(x).float() - probe.centre) / probe.scale).numpy()
    z = np.column_stack([z, np.full(120, np.sqrt(0.5))])  # the bias, pulled with strength 1
    known = linear_model.LogisticRegression(C=2.0, max_iter=1000, tol=1e-8, fit_intercept=False).fit(z, y, w / w.mean())
    mine = softmax(probe.logits(torch.from_numpy(x).float()).double().numpy())
    np.testing.assert_allclose(mine, known.predict_proba(z), atol=2e-3)


def test_a_label_without_examples_is_not_ruled_out() -> None:
    """Seen to fail with a free bias: the unseen label's chance then sinks to nothing."""
    rng = np.random.default_rng(8)
    x = rng.normal(0, 1, (60, 5))
    probe = fit_probe(x, np.eye(4)[rng.integers(0, 3, 60)], np.ones(60), pull=0.1)
    said = softmax(probe.logits(torch.from_numpy(x).float()).double().numpy())
    assert 1e-3 < said[:, 3].mean() < 0.1


def test_every_row_travels_exactly_once() -> None:
    lengths = np.random.default_rng(7).integers(1, 40, 101)
    for batches in (shuffled_batches(lengths, 8, np.random.default_rng(1)), list(sorted_batches(lengths, 8, 100))):
        assert sorted(np.concatenate(batches)) == list(range(101))
    assert all(len(rows) * lengths[rows].max() <= 100 for rows in sorted_batches(lengths, 8, 100))
    padded = sum(len(rows) * lengths[rows].max() for rows in shuffled_batches(lengths, 8, np.random.default_rng(1)))
    assert padded < 1.3 * lengths.sum()


def test_few_examples_are_held_out_in_several_parts() -> None:
    """Planted and caught: one part alone (fewer than ENOUGH held out), kept rows that hold the part's own."""
    parts = held_parts(100, 0.2, np.random.default_rng(0))
    held = np.concatenate([out for _, out in parts])
    assert len(parts) == 3 and len(set(held.tolist())) == len(held) == ENOUGH
    assert all(len(kept) == 80 and set(kept) | set(out) == set(range(100)) for kept, out in parts)
    assert len(held_parts(500, 0.2, np.random.default_rng(0))) == 1
    assert held_parts(19, 0.2, np.random.default_rng(0)) == held_parts(100, 0.0, np.random.default_rng(0)) == []


def test_few_texts_are_seen_more_often() -> None:
    """Planted and caught: many texts treated like few, passes beyond four times the recipe's."""
    recipe = Recipe(epochs=10, batch_size=32, least_steps=60)
    few, some, many = (recipe.suited_to(Kind.TEXT, n) for n in (40, 100, 1000))
    assert (few.epochs, some.epochs) == (40, 20) and many == recipe


def test_no_point_of_the_reliability_diagram_is_one_items_luck() -> None:
    rng = np.random.default_rng(0)
    for items, groups in ((3, 1), (31, 3), (400, 10)):
        confidence = rng.uniform(0.3, 1.0, items)
        right = (rng.random(items) < confidence).astype(float)
        said, share, sizes = np.array(reliability(confidence, right)).T
        assert len(said) == groups and sizes.sum() == items and np.ptp(sizes) <= 1
        assert (np.diff(said) > 0).all()
        assert (said * sizes).sum() == pytest.approx(confidence.sum())
        assert (share * sizes).sum() == pytest.approx(right.sum())
    assert np.abs(said - share).max() < 0.25
