"""Laws of replay: nothing is bought twice or beyond what the rule wants, and controls are no help to the score.

Planted bugs that these were seen to catch: controls counted in the figures; a deck that loses the answers it did not
buy; answers to an item not counted; controls not told to the refit, or the truth of all items told; an uneven share for
the vote; the vote of a tie given to the first label; hopeless items asked to the last answer.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evidence import Evidence
from core.inference import AnswerTable
from core.replay import Recorded, _even, _morning, _pass, _refitted, compared, drawn_controls, replay
from core.scoring import calibration_error, log_loss, voted
from core.stopping import StopRule


def crowd(seed: int, items: int = 60, workers: int = 12, overlap: int = 8, skill: float = 0.75) -> Recorded:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, items, p=[0.5, 0.3, 0.2])
    item = np.repeat(np.arange(items), overlap)
    worker = np.concatenate([rng.permutation(workers)[:overlap] for _ in range(items)])
    knows = rng.random(len(item)) < np.where(worker % 3 == 0, 0.0, skill)  # every third only guesses
    label = np.where(knows, truth[item], rng.integers(0, 3, len(item)))
    return Recorded(AnswerTable.of_labels(item, worker, label, 3, items, workers), truth)


def run(recorded: Recorded, rule: StopRule, share: float = 0.1, seed: int = 0):  # type: ignore[no-untyped-def]
    controls = drawn_controls(recorded.truth, share, np.random.default_rng(seed))
    return replay(recorded, rule, controls, share, np.random.default_rng(seed))


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_no_item_gets_more_than_the_most(seed: int, most: int) -> None:
    recorded = crowd(seed)
    found = run(recorded, StopRule(0.95, 2, most), seed=seed)
    assert 2 * 54 <= found.spent <= most * 60
    assert 0 <= found.settled_share <= 1
    if found.settled_share:
        assert found.claimed >= 0.95


def test_the_same_seed_gives_the_same_run_and_surer_runs_buy_more() -> None:
    recorded = crowd(3)
    runs = [run(recorded, StopRule(confidence, 2, 8)) for confidence in (0.6, 0.9, 0.99)]
    assert runs[1] == run(recorded, StopRule(0.9, 2, 8))
    assert runs[0].spent < runs[1].spent < runs[2].spent <= 480


def test_it_is_as_right_as_the_vote_for_fewer_answers() -> None:
    found = [compared(crowd(seed, items=80, skill=0.8), StopRule(0.95, 2, 8), 0.1, seed) for seed in range(2)]
    for one in found:
        assert one.answers_all == 640 and one.run.spent < 640
        assert one.to_reach_vote is None or one.to_reach_vote <= 640
    assert np.mean([one.run.accuracy - one.vote_same_cost for one in found]) > 0.01
    reached = [one.to_reach_vote for one in found if one.to_reach_vote]
    assert reached and np.mean(reached) < 600


def test_controls_are_left_out_of_every_figure() -> None:
    blind = crowd(1, skill=0.0)  # answers say nothing: only what is told could be right
    found = compared(blind, StopRule(0.95, 2, 8), 0.5, 0)
    assert found.run.accuracy < 0.75 and found.vote_all < 0.6


def test_half_the_items_as_controls_cost_no_more_than_their_share() -> None:
    recorded = crowd(2)
    controls = drawn_controls(recorded.truth, 0.5, np.random.default_rng(0))
    assert (controls >= 0).sum() == 30
    assert (controls[controls >= 0] == recorded.truth[controls >= 0]).all()
    assert len(recorded.judged(controls)) == 30


def test_what_is_not_bought_stays_in_the_deck_and_controls_are_told() -> None:
    recorded, rule = crowd(6), StopRule(0.7, 2, 8)
    lies = np.where(np.arange(60) < 6, (recorded.truth + 1) % 3, -1)
    day, evidences = _morning(recorded.table), [Evidence.of(k) for k in range(3)]
    left = _pass(recorded, day, range(480), evidences, rule, lies, 0.1)
    assert left and sorted(day.taken + left) == list(range(480))
    found = _refitted(recorded, day, lies, rule, 20)
    assert (found.posteriors[:6].argmax(axis=1) == lies[:6]).all()
    assert (found.posteriors[6:].argmax(axis=1) == recorded.truth[6:]).mean() > 0.6


def test_the_day_knows_no_truth_but_the_controls() -> None:
    blind, rule = crowd(7, skill=0.0), StopRule(0.95, 2, 8)
    day, evidences = _morning(blind.table), [Evidence.of(k) for k in range(3)]
    _pass(blind, day, range(480), evidences, rule, np.full(60, -1), 0.0)
    assert (np.array(day.posteriors).argmax(axis=1) == blind.truth).mean() < 0.8


def test_an_even_share_takes_every_item_once_before_any_twice() -> None:
    table = crowd(4).table
    taken = _even(table, 90, np.random.default_rng(0))
    counts = np.bincount(table.item[taken], minlength=60)
    assert len(set(taken.tolist())) == 90 and set(counts.tolist()) == {1, 2}


def test_an_item_that_no_answer_can_settle_gets_no_more() -> None:
    """Half of the workers say one label and half the other."""
    torn = AnswerTable.of_labels(np.repeat(np.arange(40), 8), np.tile(np.arange(8), 40), np.tile([0, 1], 160), 2, 40, 8)
    recorded = Recorded(torn, np.zeros(40, dtype=np.int64))
    found = run(recorded, StopRule(0.99, 2, 8), share=0.0)
    assert found.spent < 8 * 40 and found.settled_share < 0.5


def test_truth_that_is_known_of_some_items_only() -> None:
    full = crowd(5)
    some = Recorded(full.table, np.where(np.arange(60) < 20, full.truth, -1))
    found = run(some, StopRule(0.9, 2, 8), share=0.2)
    assert found.spent > 100 and 0 <= found.accuracy <= 1


def test_scores() -> None:
    votes = np.array([[2.0, 2.0, 0.0], [0.0, 1.0, 0.0]])
    assert voted(votes, np.array([1, 1])) == 0.75
    beliefs = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert log_loss(beliefs, np.array([0, 1])) == pytest.approx(-np.log([0.5, 0.75]).mean())
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    assert calibration_error(sure, np.array([True, False, True, False])) == pytest.approx(0.25)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0
