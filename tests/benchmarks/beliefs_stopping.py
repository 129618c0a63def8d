"""Rows 2 and 3 of the issue: answers saved by stopping, and honest confidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.inference import refit
from tests.benchmarks.crowds import CATEGORICAL, Crowd, Floats, load
from tests.benchmarks.table import Row, told


def rows(quick: bool) -> tuple[Row, ...]:
    """Answers saved, then honesty."""
    crowds = [load(name) for name in CATEGORICAL]
    return (*saved(crowds, quick), *honesty(crowds, quick))


def saved(crowds: list[Crowd], quick: bool) -> list[Row]:
    """Answers spent, stopping by confidence, to be as right as majority vote with all answers."""
    rows: list[Row] = []
    for least in (2, 1):
        ratios = []
        for crowd in crowds:
            some = [_saved(crowd, seed, least, quick) for seed in range(1 if quick else 3)]
            ratios.append(np.mean(some))
            told(f"  {crowd.name:14s} {ratios[-1]:6.2f} times fewer answers, at least {least} an item")
        found = np.array(ratios)
        geometric = float(np.exp(np.nanmean(np.log(found))))
        reach = int(np.isfinite(found).sum())
        words = f"answers saved at the full vote's accuracy, at least {least} an item, {reach} of {len(found)} sets"
        rows.append(Row("2. answers saved", words, geometric, bar=">= 3.3", reached=geometric >= 3.3))
    return rows


def _saved(crowd: Crowd, seed: int, least: int, quick: bool) -> float:
    target, turn, before = crowd.vote(), crowd.turn(seed), (0.0, 0.0)
    for confidence in (0.35, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)[: 6 if quick else 7]:
        spent, right = _live(crowd, turn, confidence, least, quick)
        if right >= target:
            if before[0] == 0.0 or right <= before[1]:
                return len(crowd.item) / spent
            cut = (target - before[1]) / (right - before[1])
            return len(crowd.item) / (before[0] + (spent - before[0]) * cut)
        before = (float(spent), right)
    return float("nan")


def _live(
    crowd: Crowd, turn: NDArray[np.int64], confidence: float, least: int, quick: bool
) -> tuple[int, float]:
    have = np.bincount(crowd.item, minlength=len(crowd.truth))
    asking, got, round_ = np.ones(len(have), dtype=bool), np.zeros(len(have), dtype=np.int64), 0
    while True:
        round_ += least if not round_ else 1 if round_ < 6 else 2 if round_ < 12 else 6
        got[asking] = np.minimum(round_, have[asking])
        part = crowd.only(turn < got[crowd.item])
        q = refit(part.table(), sweeps=25 if quick else 40).posteriors
        asking &= (q.max(axis=1) < confidence) & (got < have)
        if not asking.any():
            return len(part.item), part.right(q)


def honesty(crowds: list[Crowd], quick: bool) -> list[Row]:
    levels = (0.90, 0.95, 0.99)
    found_rows: list[Row] = []

    def add(words: str, figure: float, bar: str, reached: bool) -> None:
        found_rows.append(Row("3. honest confidence", words, figure, bar=bar, reached=bool(reached)))

    rows, errors = {c: [] for c in levels}, []
    for crowd in crowds:
        claims, rights = [], []
        for seed in range(1 if quick else 4):
            told, rest = crowd.controls(0.1, 100 + seed)
            claim = refit(crowd.table(controls=told)).calibrated[rest]
            claims.append(claim.max(axis=1))
            rights.append(claim.argmax(axis=1) == crowd.truth[rest])
        errors.append(np.mean([_ece(c, r) for c, r in zip(claims, rights, strict=True)]))
        sure, right = np.concatenate(claims), np.concatenate(rights)
        for c in levels:
            rows[c].append(((sure >= c).mean(), right[sure >= c].mean() if (sure >= c).any() else np.nan))
        told(f"  {crowd.name:14s} ECE {errors[-1]:.3f}  settled and right " + "  ".join(
            f"{c}: {rows[c][-1][0]:.2f} {rows[c][-1][1]:.3f}" for c in levels))  # fmt: skip
    for c in levels:
        found = np.array(rows[c])
        add(f"claimed {c}: right, mean of sets", np.nanmean(found[:, 1]), f">= {c}", np.nanmean(found[:, 1]) >= c)
        worst, settled = float(np.nanmin(found[:, 1])), float(found[:, 0].mean())
        add(f"claimed {c}: right, worst set", worst, f">= {c - 0.03:.2f}", worst >= c - 0.03)
        add(f"claimed {c}: settled, mean", settled, ">= 0.45 at 0.95", c != 0.95 or settled >= 0.45)
    add("expected calibration error, mean", float(np.mean(errors)), "<= 0.03", float(np.mean(errors)) <= 0.03)
    return found_rows


def _ece(sure: Floats, right: NDArray[np.bool_]) -> float:
    place = np.minimum((sure * 10).astype(int), 9)
    bins = [place == b for b in range(10) if (place == b).any()]
    return float(sum(b.mean() * abs(right[b].mean() - sure[b].mean()) for b in bins))
