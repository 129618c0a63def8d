"""Rows 2 and 3 of the issue: answers saved by stopping, and honest confidence.

What was tuned on what: the calibration's prior (`core.calibration.RECORDED`) is learnt from these sets, so each set is
judged here under a prior learnt from the fourteen others, by the same function. The form of the calibration and that
of `core.stopping.worth` were chosen with these sets in sight. In `hitspam` no two answers to one item differ, among
38,593, and the truth contradicts a third of them: there is no crowd in that file, only a label for each item. It stays
in every mean; the mean without it stands beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from core.calibration import Calibration, Habits, habits_of
from core.inference import dawid_skene, refit
from core.scoring import calibration_error
from core.stopping import worth
from tests.benchmarks.crowds import CATEGORICAL, Crowd, Floats, Ints, load
from tests.benchmarks.table import Row, spread, told

STEP = 1.15  # answers bought between two refits, as a factor
LEVELS = (0.90, 0.95, 0.99)


def rows(draws: int) -> tuple[Row, ...]:
    """Answers saved, then honesty."""
    crowds = [load(name) for name in CATEGORICAL]
    return (*saved(crowds, draws), *honesty(crowds, draws))


def saved(crowds: list[Crowd], draws: int) -> list[Row]:
    """Answers spent until the consensus is as right as majority vote with all answers.

    The price of an answer falls step by step, from dear to free: at each price the items worth it get one more of
    their answers, in a random order, and all beliefs are refitted. Spent is what the highest price that does it takes.
    """
    found_rows: list[Row] = []
    for least in (2, 1):
        part = f"2. answers saved, at least {least} an item, {draws} draws"
        ratios = []
        for crowd in crowds:
            ratios.append([len(crowd.item) / _spent(crowd, seed, least) for seed in range(draws)])
            told(f"  {crowd.name:14s} {np.mean(ratios[-1]):6.2f} times fewer answers, at least {least} an item")
        found = np.array(ratios)
        often = np.isfinite(found).mean(axis=1)
        for crowd, row, share in zip(crowds, found, often, strict=True):
            seldom = {} if share == 1 else {"reached in a share of draws of": float(share)}
            found_rows.append(Row(part, crowd.name, float(row.mean()), *spread(row), seldom))
        reach = np.isfinite(found.mean(axis=1))
        logs = np.log(found.mean(axis=1)[reach])
        low, high = np.exp(spread(logs))
        words = f"geometric mean of the {reach.sum()} of {len(crowds)} sets where every draw reaches it"
        mean = float(np.exp(logs.mean()))
        found_rows.append(Row(part, words, mean, float(low), float(high), {}, ">= 3.3", mean >= 3.3))
    return found_rows


def _spent(crowd: Crowd, seed: int, least: int) -> float:
    """Answers, between the two steps that the vote's accuracy lies between; nan where all answers do not reach it."""
    target, turn, have = crowd.vote(), crowd.turn(seed), np.bincount(crowd.item, minlength=len(crowd.truth))
    got, before = np.minimum(least, have), (0.0, 0.0)
    while True:
        part = crowd.only(turn < got[crowd.item])
        found = refit(part.table(), sweeps=25)
        spent, right = len(part.item), part.right(found.posteriors)
        if right >= target:
            if right <= before[1] or before[0] == 0.0:
                return float(spent)
            return before[0] + (spent - before[0]) * (target - before[1]) / (right - before[1])
        if (got >= have).all():
            return float("nan")
        before = (float(spent), right)
        got[_worthiest(found.calibrated, got, have, max(int(spent * (STEP - 1)), 20))] += 1


def _worthiest(claims: Floats, got: Ints, have: Ints, most: int) -> Ints:
    value = np.array([worth(sure, n) for sure, n in zip(claims.max(axis=1).tolist(), got.tolist(), strict=True)])
    value[got >= have] = -1.0
    order = np.argsort(-value, kind="stable")[:most]
    return np.asarray(order[value[order] >= 0])


@dataclass(frozen=True, slots=True)
class Judged:
    """The claims of one set, all draws together."""

    share: dict[float, float]  # of items claimed, by level
    right: dict[float, float]  # share of these that are right, nan where nothing was claimed
    error: float  # expected calibration error, mean of draws
    floor: float  # what that would be were every claim exactly honest
    best: float  # share that may be claimed at 0.95 in the same order by one who knows the truth
    plain: float  # of the items that Dawid-Skene calls sure at 0.95, the share that is right


def honesty(crowds: list[Crowd], draws: int) -> list[Row]:
    """Ten of a hundred items are controls; the others' claims are judged."""
    blind, alone = [], []
    for crowd in crowds:
        known, seen = np.flatnonzero(crowd.truth >= 0), refit(crowd.table())
        blind.append((seen.posteriors[known], crowd.truth[known]))
        alone.append((seen.calibrated[known], Calibration().of(seen.posteriors[known])))
    found = []
    for at, crowd in enumerate(crowds):
        found.append(_judged(crowd, habits_of([one for n, one in enumerate(blind) if n != at]), draws))
        told(f"  {crowd.name:14s} {found[-1]}")
    return [*_sets(crowds, found, draws), *_means(crowds, found), *_unguided(crowds, alone)]


def _judged(crowd: Crowd, habits: Habits, draws: int) -> Judged:
    rng, sure, right, best, errors, floors = np.random.default_rng(0), [], [], [], [], []
    plain, _ = dawid_skene(crowd.table())
    for seed in range(draws):
        known, rest = crowd.controls(0.1, 100 + seed)
        claims = refit(crowd.table(controls=known), habits=habits).calibrated[rest]
        top, hit = claims.max(axis=1), claims.argmax(axis=1) == crowd.truth[rest]
        sure.append(top)
        right.append(hit)
        best.append(IsotonicRegression(out_of_bounds="clip").fit_transform(top, hit) >= 0.95)
        errors.append(calibration_error(top, hit))
        floors.append(np.mean([calibration_error(top, rng.random(len(top)) < top) for _ in range(20)]))
    claim, hits = np.concatenate(sure), np.concatenate(right)
    graded = crowd.truth >= 0
    certain = graded & (plain.max(axis=1) >= 0.95)
    return Judged(
        {level: float((claim >= level).mean()) for level in LEVELS},
        {level: _share(hits[claim >= level]) for level in LEVELS},
        float(np.mean(errors)),
        float(np.mean(floors)),
        float(np.concatenate(best).mean()),
        _share((plain.argmax(axis=1) == crowd.truth)[certain]),
    )


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def _sets(crowds: list[Crowd], found: list[Judged], draws: int) -> list[Row]:
    part = f"3. honest confidence: right among items claimed at 0.95, 10 % of the items are controls, {draws} draws"
    return [
        Row(
            part,
            f"{crowd.name}, {one.share[0.95]:.0%} of the items settled" + ("" if one.share[0.95] else ": no claim"),
            one.right[0.95],
            peers={
                "right at 0.90": one.right[0.9],
                "at 0.99": one.right[0.99],
                "ECE": one.error,
                "ECE of exactly honest claims": one.floor,
                "Dawid-Skene's sure items": one.plain,
            },
        )
        for crowd, one in zip(crowds, found, strict=True)
    ]


def _means(crowds: list[Crowd], found: list[Judged]) -> list[Row]:
    part, rows = "3. honest confidence, all sets", []
    crowded = np.array([crowd.name != "hitspam" for crowd in crowds])
    for level in LEVELS:
        right = np.array([one.right[level] for one in found])
        share = np.array([one.share[level] for one in found])
        mean, worst = float(np.nanmean(right)), float(np.nanmin(right))
        without = {"without hitspam": float(np.nanmean(right[crowded]))}
        heavy = {"all items of all sets alike": float(np.nansum(right * share) / share.sum())}
        words = f"claimed {level}: right, mean of the {np.isfinite(right).sum()} sets with claims"
        rows.append(Row(part, words, mean, *spread(right), without | heavy, f">= {level}", mean >= level))
        low = level - 0.03
        rows.append(Row(part, f"claimed {level}: right, worst set", worst, bar=f">= {low:.2f}", reached=worst >= low))
        settled = float(share.mean())
        bar = (">= 0.45", settled >= 0.45) if level == 0.95 else ("", None)
        limit = {"limit: told the truth, in this order": float(np.mean([one.best for one in found]))}
        peers = limit if level == 0.95 else {}
        rows.append(Row(part, f"claimed {level}: settled, mean of sets", settled, *spread(share), peers, *bar))
    errors = np.array([one.error for one in found])
    floor = {"exactly honest claims": float(np.mean([one.floor for one in found]))}
    error = float(errors.mean())
    rows.append(Row(part, "expected calibration error, mean", error, *spread(errors), floor, "<= 0.03", error <= 0.03))
    return rows


def _unguided(crowds: list[Crowd], alone: list[tuple[Floats, Floats]]) -> list[Row]:
    """Claims where no control guides, beside those of the usual temperature whatever the answers say."""
    part = "3. honest confidence without any control (no bar): answers that foretell each other badly take confidence"
    figures = []
    for crowd, both in zip(crowds, alone, strict=True):
        truth, two = crowd.truth[crowd.truth >= 0], []
        for claims in both:
            top, hit = claims.max(axis=1), claims.argmax(axis=1) == truth
            two.append((_share(hit[top >= 0.95]), float((top >= 0.95).mean()), calibration_error(top, hit)))
        figures.append(two)
    all_sets = np.array(figures)
    crowded = all_sets[[crowd.name != "hitspam" for crowd in crowds]]
    measures = (
        ("claimed 0.95: right, mean of sets", np.nanmean(all_sets, axis=0)[:, 0]),
        ("claimed 0.95: right, worst set, hitspam left out", np.nanmin(crowded, axis=0)[:, 0]),
        ("claimed 0.95: settled, mean of sets", all_sets.mean(axis=0)[:, 1]),
        ("expected calibration error, mean", all_sets.mean(axis=0)[:, 2]),
    )
    return [
        Row(part, words, float(ours), peers={"usual temperature": float(usual)}) for words, (ours, usual) in measures
    ]
