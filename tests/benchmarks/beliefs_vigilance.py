"""Row 6 of the issue: what attackers cost, and what watching costs honest crowds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.inference import refit
from core.vigilance import watch
from tests.benchmarks.crowds import Crowd, Floats, attacked, load
from tests.benchmarks.table import Row, told


def rows(quick: bool) -> tuple[Row, ...]:
    """Points lost to spam, rings and insiders; points and honest workers lost to watching."""
    found_rows: list[Row] = []

    def add(words: str, figure: float, bar: str, reached: bool) -> None:
        found_rows.append(Row("6. vigilance", words, figure, bar=bar, reached=bool(reached)))

    losses: dict[tuple[str, float], list[float]] = {}
    clean, false = [], []
    for crowd in map(load, ("bluebirds", "dog", "face", "product")):
        base, group = _watched(crowd, None)
        clean.append(crowd.right(refit(crowd.table()).posteriors) - crowd.right(base))
        false.append(float((group >= 0).mean()))
        for kind, share in (("spam", 0.4), ("ring", 0.3), ("ring", 0.4), ("insiders", 0.3)):
            for seed in range(10, 11 if quick else 15):
                clues, rest = crowd.controls(0.1, seed)
                known = clues if kind == "insiders" else None
                honest = crowd.right(refit(crowd.table(controls=known)).posteriors, rest)
                hostile = attacked(crowd, kind, share, clues, seed)
                losses.setdefault((kind, share), []).append(honest - crowd.right(_watched(hostile, known)[0], rest))
        told(f"  {crowd.name:14s}" + "".join(f"  {k} {s}: {v[-1]:.2f}" for (k, s), v in losses.items()))
    for (kind, share), found in losses.items():
        bar = {"spam": 2.5, "ring": 3.0, "insiders": 4.6}[kind]
        add(f"{kind} with {share:.0%} of the answers, points lost", np.mean(found), f"<= {bar}", np.mean(found) <= bar)
    add("clean data, points lost by watching", np.mean(clean), "<= 0.5", np.mean(clean) <= 0.5)
    add("honest workers called a ring, share", np.mean(false), "<= 0.01", np.mean(false) <= 0.01)
    return tuple(found_rows)


def _watched(crowd: Crowd, known: NDArray[np.int64] | None) -> tuple[Floats, NDArray[np.int64]]:
    seen = watch(crowd.item, crowd.worker, crowd.label, len(crowd.truth), crowd.workers, crowd.labels)
    table = crowd.table(weight=seen.weight, controls=known)
    object.__setattr__(table, "worker", seen.one_vote(crowd.worker))
    return refit(table).posteriors, seen.group
