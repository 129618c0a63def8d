"""How answers move open items from level to level of certainty: what a forecast plays forward.

A *level* is how sure a belief is (log odds of the likeliest label against the rest). How answers move items is learnt
from the campaign's own answers, replayed under today's reliabilities: items are as hard as they have been, however
sure the reliabilities are. Where the past is thin, simulated answers of its workers fill in. Whether a level settles,
disputes or asks on is asked of the stop rule itself. Each draw of the future has moves of its own (Dirichlet), so that
a short past gives a wide interval; each level is one multinomial, so that a million items cost what a thousand do.

Deviations: a belief is its likeliest label's odds; workers and items meet at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.calibration import claimed
from core.campaign import Campaign
from core.evidence import Evidence
from core.intake import prior_of
from core.item import Role
from core.marks import moves as marks_moves
from core.marks import rates_of
from core.marks import worth as marks_worth
from core.ports import Beliefs, Snapshot
from core.posterior import absorb
from core.reliability import Model, Pool, Reliability, confusion
from core.stopping import Next, StopRule, decide, hoped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 40  # futures under each calibration
EDGES = np.linspace(0.0, 7.5, 16)  # of the levels, in nats
LEVELS = len(EDGES) + 1
FULL = 4  # answers from which an item counts as a hard one
REPLAYED = 4000  # begun items at most from which moves are learnt
PRIOR = 4.0  # simulated moves out of each level, in real ones
ROLLS = 256  # simulated answers out of each level
ASKED = 6  # examples of each level of which the stop rule is asked


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How answers move items. Phases: 0 before `FULL` answers, 1 from then on."""

    counts: Floats  # (2, LEVELS, LEVELS) moves seen, from level to level, simulated ones among them
    settles: Floats  # (max + 1, LEVELS) chance that the stop rule settles an item of this level with n answers
    disputes: Floats  # (max + 1, LEVELS) and that it disputes it
    sure: Floats  # (LEVELS,) what may be claimed of an item of this level


def level_of(posterior: Floats, model: Model = Model.MATRIX) -> Ints:
    """(N,) level of beliefs (N, K): by the log odds of the likeliest label against the rest; of several labels by those
    of the least sure one."""
    top = np.clip(_tops(posterior, model), 1e-12, 1 - 1e-12)
    found: Ints = np.digitize(np.log(top) - np.log1p(-top), EDGES)
    return found


def _tops(q: Floats, model: Model) -> Floats:
    """(...) how sure beliefs (..., K) are: `core.posterior.sureness`."""
    found: Floats = np.nanmin(np.maximum(q, 1 - q), axis=-1) if model is Model.MARKS else q.max(axis=-1)
    return found


def _claims(q: Floats, pool: Pool) -> Floats:
    """(..., K) beliefs as sure as may be claimed."""
    if pool.model is Model.MARKS:
        return marks_worth.claimed(q, pool.temperature, pool.lapse)
    return claimed(q.reshape(-1, pool.labels), pool.temperature, pool.lapse).reshape(q.shape)


def moves_of(campaign: Campaign, seen: Floats, theta: Floats, examples: Floats, rng: np.random.Generator) -> Moves:
    """How answers will move items under a campaign's calibration: as they have (seen, as `_past` counts them), filled
    up with how the answers of its workers theta (P, K, K) should."""
    pool = campaign.pool
    counts = seen + PRIOR * _simulated(campaign, theta, examples, rng)
    settles, disputes = stops(campaign, examples)
    sure = _tops(_claims(examples, pool), pool.model)
    return Moves(counts, settles, disputes, sure.reshape(LEVELS, -1).mean(axis=1))


def examples_of(campaign: Campaign, rng: np.random.Generator, marks: int) -> Floats:
    """(LEVELS, ROLLS, K) beliefs of each level: labels as common as they are, the rest mostly with one rival. `marks`:
    how many a usual item has, where answers mark some."""
    k, gap = campaign.pool.labels, EDGES[1] - EDGES[0]
    low = np.r_[-0.7, EDGES]
    odds = low[:, None] + gap * rng.random((LEVELS, ROLLS))
    if campaign.pool.model is Model.MARKS:
        return marks_moves.examples(campaign.pool, odds, rng, marks)
    top = 1 / (1 + np.exp(-odds))
    label = rng.choice(k, (LEVELS, ROLLS), p=np.array(campaign.pool.prior))
    rest = rng.dirichlet(np.full(k, 0.5), (LEVELS, ROLLS))
    np.put_along_axis(rest, label[..., None], 0.0, axis=2)
    found = rest / np.maximum(rest.sum(axis=2, keepdims=True), 1e-12) * (1 - top[..., None])
    np.put_along_axis(found, label[..., None], top[..., None], axis=2)
    examples: Floats = found / found.sum(axis=2, keepdims=True)
    return examples


def past_moves(snapshot: Snapshot, beliefs: Beliefs, rng: np.random.Generator) -> Floats:
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
        levels = level_of(np.array(path), beliefs.pool.model).tolist()
        for n, (before, after) in enumerate(pairwise(levels)):
            found[int(n >= FULL), before, after] += 1
    return found


def confusions(snapshot: Snapshot, beliefs: Beliefs, rng: np.random.Generator) -> Floats:
    """(P, K, K) confusions of workers, drawn as often as they answer; (P, K, 2) of marks: imagines and sees, (P, 1, 2)
    where all share them."""
    busy = np.bincount(snapshot.answer_worker, minlength=max(len(snapshot.workers), 1)).astype(np.float64)
    some = rng.choice(len(busy), 64, p=busy / busy.sum()) if busy.sum() else np.zeros(0, dtype=np.int64)
    people = [beliefs.reliabilities[snapshot.workers[w]] for w in some.tolist()]
    found, pool = people or [Reliability.newcomer(beliefs.pool)], beliefs.pool
    if pool.model is Model.MARKS:
        return np.array([rates_of(one.counts, pool.confusion, pool.strength) for one in found])
    return np.array([confusion(one, pool) for one in found])


def _simulated(campaign: Campaign, theta: Floats, examples: Floats, rng: np.random.Generator) -> Floats:
    """(LEVELS, LEVELS) chance of each move where items are no harder than their beliefs claim; rows sum to 1."""
    pool = campaign.pool
    q = examples.reshape(-1, examples.shape[-1])
    after = marks_moves.answered(q, theta, pool, rng) if pool.model is Model.MARKS else _answered(q, theta, pool, rng)
    moved = np.zeros((LEVELS, LEVELS))
    np.add.at(moved, (np.repeat(np.arange(LEVELS), ROLLS), level_of(after, pool.model)), 1.0)
    return moved / ROLLS


def _answered(q: Floats, theta: Floats, pool: Pool, rng: np.random.Generator) -> Floats:
    """(N, K) beliefs after one answer each."""
    truth = _rolled(claimed(q, pool.temperature, pool.lapse), rng)
    who = rng.integers(0, len(theta), len(q))
    label = _rolled(theta[who, truth], rng)
    after = q * theta[who, :, label]
    found: Floats = after / np.maximum(after.sum(axis=1, keepdims=True), 1e-300)
    return found


def _rolled(chances: Floats, rng: np.random.Generator) -> Ints:
    """(N,) a draw from each row."""
    edge = chances.cumsum(axis=1)
    found: Ints = (rng.random((len(chances), 1)) * edge[:, -1:] > edge).sum(axis=1)
    return np.asarray(np.minimum(found, chances.shape[1] - 1), dtype=np.int64)


def stops(campaign: Campaign, examples: Floats) -> tuple[Floats, Floats]:
    """(max + 1, LEVELS) chances that the stop rule settles or disputes an item, asked of a few examples."""
    policy, pool, some = campaign.policy, campaign.pool, examples[:, :ASKED]
    rule = StopRule(policy.confidence, policy.min_overlap, policy.max_overlap)
    sure = _tops(_claims(some, pool), pool.model)
    found = np.zeros((2, rule.max_overlap + 1, LEVELS))
    for level, ask in np.ndindex(LEVELS, some.shape[1]):
        claim, belief = float(sure[level, ask]), some[level, ask].tolist()
        for n in range(rule.min_overlap, rule.max_overlap + 1):
            best = hoped(belief, rule.max_overlap - n, rule, pool) if claim < rule.confidence else 1.0
            verdict = decide((claim,), n, rule, best)
            found[:, n, level] += verdict is Next.SETTLE, verdict is Next.DISPUTE
    settles, disputes = found / some.shape[1]
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
