"""A simulation of real people: everybody is asked what they have answered on record, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bot.simulated.crowd import Simulated, crowd_of
from bot.simulated.fixed import RIVALS, compete
from bot.simulated.loop import opened, run
from bot.simulated.strategies import probes
from bot.simulated.task import Task
from core.evidence import Evidence
from tests.bot.test_simulate import POLICY, clouds, scene


def on_record(task: Task, each: int) -> list[Simulated]:
    """Twelve people of whom each has `each` answers on record."""
    dice, found = np.random.default_rng(5), []
    for mind in crowd_of(len(task.labels), 0)[:12]:
        rows = dice.choice(len(task), each, replace=False).tolist()
        found.append(replace(mind, recorded={row: mind.label(int(task.truth[row]), row, dice) for row in rows}))
    return found


def test_people_on_record_are_asked_what_they_have_answered_and_no_more() -> None:
    """Planted and caught: the whole queue is offered to everybody, and controls too."""
    task = clouds(120)
    people = on_record(task, 30)
    stage = replace(scene(task, 5000), crowd=people)
    loop = opened(stage, POLICY, probes(stage), 5)
    run(loop, lambda _: None)
    who_is = {worker.id: at for at, worker in enumerate(loop.people)}
    assert 200 < loop.spent <= 360
    for answer in loop.store.answers.values():
        recorded = people[who_is[answer.worker]].recorded or {}
        assert answer.evidence == Evidence.of(recorded[loop.row_of[answer.item]])
    curve = compete(RIVALS["random-vote"], stage, probes(stage), lambda _: None)
    assert curve.points[-1].answers >= 200
