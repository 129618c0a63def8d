"""Laws of what a night is taught: answered items and controls, audit items never.

Planted bugs, each seen to fail here:
- controls are not taught; audit items are; a withdrawn control is
- a control is taught as its workers answered it (`test_a_control_is_taught_as_it_was_told`)
- its workers' voices are heard in it, or their caps turn it down (`test_no_worker_speaks_in_a_control`)
- controls hide that no worker's lesson weighs anything (`test_controls_alone_teach_nothing_where_too_few_...`)
- controls count among the answers that a first training needs (`test_controls_alone_start_no_training`)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bot.simulated.loop import Loop, opened, run
from core.campaign import Goal, Policy
from core.errors import NothingToLearn, TrainingFailed
from core.item import Item, Role, Verdict
from core.planning import plan
from core.ports import Beliefs, Snapshot
from core.refit import beliefs_of
from core.teaching import lessons_of
from tests.bot.test_simulate import clouds, probes, scene

CONTROLS = 20


@pytest.fixture(scope="module")
def played() -> tuple[Loop, Snapshot, Beliefs]:
    stage = scene(clouds(), 300)
    loop = opened(stage, Policy(goal=Goal.LABELS, audit_share=0.2), probes(stage), CONTROLS, learns=False)
    run(loop, lambda _: None)
    snapshot = loop.archive.snapshot(loop.id)
    return loop, snapshot, beliefs_of(snapshot)


def controls(items: list[Item]) -> list[Item]:
    return [item for item in items if item.role is Role.CONTROL]


def test_a_control_is_taught_as_it_was_told(played: tuple[Loop, Snapshot, Beliefs]) -> None:
    loop, snapshot, beliefs = played
    found = plan(snapshot, beliefs)
    assert {item.role for item in found.taught} == {Role.PLAIN, Role.CONTROL}
    told = controls(found.taught)
    assert len(told) == found.told == CONTROLS
    lessons = lessons_of(snapshot, beliefs, found.taught)
    rows = [at for at, item in enumerate(found.taught) if item.role is Role.CONTROL]
    truth = [loop.scene.task.truth[loop.row_of[item.id]] for item in told]
    assert (lessons.targets[rows].argmax(axis=1) == truth).all()
    assert lessons.targets[rows].max(axis=1).min() > 0.95
    assert lessons.likelihoods is not None
    assert (lessons.likelihoods[rows] == lessons.targets[rows]).all()
    others = [at for at in range(len(found.taught)) if at not in rows]
    assert lessons.targets[others].max(axis=1).min() < 0.95, "the crowd is not that sure of everything"


def test_no_worker_speaks_in_a_control(played: tuple[Loop, Snapshot, Beliefs]) -> None:
    """Workers have answered all controls, and the busiest is held for a ring: controls weigh what they weighed."""
    _, snapshot, beliefs = played
    taught = plan(snapshot, beliefs).taught
    seen = beliefs.vigilance
    assert seen is not None
    by_control = np.isin(snapshot.answer_item, [at for at, i in enumerate(snapshot.items) if i.role is Role.CONTROL])
    assert by_control.sum() > CONTROLS
    busy = np.bincount(snapshot.answer_worker[~by_control], minlength=len(snapshot.workers)).argmax()
    group = np.full(len(snapshot.workers), -1)
    group[busy] = 0
    heard = lessons_of(snapshot, replace(beliefs, vigilance=replace(seen, group=group)), taught)
    before = lessons_of(snapshot, replace(beliefs, vigilance=None), taught).weights
    kept = np.isclose(heard.weights, before)
    told = np.array([item.role is Role.CONTROL for item in taught])
    assert kept[told].all() and not kept[~told].all()
    assert [bool(voices) for voices in heard.voices] == (~told).tolist()


def test_controls_alone_teach_nothing_where_too_few_workers_are_left(
    played: tuple[Loop, Snapshot, Beliefs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody is held for one ring, and the alarm that would say so first is off."""
    _, snapshot, beliefs = played
    monkeypatch.setattr("core.teaching.ALARM", 2.0)
    seen = beliefs.vigilance
    assert seen is not None
    ring = replace(seen, group=np.zeros(len(snapshot.workers), dtype=np.int64))
    with pytest.raises(TrainingFailed, match="Too few workers"):
        lessons_of(snapshot, replace(beliefs, vigilance=ring), plan(snapshot, beliefs).taught)


def test_a_withdrawn_control_teaches_nothing(played: tuple[Loop, Snapshot, Beliefs]) -> None:
    _, snapshot, beliefs = played
    first = controls(list(snapshot.items))[0]
    gone = [replace(item, verdict=Verdict.WITHDRAWN) if item is first else item for item in snapshot.items]
    assert plan(replace(snapshot, items=gone), beliefs).told == CONTROLS - 1


def test_controls_alone_start_no_training(played: tuple[Loop, Snapshot, Beliefs]) -> None:
    _, snapshot, beliefs = played
    answered = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers]
    with pytest.raises(NothingToLearn, match="Only 19 items"):
        plan(snapshot, replace(beliefs, items=answered[:19]))
