"""How many answers until a share of the items is settled, or the consensus is so often right: with an interval.

Open items are grouped by *level*, how sure their belief is (log odds of the likeliest label), and answers move them
from level to level. How they move is learnt from the campaign's own answers, replayed under today's reliabilities:
items are as hard as they have been, however sure the reliabilities are. Where the past is thin, simulated answers of
its workers fill in. Whether a level settles, disputes or asks on is asked of the stop rule itself. Each draw of the
future has moves of its own (Dirichlet), so that a short past gives a wide interval; each level is one multinomial, so
that a million items cost what a thousand do.

Deviations: a belief is its likeliest label's odds; workers and items meet at random; begun items go on first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.audit import Trust
from core.calibration import claimed
from core.campaign import Campaign
from core.evidence import Evidence
from core.ids import ItemId
from core.intake import judged, prior_of
from core.item import Content, Item, Medium, Role, Verdict
from core.ports import Beliefs, Snapshot
from core.posterior import absorb
from core.reliability import Reliability, confusion

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 40  # futures under each calibration
TRUSTED = 16  # calibrations
LEARNT = 0.6  # share of today's doubt about the calibration that later refits will settle
EDGES = np.linspace(0.0, 7.5, 16)  # of the levels, in nats
LEVELS = len(EDGES) + 1
FULL = 4  # answers from which an item counts as a hard one
REPLAYED = 4000  # begun items at most from which moves are learnt
PRIOR = 4.0  # simulated moves out of each level, in real ones
ROLLS = 256  # simulated answers out of each level
DRIFT = 0.15  # standard deviation, in nats, of what a campaign costs beside what its past says; measured on simulated
# campaigns (tests/benchmarks/bench_forecast.py has others)
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


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How answers move items. Phases: 0 before `FULL` answers, 1 from then on."""

    counts: Floats  # (2, LEVELS, LEVELS) moves seen, from level to level, simulated ones among them
    settles: Floats  # (max + 1, LEVELS) chance that the stop rule settles an item of this level with n answers
    disputes: Floats  # (max + 1, LEVELS) and that it disputes it
    sure: Floats  # (LEVELS,) what may be claimed of an item of this level


def level_of(posterior: Floats) -> Ints:
    """(N,) level of beliefs (N, K): by the log odds of the likeliest label against the rest."""
    top = np.clip(posterior.max(axis=1), 1e-12, 1 - 1e-12)
    return np.digitize(np.log(top) - np.log1p(-top), EDGES)


def moves_of(campaign: Campaign, seen: Floats, theta: Floats, examples: Floats, rng: np.random.Generator) -> Moves:
    """How answers will move items under a campaign's calibration: as they have (seen, as `_past` counts them), filled
    up with how the answers of its workers theta (P, K, K) should."""
    pool = campaign.pool
    counts = seen + PRIOR * _simulated(campaign, theta, examples, rng)
    settles, disputes = _stops(campaign, examples)
    sure = claimed(examples.reshape(-1, pool.labels), pool.temperature, pool.lapse).max(axis=1)
    return Moves(counts, settles, disputes, sure.reshape(LEVELS, -1).mean(axis=1))


def _examples(campaign: Campaign, rng: np.random.Generator) -> Floats:
    """(LEVELS, ROLLS, K) beliefs of each level: labels as common as they are, the rest mostly with one rival."""
    k, gap = campaign.pool.labels, EDGES[1] - EDGES[0]
    low = np.r_[-0.7, EDGES]
    odds = low[:, None] + gap * rng.random((LEVELS, ROLLS))
    top = 1 / (1 + np.exp(-odds))
    label = rng.choice(k, (LEVELS, ROLLS), p=np.array(campaign.pool.prior))
    rest = rng.dirichlet(np.full(k, 0.5), (LEVELS, ROLLS))
    np.put_along_axis(rest, label[..., None], 0.0, axis=2)
    found = rest / np.maximum(rest.sum(axis=2, keepdims=True), 1e-12) * (1 - top[..., None])
    np.put_along_axis(found, label[..., None], top[..., None], axis=2)
    return found / found.sum(axis=2, keepdims=True)


def _past(snapshot: Snapshot, beliefs: Beliefs, rng: np.random.Generator) -> Floats:
    """(2, LEVELS, LEVELS) moves that the answers to items made as they came, under today's reliabilities."""
    campaign = replace(snapshot.campaign, pool=beliefs.pool)
    order = np.argsort(snapshot.answer_item, kind="stable")
    rows, first = np.unique(snapshot.answer_item[order], return_index=True)
    last = np.r_[first[1:], len(order)]
    asked = [at for at, row in enumerate(rows.tolist()) if snapshot.items[row].role is not Role.CONTROL]
    if len(asked) > REPLAYED:
        asked = rng.choice(np.array(asked), REPLAYED, replace=False).tolist()
    found = np.zeros((2, LEVELS, LEVELS))
    for at in asked:
        path = [prior_of(campaign, snapshot.items[rows[at]])]
        for answer in order[first[at] : last[at]].tolist():
            reliability = beliefs.reliabilities[snapshot.workers[snapshot.answer_worker[answer]]]
            path.append(absorb(path[-1], Evidence(snapshot.answer_bits[answer]), reliability, beliefs.pool))
        levels = level_of(np.array(path)).tolist()
        for n, (before, after) in enumerate(pairwise(levels)):
            found[int(n >= FULL), before, after] += 1
    return found


def _people(snapshot: Snapshot, beliefs: Beliefs, rng: np.random.Generator) -> Floats:
    """(P, K, K) confusions of workers, drawn as often as they answer."""
    busy = np.bincount(snapshot.answer_worker, minlength=max(len(snapshot.workers), 1)).astype(np.float64)
    some = rng.choice(len(busy), 64, p=busy / busy.sum()) if busy.sum() else np.zeros(0, dtype=np.int64)
    people = [beliefs.reliabilities[snapshot.workers[w]] for w in some.tolist()]
    return np.array([confusion(one, beliefs.pool) for one in people or [Reliability.newcomer(beliefs.pool)]])


def _simulated(campaign: Campaign, theta: Floats, examples: Floats, rng: np.random.Generator) -> Floats:
    """(LEVELS, LEVELS) chance of each move where items are no harder than their beliefs claim; rows sum to 1."""
    pool, k = campaign.pool, campaign.pool.labels
    q = examples.reshape(-1, k)
    truth = _rolled(claimed(q, pool.temperature, pool.lapse), rng)
    who = rng.integers(0, len(theta), len(q))
    label = _rolled(theta[who, truth], rng)
    after = q * theta[who, :, label]
    after /= np.maximum(after.sum(axis=1, keepdims=True), 1e-300)
    moved = np.zeros((LEVELS, LEVELS))
    np.add.at(moved, (np.repeat(np.arange(LEVELS), ROLLS), level_of(after)), 1.0)
    return moved / ROLLS


def _rolled(chances: Floats, rng: np.random.Generator) -> Ints:
    """(N,) a draw from each row."""
    edge = chances.cumsum(axis=1)
    found: Ints = (rng.random((len(chances), 1)) * edge[:, -1:] > edge).sum(axis=1)
    return np.minimum(found, chances.shape[1] - 1)


def _stops(campaign: Campaign, examples: Floats) -> tuple[Floats, Floats]:
    """(max + 1, LEVELS) chances that the stop rule settles or disputes an item, asked of a few examples."""
    most, few = campaign.policy.max_overlap, 6
    settles, disputes = np.zeros((most + 1, LEVELS)), np.zeros((most + 1, LEVELS))
    blank = Item(
        ItemId(0), campaign.id, "", Content(Medium.TEXT, "?"), Role.PLAIN, None, "", Verdict.OPEN, campaign.pool.prior
    )
    for n in range(1, most + 1):
        for level in range(LEVELS):
            for q in examples[level, :few].tolist():
                verdict = judged(campaign, replace(blank, posterior=tuple(q), answers=n)).verdict
                settles[n, level] += (verdict is Verdict.SETTLED) / few
                disputes[n, level] += (verdict is Verdict.DISPUTED) / few
    return settles, disputes


@dataclass(frozen=True, slots=True, eq=False)
class Spent:
    """What a group of items comes to when all of it is asked to the end, in each future."""

    answers: Floats  # (D,)
    settled: Floats  # (D,)
    gain: Floats  # (D,) rise of the sum of what may be claimed


def played(moves: Moves, standing: Ints, rng: np.random.Generator, draws: int = DRAWS) -> Spent:
    """The futures of open items: standing (max + 1, LEVELS) counts them by answers and level."""
    most = len(standing) - 1
    chance = rng.standard_gamma(np.broadcast_to(moves.counts + 1e-9, (draws, 2, LEVELS, LEVELS)))
    chance /= chance.sum(axis=3, keepdims=True)
    spent, settled = np.zeros(draws), np.zeros(draws)
    gain = np.full(draws, -float((standing * moves.sure).sum()))
    now = np.zeros((draws, LEVELS), dtype=np.int64)
    for n in range(most):
        now = now + standing[n]
        if not now.any():
            continue
        spent += now.sum(axis=1)
        now = rng.multinomial(now, chance[:, int(n >= FULL)]).sum(axis=1)
        ends = np.clip(moves.settles[n + 1] + moves.disputes[n + 1], 0.0, 1.0) if n + 1 < most else np.ones(LEVELS)
        done = rng.binomial(now, ends)
        won = np.divide(moves.settles[n + 1], ends, out=np.zeros(LEVELS), where=ends > 0)
        settled += rng.binomial(done, np.clip(won, 0.0, 1.0)).sum(axis=1)
        gain += done @ moves.sure
        now = now - done
    return Spent(spent, settled, gain)


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
    seen, theta = _past(snapshot, beliefs, rng), _people(snapshot, beliefs, rng)
    campaign = replace(snapshot.campaign, pool=beliefs.pool)
    examples = _examples(campaign, rng)
    futures = []
    today = _stops(campaign, examples)[0]
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
    settled = sum(item.verdict is Verdict.SETTLED for item in items)
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
