"""Does the gate let the better version through, and only that one? 200 simulated nights, 300 audit items each.

Versions are calibrated probes on frozen MiniLM embeddings of the three text sets, taught on subsets of different
sizes: pairs whose true accuracy (on all items that neither has seen) differs by 2 points stand for tonight's and the
serving version, one way round and the other. The crowd's posterior stands for the truth: it doubts, and is as often
wrong as it says.

    make bench-promotion ARGS=--quick
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.promotion import sureness
from tests.benchmarks.embedded import SETS, TEXTS, TextSet, text_set
from training.calibrate import softmax
from training.probe import fit_probe

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIZES = {"trec_questions": (300, 900), "banking77": (1200, 3000), "movie_reviews": (150, 1500)}
POINTS, SLACK = 0.02, 0.004
AUDITS = 300
NIGHTS = 200
BARS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a version says of the items that no version has seen."""

    said: Floats  # (T, K)
    accuracy: float


def versions(found: TextSet, count: int, rng: np.random.Generator) -> tuple[list[Made], Ints]:
    """Versions taught on subsets of one half of the pool; the other half and the test set judge."""
    order = rng.permutation(len(found.y))
    teach, rest = order[: len(order) // 2], order[len(order) // 2 :]
    x = np.concatenate([found.x[rest], found.test_x]).astype(np.float64)
    y = np.concatenate([found.y[rest], found.test_y])
    low, high = SIZES[found.name]
    return [made(found, rng.choice(teach, int(size)), x, y) for size in np.geomspace(low, high, count)], y


def made(found: TextSet, rows: Ints, x: Floats, y: Ints) -> Made:
    soft = np.eye(len(found.labels))[found.y[rows]] * 0.95 + 0.05 / len(found.labels)
    probe = fit_probe(found.x[rows], soft, np.ones(len(rows)), 0.3)
    said = softmax(probe.logits(torch.from_numpy(x).float()).double().numpy())
    return Made(said, float((said.argmax(axis=1) == y).mean()))


def crowd(y: Ints, labels: int, rng: np.random.Generator) -> Floats:
    """(N, K) honest posteriors: mean confidence 0.95, right as often as they say."""
    sure = rng.beta(19, 1, len(y)) * (1 - 1 / labels) + 1 / labels
    other = (y + rng.integers(1, labels, len(y))) % labels
    named = np.where(rng.random(len(y)) < sure, y, other)
    posterior = np.repeat(((1 - sure) / (labels - 1))[:, None], labels, axis=1)
    posterior[np.arange(len(y)), named] = sure
    return posterior


def nights(found: TextSet, made_: Sequence[Made], y: Ints, count: int, rng: np.random.Generator) -> Floats:
    """(count, 3): how sure the gate is of the better version, of the worse one, and the share of items on which the
    two say different labels."""
    pairs = [(a, b) for a in made_ for b in made_ if abs(a.accuracy - b.accuracy - POINTS) < SLACK]
    if not pairs:
        raise SystemExit(f"{found.name}: no two versions differ by {POINTS:.0%}")
    seen = np.empty((count, 3))
    for night in range(count):
        better, worse = pairs[rng.integers(len(pairs))]
        rows = rng.choice(len(y), AUDITS, replace=False)
        truth = crowd(y[rows], len(found.labels), rng)
        up = sureness(better.said[rows], worse.said[rows], truth, rng)
        apart = better.said[rows].argmax(axis=1) != worse.said[rows].argmax(axis=1)
        seen[night] = up, 1 - up, apart.mean()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 nights instead of 200")
    count = 50 if parser.parse_args().quick else NIGHTS
    if not TEXTS.exists():
        raise SystemExit(f"{TEXTS} is not here: nothing to measure")
    print(f"{count} nights a set, {AUDITS} audit items, versions {POINTS:.0%} apart; share promoted")
    print(f"{'':16s}{'differ on':>10s}" + "".join(f"{f'at {bar:.2f}':>16s}" for bar in BARS))
    every = []
    for at, name in enumerate(SETS):
        rng = np.random.default_rng(at)
        found = text_set(name)
        made_, y = versions(found, 12 if count < NIGHTS else 24, rng)
        every.append(nights(found, made_, y, count, rng))
        show(name, every[-1])
    show("all", np.concatenate(every))
    print("each cell: better by 2 points / worse by 2 points (wanted: at least 80 % / at most 5 %)")


def show(name: str, seen: Floats) -> None:
    cells = [f"{(seen[:, 0] >= bar).mean():8.1%} /{(seen[:, 1] >= bar).mean():5.1%}" for bar in BARS]
    print(f"{name:16s}{seen[:, 2].mean():10.1%}" + "".join(f"{cell:>16s}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
