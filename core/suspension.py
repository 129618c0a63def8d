"""Who is stopped: a sequential test on controls, which stops a bounded share of honest workers.

After each control the surprise is the log likelihood ratio (nats) of somebody who answers at random against the least
honest worker of this crowd (Wald 1945, doi:10.1214/aoms/1177731118). Above `bound` the worker is suspended; below
`PASSED` they have passed, and are held at `FLOOR`, from where the test goes on for those who give up honest work.

Deviations: Wald's bounds ignore that the last control oversteps them; ours are computed exactly. The least honest
worker is the lowest tenth of what is believed of the campaign's workers, at most 0.80 right: where the crowd itself is
near chance, nobody can be told from a random answerer, and nobody is suspended. Nor by a text of many words, which even
honest people seldom mark quite right. A worker who always says one label is
right as often as it is true of the controls: the refit finds those (`core/vigilance.py`).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from core import marks
from core.beta import beta_quantile
from core.evidence import Evidence
from core.reliability import Model, Pool

HONEST = 0.80  # share right of the least honest worker, at most
LOWEST = 0.1  # quantile of the crowd's accuracies
APART = 0.05  # least distance of the honest level from chance at which the two can be told apart
PASSED, FLOOR = -2.4, -8.0  # nats
MOST = 1_000  # controls that the exact bound looks ahead: after that hardly anybody's first test goes on


@lru_cache(maxsize=256)
def honest_level(pool: Pool, marks_: int = 1) -> float:
    """How often the least honest worker of this crowd is right about an item of so many marks, in whole percent, at
    most `HONEST`."""
    if pool.of_one:
        return 1.0
    accuracy = min(max(pool.accuracy, 1e-3), 1 - 1e-3)
    lowest = beta_quantile(LOWEST, pool.strength * accuracy, pool.strength * (1 - accuracy))
    if pool.model is Model.MARKS:  # about the whole set
        each = marks.accuracies(pool.prior, pool.confusion)
        lowest = math.prod(right * lowest / accuracy for right in marks.stretched(each, marks_))
    return min(HONEST, math.floor(100 * lowest) / 100)


def truths(pool: Pool, marks_: int) -> int:
    """How many truths an item may have: labels, or sets of its marks."""
    return 1 << marks_ if pool.model is Model.MARKS else pool.labels


def tells_one(evidence: Evidence, pool: Pool, marks_: int) -> bool:
    """Whether an answer names one truth; "not sure", a group or "none of these" do not."""
    if pool.model is Model.MARKS:
        return marks.marked_by(evidence, marks_) is not None
    return len(evidence) == 1


def fits(truth: int, evidence: Evidence, pool: Pool, marks_: int) -> bool:
    """Whether an answer leaves the truth (`Item.truth`) possible; of several labels each must be right."""
    if pool.model is Model.MARKS:
        said = marks.marked_by(evidence, marks_)
        return said is None or marks.bits_of(said) == truth
    return truth in evidence


def step(right: bool, labels: int, level: float) -> float:
    """Nats by which one control speaks for a random answerer; 0 where random and honest are too near."""
    chance = 1 / labels
    if level < chance + APART:
        return 0.0
    return math.log(chance / level) if right else math.log((1 - chance) / (1 - level))


def after_control(surprise: float, right: bool, labels: int, level: float) -> float:
    """The surprise after one more control."""
    after = surprise + step(right, labels, level)
    if after <= PASSED < surprise:
        return FLOOR
    return max(after, FLOOR)


def stops(surprise: float, labels: int, level: float, allowed: float, alike: bool = True) -> bool:
    """Whether this is enough to suspend somebody; `allowed` share of honest workers, 0 suspends nobody. Where controls
    are not all `alike`, as texts have more words and fewer, the bound is the one that holds for any (Ville's)."""
    if allowed <= 0 or surprise <= 0:
        return False
    return surprise >= (bound(labels, level, allowed) if alike else math.log(1 / allowed))


@lru_cache(maxsize=1024)
def bound(labels: int, level: float, allowed: float) -> float:
    """Nats above which a worker is suspended: the lowest with at most `allowed` honest ones above it, ever."""
    low, high = 0.5, math.log(1 / allowed) + 0.1  # the upper end always holds (Ville's inequality)
    while high - low > 0.02:
        middle = (low + high) / 2
        low, high = (low, middle) if crossing(labels, level, level, middle) <= 0.98 * allowed else (middle, high)
    return high


def crossing(labels: int, level: float, right: float, above: float, most: int = MOST) -> float:
    """The chance that somebody who is right with probability `right` is stopped by their first test, exactly.

    By dynamic programming over the number of wrong answers after each control, for `most` controls.
    """
    good, bad = step(True, labels, level), step(False, labels, level)
    if bad <= 0:
        return 0.0
    wrong, alive, stopped = np.arange(most + 1), np.zeros(most + 1), 0.0
    alive[0] = 1.0
    for controls in range(1, most + 1):
        alive[1:], alive[0] = alive[1:] * right + alive[:-1] * (1 - right), alive[0] * right
        surprise = wrong * bad + (controls - wrong) * good
        over = surprise >= above
        stopped += float(alive[over].sum())
        alive[over | (surprise <= PASSED)] = 0.0
        if controls % 50 == 0 and alive.sum() < 1e-6:
            break
    return stopped
