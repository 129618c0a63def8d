"""Does the gate let the better version through, and only that one? 200 simulated nights a set, 300 audit items each.

Versions are probes on frozen MiniLM embeddings of the three text sets, taught on subsets of different sizes and
calibrated as at night, on a held-out fifth: pairs whose true accuracy (on all items that neither has seen) differs by 2
points stand for tonight's and the serving version, one way round and the other. The crowd's posterior stands for the
truth: it doubts, and is as often wrong as it says.

Beside the gate's score (quadratic): log loss, and which labels are right. The last column is the most that any test on
the latter could let through with 5 % of the worse ones, were the truth known: exact, from how often just one is right.

    make bench-promotion ARGS=--quick
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.promotion import losses, penalties
from tests.benchmarks.embedded import SETS, TEXTS, TextSet, text_set
from training.calibrate import fit_temperature, softmax
from training.examples import held_parts
from training.probe import fit_probe

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIZES = {"trec_questions": (300, 900), "banking77": (1200, 3000), "movie_reviews": (150, 1500)}
POINTS, SLACK = 0.02, 0.004
AUDITS = 300
NIGHTS = 200
BARS = (0.6, 0.7, 0.75, 0.8, 0.9)
DRAWS = 2000


def named(suggestions: Floats, truth: Floats) -> Floats:
    """(N,) one minus the belief in the label that a version names."""
    return 1 - truth[np.arange(len(truth)), suggestions.argmax(axis=1)]


SCORES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "quadratic (the gate)": penalties, "log loss": losses, "label right": named
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a version says of the items that no version has seen."""

    said: Floats  # (T, K)
    right: NDArray[np.bool_]  # (T,)

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


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
    kept, held = held_parts(len(rows), 0.2, np.random.default_rng(0))[0]
    fifths = fit_probe(found.x[rows[kept]], soft[kept], np.ones(len(kept)), 0.3)
    unseen = fifths.logits(torch.from_numpy(found.x[rows[held]]).float()).double().numpy()
    temperature = fit_temperature(unseen, soft[held], np.ones(len(held)))
    probe = fit_probe(found.x[rows], soft, np.ones(len(rows)), 0.3)
    said = softmax(probe.logits(torch.from_numpy(x).float()).double().numpy() / temperature)
    return Made(said, said.argmax(axis=1) == y)


def crowd(y: Ints, labels: int, rng: np.random.Generator) -> Floats:
    """(N, K) honest posteriors: mean confidence 0.95, right as often as they say."""
    sure = rng.beta(19, 1, len(y)) * (1 - 1 / labels) + 1 / labels
    other = (y + rng.integers(1, labels, len(y))) % labels
    named_ = np.where(rng.random(len(y)) < sure, y, other)
    posterior = np.repeat(((1 - sure) / (labels - 1))[:, None], labels, axis=1)
    posterior[np.arange(len(y)), named_] = sure
    return posterior


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """What the gate would have seen."""

    sure: dict[str, Floats]  # score -> (count,) how sure it is of the better version
    discordant: float  # mean share of items on which just one of the two is right
    audits: int


def nights(
    found: TextSet, made_: Sequence[Made], y: Ints, count: int, audits: int, rng: np.random.Generator
) -> Nights:
    """Pairs of versions 2 points apart, each judged on items of its own."""
    pairs = [(a, b) for a in made_ for b in made_ if abs(a.accuracy - b.accuracy - POINTS) < SLACK]
    if not pairs:
        raise SystemExit(f"{found.name}: no two versions differ by {POINTS:.0%}")
    sure: dict[str, list[float]] = {name: [] for name in SCORES}
    apart = []
    for _ in range(count):
        better, worse = pairs[rng.integers(len(pairs))]
        rows = rng.choice(len(y), audits, replace=False)
        truth = crowd(y[rows], len(found.labels), rng)
        again = rng.integers(0, audits, (DRAWS, audits))
        for name, score in SCORES.items():
            gain = score(worse.said[rows], truth) - score(better.said[rows], truth)
            sure[name].append(float((gain[again].mean(axis=1) > 0).mean()))
        apart.append((better.right != worse.right).mean())
    return Nights({name: np.array(values) for name, values in sure.items()}, float(np.mean(apart)), audits)


def limit(discordant: float, items: int, points: float = POINTS, false: float = 0.05) -> float:
    """The share of truly better versions that the best test on paired right and wrong lets through, where `false` of
    the truly worse ones pass: the likelihood ratio is the difference of wins, and its distribution is known exactly.
    """
    win, lose = (discordant + points) / 2, (discordant - points) / 2
    step, of_better = np.array([lose, 1 - discordant, win]), np.ones(1)
    for _ in range(items):
        of_better = np.convolve(of_better, step)
    of_worse = of_better[::-1]
    above, bar = np.cumsum(of_worse[::-1])[::-1], int(np.argmax(np.cumsum(of_worse[::-1])[::-1] <= false))
    chance = (false - above[bar]) / of_worse[bar - 1]  # the last difference is let through by a coin
    return float(of_better[bar:].sum() + chance * of_better[bar - 1])


def wilson(hits: float, count: int) -> tuple[float, float]:
    """95 % interval of a share. Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    z2 = 1.96**2
    middle, half = hits + z2 / (2 * count), 1.96 * np.sqrt(hits * (1 - hits) / count + z2 / (4 * count**2))
    return (middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 nights instead of 200")
    parser.add_argument("--audits", type=int, default=AUDITS, help="audit items of a night")
    chosen = parser.parse_args()
    count, audits = 50 if chosen.quick else NIGHTS, chosen.audits
    if not TEXTS.exists():
        raise SystemExit(f"{TEXTS} is not here: nothing to measure")
    print(f"{count} nights a set, {audits} audit items, versions {POINTS:.0%} apart; share promoted, better / worse")
    print(f"{'':38s}{'one right':>10s}" + "".join(f"{f'at {bar:.2f}':>16s}" for bar in BARS) + f"{'limit':>8s}")
    every = []
    for at, name in enumerate(SETS):
        rng = np.random.default_rng(at)
        found = text_set(name)
        made_, y = versions(found, 12, rng)
        every.append(nights(found, made_, y, count, audits, rng))
        show(name, every[-1])
    joined = {name: np.concatenate([one.sure[name] for one in every]) for name in SCORES}
    show("all", Nights(joined, float(np.mean([one.discordant for one in every])), audits))
    better, worse = (joined["quadratic (the gate)"] >= 0.8).mean(), (joined["quadratic (the gate)"] <= 0.2).mean()
    n = len(joined["log loss"])
    print(
        f"the default, 0.80: better {better:.1%} [{wilson(better, n)[0]:.1%}, {wilson(better, n)[1]:.1%}], "
        f"worse {worse:.1%} [{wilson(worse, n)[0]:.1%}, {wilson(worse, n)[1]:.1%}] (wanted: 80 %, 5 %)"
    )


def show(name: str, seen: Nights) -> None:
    for score, sure in seen.sure.items():
        cells = [f"{(sure >= bar).mean():8.1%} /{(sure <= 1 - bar).mean():5.1%}" for bar in BARS]
        most = f"{limit(seen.discordant, seen.audits):8.1%}" if score == "label right" else f"{'':8s}"
        print(f"{name:16s}{score:22s}{seen.discordant:10.1%}" + "".join(f"{c:>16s}" for c in cells) + most, flush=True)


if __name__ == "__main__":
    main()
