"""Laws of cross-fitted lessons.

Planted bugs, each seen to fail here:
- the voices of a row have learnt that row (`test_a_row_is_judged_by_the_others`)
- the lessons keep the voices out (`test_the_other_items_put_wrong_answers_right`)
- a campaign whose goal is labels is taught by voices (`test_labels_are_taught_by_the_crowd_alone`)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.simulated.loop import opened, run
from bot.simulated.network import foretold
from core import routing
from core.campaign import Goal, Policy
from core.cross_fitting import cross_fitted
from core.item import Item
from core.planning import plan
from core.ports import Beliefs, Snapshot
from core.refit import beliefs_of
from core.teaching import lessons_of
from core.version import Lessons
from tests.bot.test_simulate import clouds, probes, scene
from training.cross_fit import cross_fit

Floats = NDArray[np.float64]


def by_simulated(x: Floats, soft: Floats) -> Floats:
    return foretold(x.astype(np.float32), soft, np.ones(len(x)), np.random.default_rng(0), 3)[0]


def by_trainer(x: Floats, soft: Floats) -> Floats:
    return cross_fit(x, soft, np.ones(len(x)), 0)


@pytest.mark.parametrize("fit", [by_simulated, by_trainer])
def test_a_row_is_judged_by_the_others(fit: Callable[[Floats, Floats], Floats]) -> None:
    """A wrong lesson amid right ones of its cloud is spoken against, however easily it could be learnt by heart."""
    rng = np.random.default_rng(1)
    truth = np.arange(90) % 3
    x = 6 * np.eye(200)[truth] + rng.normal(0, 1, (90, 200)) / 2
    told = np.where(np.arange(90) < 6, (truth + 1) % 3, truth)
    said = fit(x, np.eye(3)[told])
    assert said.shape == (90, 3)
    assert said.sum(axis=1) == pytest.approx(np.ones(90))
    assert (said.argmax(axis=1) == truth).all()


def campaign(goal: Goal) -> tuple[Snapshot, Beliefs, list[Item], Lessons, float]:
    """A simulated one after 300 answers without a night; its lessons, and how many of its plain lessons are right."""
    task = clouds()
    stage = scene(task, 300)
    loop = opened(stage, Policy(goal=goal, audit_share=0.05), probes(stage), 20, learns=False)
    run(loop, lambda _: None)
    snapshot = loop.archive.snapshot(loop.id)
    beliefs = beliefs_of(snapshot)
    taught = plan(snapshot, beliefs).taught
    truth = np.array([task.truth[loop.row_of[item.id]] for item in taught])
    alone = lessons_of(snapshot, beliefs, taught)
    checked = cross_fitted(snapshot, beliefs, taught, loop.trainer)
    right = float((alone.targets.argmax(axis=1) == truth).mean())
    return snapshot, beliefs, taught, checked, float((checked.targets.argmax(axis=1) == truth).mean()) - right


def test_the_other_items_put_wrong_answers_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each lesson has one answer, as with a queue that asks about nothing twice."""
    monkeypatch.setattr(routing, "LESSON_ANSWERS", 1)
    *_, gained = campaign(Goal.MODEL)
    assert gained > 0.08


def test_labels_are_taught_by_the_crowd_alone() -> None:
    snapshot, beliefs, taught, checked, _ = campaign(Goal.LABELS)
    alone = lessons_of(snapshot, beliefs, taught)
    assert checked.targets.tolist() == alone.targets.tolist()


def test_silence_stays_silent() -> None:
    """A campaign that hears no network is not taught by one either."""
    snapshot, beliefs, taught, *_ = campaign(Goal.MODEL)
    mute = replace(snapshot.campaign.draft, policy=replace(snapshot.campaign.policy, network_weight=0.0))
    silent = replace(snapshot, campaign=replace(snapshot.campaign, draft=mute))
    trainer = probes(scene(clouds()))
    lessons = cross_fitted(silent, beliefs, taught, trainer)
    assert lessons.targets.tolist() == lessons_of(silent, beliefs, taught).targets.tolist()
