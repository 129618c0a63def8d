"""Recorded answers as if they came live: day updates, the stop rule, a refit now and then; and what voting would cost.

Answers are drawn in random order. An answer to an item that is settled or disputed is not bought; it stays in the deck,
for the case that a refit opens the item again. Controls are bought for at most their share of all answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.evidence import Evidence
from core.inference import AnswerTable, Refit, dawid_skene, refit
from core.posterior import absorb, claimed, one_hot, start
from core.reliability import Pool, Reliability, learnt
from core.scoring import accuracy, voted
from core.stopping import Next, StopRule, decide, hoped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROWTH = 1.6  # answers between refits, as a factor
FIRST = 100  # answers before the first refit, or a fortieth of all
SWEEPS, LAST_SWEEPS = 25, 60  # of a refit on the way, and of the last
PASSES = 6  # through what is left of the deck
LADDER = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """All answers and what is known of the truth."""

    table: AnswerTable  # without controls
    truth: Ints  # (N,) -1 where unknown

    def judged(self, controls: Ints) -> Ints:
        """Items of known truth that are not controls."""
        return np.flatnonzero((self.truth >= 0) & (controls < 0))

    def votes(self, keep: Ints | None = None) -> Floats:
        """(N, K) votes of the answers `keep`; a set's vote is spread over its labels."""
        table, k = self.table, self.table.labels
        share = table.sets / table.sets.sum(axis=1, keepdims=True)
        rows = np.arange(len(table.item)) if keep is None else keep
        item, weight = table.item[rows], share[table.evidence[rows]]
        found = np.stack([np.bincount(item, weight[:, j], table.n_items) for j in range(k)], axis=1)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one run came to; figures over items of known truth that are not controls."""

    spent: int  # answers
    accuracy: float
    settled_share: float
    settled_accuracy: float  # nan where nothing was settled
    claimed: float  # mean confidence of settled items, nan where nothing was


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside voting and Dawid-Skene."""

    run: Replayed
    answers_all: int
    vote_all: float
    dawid_skene_all: float
    vote_same_cost: float
    to_reach_vote: int | None  # answers of the cheapest confidence that is as right as the full vote


@dataclass(slots=True)
class Day:
    """Beliefs on the way."""

    pool: Pool
    posteriors: list[tuple[float, ...]]
    reliabilities: list[Reliability]
    answers: list[int]
    next: list[Next]
    taken: list[int] = field(default_factory=list)
    on_controls: int = 0


def drawn_controls(truth: Ints, share: float, rng: np.random.Generator) -> Ints:
    """(N,) the truth of a random share of the items whose truth is known, -1 elsewhere."""
    known = rng.permutation(np.flatnonzero(truth >= 0))
    chosen = known[: round(share * len(known))]
    found = np.full(len(truth), -1, dtype=np.int64)
    found[chosen] = truth[chosen]
    return found


def replay(recorded: Recorded, rule: StopRule, controls: Ints, share: float, rng: np.random.Generator) -> Replayed:
    """One run through the answers in random order."""
    day, deck = _morning(recorded.table), rng.permutation(len(recorded.table.item)).tolist()
    evidences = [Evidence.among(np.flatnonzero(row).tolist()) for row in recorded.table.sets]
    for _ in range(PASSES):
        before = len(day.taken)
        deck = _pass(recorded, day, deck, evidences, rule, controls, share)
        if len(day.taken) == before:
            break
        _refitted(recorded, day, controls, rule, SWEEPS)
    return _summed_up(recorded, day, _refitted(recorded, day, controls, rule, LAST_SWEEPS), controls)


def _morning(table: AnswerTable) -> Day:
    pool = Pool.fresh(table.labels)
    blank, newcomer, n = start(pool), Reliability.newcomer(pool), table.n_items
    return Day(pool, [blank] * n, [newcomer] * table.n_workers, [0] * n, [Next.ASK] * n)


def _pass(
    recorded: Recorded,
    day: Day,
    deck: Sequence[int],
    evidences: Sequence[Evidence],
    rule: StopRule,
    controls: Ints,
    share: float,
) -> list[int]:
    """Buys what is wanted of the deck; what is left of it."""
    table, left = recorded.table, []
    items, workers, rows = table.item.tolist(), table.worker.tolist(), table.evidence.tolist()
    known, due = controls.tolist(), max(FIRST, len(items) // 40, int(len(day.taken) * GROWTH))
    for a in deck:
        i = items[a]
        if known[i] >= 0:
            wanted = day.on_controls < share * (len(day.taken) + 10) and day.answers[i] < rule.max_overlap
        else:
            wanted = day.next[i] is Next.ASK
        if not wanted:
            left.append(a)
            continue
        _bought(day, i, workers[a], evidences[rows[a]], known[i], rule)
        day.taken.append(a)
        if len(day.taken) >= due:
            _refitted(recorded, day, controls, rule, SWEEPS)
            due = int(len(day.taken) * GROWTH)
    return left


def _bought(day: Day, i: int, worker: int, evidence: Evidence, known: int, rule: StopRule) -> None:
    """The day's update, as `core.intake` has it."""
    who, pool = day.reliabilities[worker], day.pool
    belief = day.posteriors[i] if known < 0 else one_hot(known, pool.labels)
    day.answers[i] += 1
    if known < 0:
        day.posteriors[i] = absorb(belief, evidence, who, pool)
        day.next[i] = _judged(day, i, rule)
    else:
        day.on_controls += 1
    day.reliabilities[worker] = learnt(who, belief, evidence, pool)


def _refitted(recorded: Recorded, day: Day, controls: Ints, rule: StopRule, sweeps: int) -> Refit:
    """All beliefs anew from what was bought; verdicts follow."""
    found = refit(part_of(recorded.table, np.array(day.taken, dtype=np.int64), controls), day.pool, sweeps)
    day.pool = found.pool
    day.posteriors = list(map(tuple, found.posteriors.tolist()))
    day.reliabilities = [Reliability(tuple(row)) for row in found.counts.tolist()]
    day.next = [_judged(day, i, rule) for i in range(len(day.answers))]
    return found


def _judged(day: Day, i: int, rule: StopRule) -> Next:
    """The stop rule, as `core.intake` has it."""
    belief, answers = day.posteriors[i], day.answers[i]
    return decide(claimed(belief, day.pool), answers, rule, hoped(belief, rule.max_overlap - answers, rule, day.pool))


def part_of(table: AnswerTable, rows: Ints, controls: Ints | None = None) -> AnswerTable:
    """The table of some of its answers."""
    rows = np.sort(rows)
    item, worker, evidence = table.item[rows], table.worker[rows], table.evidence[rows]
    return AnswerTable(item, worker, evidence, table.sets, table.n_items, table.n_workers, controls=controls)


def _summed_up(recorded: Recorded, day: Day, found: Refit, controls: Ints) -> Replayed:
    judged = recorded.judged(controls)
    q, truth = found.calibrated[judged], recorded.truth[judged]
    settled = np.array([day.next[i] is Next.SETTLE for i in judged], dtype=bool)
    return Replayed(
        len(day.taken),
        accuracy(q, truth),
        float(settled.mean()) if len(settled) else float("nan"),
        accuracy(q[settled], truth[settled]),
        float(q[settled].max(axis=1).mean()) if settled.any() else float("nan"),
    )


def compared(recorded: Recorded, rule: StopRule, share: float, seed: int) -> Comparison:
    """A run at the rule's confidence, the baselines, and the search for the cheapest run as right as the full vote."""
    table = recorded.table
    controls = drawn_controls(recorded.truth, share, np.random.default_rng(seed))
    judged = recorded.judged(controls)
    truth = recorded.truth[judged]
    run = replay(recorded, rule, controls, share, np.random.default_rng([seed, 1]))
    vote = voted(recorded.votes()[judged], truth)
    return Comparison(
        run,
        len(table.item),
        vote,
        accuracy(dawid_skene(table)[0][judged], truth),
        voted(recorded.votes(_even(table, run.spent, np.random.default_rng([seed, 1])))[judged], truth),
        _cheapest(recorded, rule, controls, share, seed, vote, run),
    )


def _even(table: AnswerTable, cost: int, rng: np.random.Generator) -> Ints:
    """`cost` answers, spread over the items as evenly as they come."""
    order = rng.permutation(len(table.item))
    by_item = order[np.argsort(table.item[order], kind="stable")]
    item = table.item[by_item]
    turn = np.arange(len(item)) - np.searchsorted(item, item)
    return np.asarray(by_item[np.lexsort((rng.random(len(turn)), turn))][:cost])


def _cheapest(
    recorded: Recorded, rule: StopRule, controls: Ints, share: float, seed: int, vote: float, run: Replayed
) -> int | None:
    """By bisection of `LADDER`: a surer run costs more and is, but for luck, as right."""
    found = [run.spent] if run.accuracy >= vote else []
    low, high = 0, len(LADDER)
    while low < high:
        middle = (low + high) // 2
        step = StopRule(LADDER[middle], rule.min_overlap, rule.max_overlap)
        tried = replay(recorded, step, controls, share, np.random.default_rng([seed, 1]))
        if tried.accuracy >= vote:
            found.append(tried.spent)
            high = middle
        else:
            low = middle + 1
    return min(found, default=None)
