"""How many answers until a share of the items is settled, or the consensus is so often right: with an interval.

Open items are played forward (`core/moves.py`) under several calibrations, as far as later refits will move today's;
what the campaign's past has cost beside what the moves say of it corrects them (back-test). Fresh items are counted at
their full price while the begun ones are replaced, so that a campaign is judged by its rate, not by its best end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.audit import Trust
from core.item import Item, Role, Verdict
from core.moves import (
    LEVELS,
    Floats,
    Ints,
    Moves,
    Spent,
    confusions,
    examples_of,
    level_of,
    moves_of,
    past_moves,
    played,
    stops,
)
from core.ports import Beliefs, Snapshot

TRUSTED = 16  # calibrations
LEARNT = 0.6  # share of today's doubt about the calibration that later refits will settle
DRIFT = 0.15  # deviation, in nats, of what a campaign costs beside what its past says; from simulated campaigns
# (tests/benchmarks/bench_forecast.py judges it on others)
LEAST = 20  # settled items from which the past corrects the moves


@dataclass(frozen=True, slots=True)
class Range:
    """A figure with the interval that nine of ten futures lie in; inf where it is never reached."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is still to come. Answers are those to items, controls aside; money and days count the controls too."""

    share: float  # of the items, to be settled
    answers: Range
    days: Range | None  # None where nobody has answered yet
    cost: Range  # thousandths of the currency's unit
    reach: Range  # share of the items that will be settled when all are asked to the end; the rest is the admin's
    accuracy: float  # of the consensus, to be reached
    answers_to_accuracy: Range


def forecast(
    snapshot: Snapshot,
    beliefs: Beliefs,
    trusted: Trust,
    a_day: Sequence[int],
    rng: np.random.Generator,
    share: float = 0.95,
    accuracy: float = 0.95,
) -> Forecast:
    """Answers, days and money to go; `a_day`: answers of each of the last days, controls' too, oldest first.

    `trusted`: how far beliefs may be trusted (`core.audit.trust`). What later refits will claim is not known better.
    """
    items = [item for item in beliefs.items if item.verdict is not Verdict.WITHDRAWN]
    seen, theta = past_moves(snapshot, beliefs, rng), confusions(snapshot, beliefs, rng)
    campaign = replace(snapshot.campaign, pool=beliefs.pool)
    examples = examples_of(campaign, rng)
    futures = []
    today = stops(campaign, examples)[0]
    for temperature, lapse in _calibrations(trusted, beliefs):
        then = replace(campaign, pool=replace(beliefs.pool, temperature=temperature, lapse=lapse))
        moves = moves_of(then, seen, theta, examples, rng)
        futures.append(_future(items, moves, today, campaign.policy.max_overlap, share, accuracy, rng))
    answers, better, reached = (np.concatenate(each) for each in zip(*futures, strict=True))
    pay, paid = campaign.policy.pay, answers / (1 - _controls(snapshot))
    days = _range(_days(paid, a_day, rng)) if sum(a_day) else None
    cost = _range(paid * pay) if pay else Range(0.0, 0.0, 0.0)
    return Forecast(share, _range(answers), days, cost, _range(reached), accuracy, _range(better))


def _controls(snapshot: Snapshot) -> float:
    """Share of controls among the last third of the answers: newcomers, who get more, have come by then."""
    late = snapshot.answer_item[2 * len(snapshot.answer_item) // 3 :]
    known = np.array([item.role is Role.CONTROL for item in snapshot.items], dtype=bool)
    return min(float(known[late].mean()), 0.9) if len(late) else 0.0


def _calibrations(trusted: Trust, beliefs: Beliefs) -> list[tuple[float, float]]:
    """(temperature, lapse) of later refits: today's, moved by as much of what is not known today as they will know."""
    now, then = np.log(beliefs.pool.temperature), np.log(trusted.temperature[:TRUSTED])
    temperature = np.exp(now + LEARNT * (then - now))
    lapse = beliefs.pool.lapse + LEARNT * (trusted.lapse[:TRUSTED] - beliefs.pool.lapse)
    return list(zip(temperature.tolist(), lapse.tolist(), strict=True))


def _future(
    items: Sequence[Item],
    moves: Moves,
    today: Floats,
    most: int,
    share: float,
    accuracy: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """(D,) answers to the share, to the accuracy, and the share that is settled in the end, under one calibration."""
    everything = _standing([item for item in items if item.truth is None], most)
    begun, fresh = _standing([item for item in items if item.verdict is Verdict.OPEN], most), np.zeros_like(everything)
    fresh[0], begun[0] = begun[0], 0
    lost = np.maximum(today - moves.settles, 0.0) * (everything - begun - fresh)  # settled today, not under these
    settled = float(sum(item.verdict is Verdict.SETTLED for item in items))
    settled = max(settled - float(((today - moves.settles) * (everything - fresh)).sum()), 0.0)
    begun = begun + np.rint(lost).astype(np.int64)
    end, first = played(moves, begun, rng), played(moves, fresh, rng)
    slip = _slip(items, first, rng)
    sure = float((everything * moves.sure).sum()) + sum(item.truth is not None for item in items)
    answers = _until(share * len(items) - settled, first.settled, end.settled, first.answers, end.answers)
    better = _until(accuracy * len(items) - sure, first.gain, end.gain, first.answers, end.answers)
    return answers * slip, better * slip, np.minimum((settled + first.settled + end.settled) / max(len(items), 1), 1.0)


def _standing(items: Sequence[Item], most: int) -> Ints:
    """(max + 1, LEVELS) items by answers and level."""
    found = np.zeros((most + 1, LEVELS), dtype=np.int64)
    if items:
        answers = np.minimum([item.answers for item in items], most)
        np.add.at(found, (answers, level_of(np.array([item.posterior for item in items]))), 1)
    return found


def _slip(items: Sequence[Item], first: Spent, rng: np.random.Generator) -> Floats:
    """(D,) by how much the future costs more than the moves say: half of what the past has cost more (back-test),
    and what no past can tell, as refits and calibration move whole campaigns."""
    closed = [item.answers for item in items if item.verdict in (Verdict.SETTLED, Verdict.DISPUTED) and item.answers]
    settled = sum(item.verdict is Verdict.SETTLED and item.answers > 0 for item in items)
    noise = np.exp(DRIFT * rng.standard_normal(len(first.answers)))
    if settled < LEAST or not first.settled.any():
        return noise
    past = sum(closed) / settled
    expected = float(np.median(first.answers / np.maximum(first.settled, 1)))
    found: Floats = noise * (past / expected) ** 0.5
    return found


def _until(need: float, first: Floats, end: Floats, first_cost: Floats, end_cost: Floats) -> Floats:
    """(D,) answers until `need` is made, at what fresh items cost (while the begun ones are replaced), inf where all
    items together do not make it."""
    if need <= 0:
        return np.zeros(len(first))
    cost = np.where(first > 0, first_cost / np.maximum(first, 1e-9), end_cost / np.maximum(end, 1e-9))
    found: Floats = np.where(first + end >= need, need * cost, np.inf)
    return found


def _days(answers: Floats, a_day: Sequence[int], rng: np.random.Generator) -> Floats:
    """(D,) days that so many answers take: days like those of the past, which may be few (Bayesian bootstrap)."""
    past = np.array([*a_day, np.mean(a_day)], dtype=np.float64)  # one imagined day, so that one day has an interval
    weight = rng.dirichlet(np.ones(len(past)), len(answers))
    mean = np.maximum(weight @ past, 1e-9)
    spread = np.sqrt(np.maximum(weight @ past**2 - mean**2, mean))
    days = answers / mean
    found: Floats = np.maximum(
        days + rng.standard_normal(len(days)) * np.sqrt(np.where(np.isinf(days), 0, days)) * spread / mean, 0.0
    )
    return found


def _range(futures: Floats) -> Range:
    low, value, high = np.quantile(futures, [0.05, 0.5, 0.95], method="nearest").tolist()
    return Range(value, low, high)
