"""How many answers until a share of the items is settled, or the consensus is so often right: with an interval.

Open items are played forward (`core/moves.py`) under several calibrations, as far as later refits will move today's;
what the campaign's past has cost beside what the moves say of it corrects them (back-test). Fresh items are counted at
their full price while the begun ones are replaced, so that a campaign is judged by its rate, not by its best end.
A goal that may be out of reach has a chance, and an interval for the futures that reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.audit import Trust
from core.item import Item, Role, Verdict
from core.marks.worth import stacked
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
from core.reliability import Model

TRUSTED = 16  # calibrations
# The next three are from simulated campaigns; tests/benchmarks/bench_forecast.py judges them on others.
WARMER = 0.5  # of today's doubt about the temperature: what refits of a whole campaign move it. Few controls are to
# come, so that most of the doubt stays, and a refit claims what it claimed before
LAPSING = 0.2  # and about the lapse
DRIFT = 0.17  # deviation, in nats, of what a campaign costs beside what its past says
SWING, IMAGINED = 0.4, 3  # deviation of a day's answers beside the mean day's, as of so many days, where no past tells
LEAST = 20  # settled items from which the past corrects the moves


@dataclass(frozen=True, slots=True)
class Range:
    """A figure in the middle of the futures that reach it, the interval that nine of ten of these lie in, and the
    share of futures that do; inf where none does."""

    value: float
    low: float
    high: float
    chance: float = 1.0


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
    usual = int(np.median([len(item.posterior) for item in items])) if items else beliefs.pool.labels
    examples = examples_of(campaign, rng, max(usual, 1))
    futures = []
    today, early = stops(campaign, examples)[0], _early(snapshot, items)
    for temperature, lapse in _calibrations(trusted, beliefs, _ahead(items, share)):
        then = replace(campaign, pool=replace(beliefs.pool, temperature=temperature, lapse=lapse))
        moves = moves_of(then, seen, theta, examples, rng)
        goals, most, model = (share, accuracy), campaign.policy.max_overlap, beliefs.pool.model
        futures.append(_future(items, moves, today, most, goals, early, model, rng))
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


def _ahead(items: Sequence[Item], share: float) -> float:
    """How much of the way to the share is still ahead, in [0.05, 1]."""
    return max(1 - _settled(items) / max(share * len(items), 1), 0.05)


def _early(snapshot: Snapshot, items: Sequence[Item]) -> int:
    """Items that count as settled now and would not after a refit.

    An item settles at the first answers that make it sure, and a refit opens some again. The goal is met in the same
    way, with as many of them.
    """
    standing = [item for item in snapshot.items if item.role is not Role.CONTROL]
    return max(_settled(standing) - _settled(items), 0)


def _settled(items: Sequence[Item]) -> int:
    return sum(item.verdict is Verdict.SETTLED for item in items)


def _calibrations(trusted: Trust, beliefs: Beliefs, ahead: float) -> list[tuple[float, float]]:
    """(temperature, lapse) of later refits: today's, moved by as much of what is not known today as they will know,
    which grows with the root of the answers to come."""
    warm = np.log(trusted.temperature)
    evenly = np.argsort(warm, kind="stable")[((np.arange(TRUSTED) + 0.5) * len(warm) / TRUSTED).astype(np.int64)]
    moved, pool = np.sqrt(ahead), beliefs.pool
    temperature = pool.temperature * np.exp(WARMER * moved * (warm[evenly] - warm.mean()))
    lapse = pool.lapse + LAPSING * moved * (trusted.lapse[evenly] - trusted.lapse.mean())
    return list(zip(temperature.tolist(), np.maximum(lapse, 0.0).tolist(), strict=True))


def _future(
    items: Sequence[Item],
    moves: Moves,
    today: Floats,
    most: int,
    goals: tuple[float, float],
    early: int,
    model: Model,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """(D,) answers to the share, to the accuracy, and the share that is settled in the end, under one calibration.

    `goals`: the share and the accuracy. `early`: items that will count as settled though a refit opens them again.
    """
    everything = _standing([item for item in items if item.truth is None], most, model)
    begun = _standing([item for item in items if item.verdict is Verdict.OPEN], most, model)
    fresh = np.zeros_like(everything)
    fresh[0], begun[0] = begun[0], 0
    lost = np.maximum(today - moves.settles, 0.0) * (everything - begun - fresh)  # settled today, not under these
    settled = max(_settled(items) - float(((today - moves.settles) * (everything - fresh)).sum()), 0.0)
    begun = begun + np.rint(lost).astype(np.int64)
    end, first = played(moves, begun, rng), played(moves, fresh, rng)
    slip = _slip(items, first, rng)
    sure = float((everything * moves.sure).sum()) + sum(item.truth is not None for item in items)
    wanted, right = goals[0] * len(items) - settled - early, goals[1] * len(items) - sure
    answers = _until(wanted, first.settled, end.settled, first.answers, end.answers)
    better = _until(right, first.gain, end.gain, first.answers, end.answers)
    return answers * slip, better * slip, np.minimum((settled + first.settled + end.settled) / max(len(items), 1), 1.0)


def _standing(items: Sequence[Item], most: int, model: Model) -> Ints:
    """(max + 1, LEVELS) items by answers and level."""
    found = np.zeros((most + 1, LEVELS), dtype=np.int64)
    if items:
        answers = np.minimum([item.answers for item in items], most)
        np.add.at(found, (answers, level_of(stacked([item.posterior for item in items]), model)), 1)
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
    """(D,) days that so many answers take: the mean day is known from those of the past, which may be few, and a few
    imagined ones (Student's t); each day to come is as unlike the mean as these were."""
    past, n = np.array(a_day, dtype=np.float64), len(a_day)
    apart = ((past / past.mean() - 1) ** 2).sum() + IMAGINED * SWING**2
    swing = np.sqrt(apart / (n + IMAGINED - 1))
    rate = past.mean() * np.exp(swing / np.sqrt(n) * rng.standard_t(n + IMAGINED - 1, len(answers)))
    days = answers / rate
    unlike = swing * np.sqrt(np.where(np.isinf(days), 0.0, days)) * rng.standard_normal(len(days))
    found: Floats = np.maximum(days + unlike, 0.0)
    return found


def _range(futures: Floats) -> Range:
    reached = futures[np.isfinite(futures)]
    if not len(reached):
        return Range(np.inf, np.inf, np.inf, 0.0)
    low, value, high = np.quantile(reached, [0.05, 0.5, 0.95]).tolist()
    return Range(value, low, high, len(reached) / len(futures))
