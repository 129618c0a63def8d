"""The one table that a benchmark of beliefs prints: what, our figure, its interval, the peers' figures, the bar."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `reached` is None where the issue sets no bar."""

    part: str
    words: str
    figure: float
    low: float = float("nan")  # ends of the 95 % interval, nan where the figure has none
    high: float = float("nan")
    peers: Mapping[str, float | str] = field(default_factory=dict)  # a figure, or "-" with the reason why there is none
    bar: str = ""
    reached: bool | None = None


def spread(values: Sequence[float] | NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of a mean, over sets or draws; nan values are left out."""
    found = np.asarray(values, dtype=float)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = found[rng.integers(0, len(found), (4000, len(found)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def told(words: str) -> None:
    """Says how far the benchmark is, beside the table."""
    print(words, file=sys.stderr, flush=True)


def show(rows: Iterable[Row]) -> int:
    """Prints the table; returns how many bars were missed."""
    missed, part = 0, ""
    for row in rows:
        if row.part != part:
            part = row.part
            print(f"\n{part}\n{'':8s} {'':62s} {'ours':>9s} {'95 % interval':>19s}  bar")
        verdict = "" if row.reached is None else "reached" if row.reached else "MISSED"
        missed += row.reached is False
        between = "" if np.isnan(row.low) else f"{row.low:9.3f} {row.high:9.3f}"
        print(f"{verdict:8s} {row.words:62s} {row.figure:9.3f} {between:>19s}  {row.bar}")
        if row.peers:
            print(f"{'':11s}" + ", ".join(f"{name} {_said(value)}" for name, value in row.peers.items()))
    return missed


def _said(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3f}"
