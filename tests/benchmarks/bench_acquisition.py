"""Which questions teach most: `python -m tests.benchmarks.bench_acquisition [--quick] [--only SET ...]`.

Every strategy chooses ten batches, as ten nights would, from the pool of a text set; the labels are the true ones. The
version of each night is a linear softmax on frozen all-MiniLM-L6-v2 embeddings with a temperature fitted on a fifth
that a twin of it has not seen, as the trainer does it; the first batch is the same for all, drawn at random. Peers: the
strategies of small-text 1.4.1 that need no network of their own, through its API, over the same embeddings and
probabilities. `labels to equal random` is the number at which the mean curve first reaches what random choice has with
all ten batches; its interval is a bootstrap over seeds.

The pull of the probe was chosen once for each set on labels drawn at random; the default strategy was chosen by this
table (seeds 0-4), of seven variants of weighted k-means and five other strategies.
`--results` keeps what is measured, and goes on from there. `--pool` measures time and memory on 10^6 x 384 instead;
`--twins` how often near-duplicates have different labels.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from small_text import (
    BreakingTies,
    ContrastiveActiveLearning,
    EmbeddingKMeans,
    GreedyCoreset,
    LeastConfidence,
    LightweightCoreset,
    PredictionEntropy,
    QueryStrategy,
)
from small_text.integrations.pytorch.query_strategies.strategies import BADGE

from core.acquisition import ALIKE, STRATEGIES, View, originals, worth_of
from tests.benchmarks.embedded import SETS, TEXTS, Floats, Ints, TextSet, text_set
from training.calibrate import fit_temperature, softmax
from training.probe import Probe, fit_probe

NIGHTS = 10
BATCH = {"banking77": 200}  # 100 elsewhere
PULL = {"movie_reviews": 1.0}  # 0.1 elsewhere
SMOOTH = 0.02  # of each taught label goes to the others, as a crowd's doubt would
DRAWS = 2000
Judge = Callable[[Floats], "np.ndarray"]
Pick = Callable[[TextSet, Ints, Ints, Judge, int, np.random.Generator], Ints]


def version(found: TextSet, known: Ints, rng: np.random.Generator) -> Judge:
    """A night: probabilities (n, K) of embeddings (n, D)."""
    k, pull = len(found.labels), PULL.get(found.name, 0.1)
    soft = (1 - SMOOTH) * np.eye(k)[found.y[known]] + SMOOTH / k
    weight = np.ones(len(known))
    order = rng.permutation(len(known))
    held, kept = order[: len(known) // 5], order[len(known) // 5 :]
    twin = fit_probe(found.x[known[kept]], soft[kept], weight[kept], pull)
    temperature = fit_temperature(logits(twin, found.x[known[held]]), soft[held], weight[held])
    whole = fit_probe(found.x[known], soft, weight, pull)
    return lambda x: softmax(logits(whole, x) / temperature)


def logits(probe: Probe, x: Floats) -> np.ndarray:
    return probe.logits(torch.from_numpy(x)).double().numpy()


def ours(name: str) -> Pick:
    def pick(
        found: TextSet, pool: Ints, known: Ints, judge: Judge, batch: int, rng: np.random.Generator
    ) -> Ints:
        shares = np.bincount(found.y[known], minlength=len(found.labels)) / len(known)
        worth = STRATEGIES[name](View(judge(found.x[pool]), found.x[pool], shares=shares), batch, rng)
        return pool[np.lexsort((rng.random(len(pool)), -worth))[:batch]]

    return pick


class Seen:
    """What small-text asks of a classifier: probabilities and embeddings of rows."""

    def __init__(self, found: TextSet, judge: Judge) -> None:
        self.found, self.judge = found, judge

    def predict_proba(self, rows: Ints) -> np.ndarray:
        return self.judge(self.found.x[rows])

    def embed(self, rows: Ints, return_proba: bool = False, **_: object) -> object:
        x = self.found.x[rows]
        return (x, self.judge(x)) if return_proba else x


def theirs(make: Callable[[int], QueryStrategy]) -> Pick:
    def pick(
        found: TextSet, pool: Ints, known: Ints, judge: Judge, batch: int, rng: np.random.Generator
    ) -> Ints:
        np.random.seed(int(rng.integers(2**31)))  # small-text draws from the global state
        rows = np.arange(len(found.y))
        strategy = make(len(found.labels))
        return np.asarray(strategy.query(Seen(found, judge), rows, pool, known, found.y[known], n=batch))

    return pick


ARMS: Mapping[str, Pick] = {
    "random": ours("chance"),
    **{name: ours(name) for name in ("groups", "gradients", "margin", "entropy", "rarity", "typicality")},
    "st BreakingTies": theirs(lambda k: BreakingTies()),
    "st LeastConfidence": theirs(lambda k: LeastConfidence()),
    "st PredictionEntropy": theirs(lambda k: PredictionEntropy()),
    "st EmbeddingKMeans": theirs(lambda k: EmbeddingKMeans()),
    "st Contrastive": theirs(lambda k: ContrastiveActiveLearning(pbar=None)),
    "st LightweightCoreset": theirs(lambda k: LightweightCoreset()),
    "st GreedyCoreset": theirs(lambda k: GreedyCoreset(distance_metric="euclidean")),
    "st BADGE": theirs(BADGE),
}
"""Ours by their names in `core.acquisition`, and small-text's (st)."""
HEAVY = {"banking77": {"st BADGE", "st GreedyCoreset", "st EmbeddingKMeans"}}
"""Left out: BADGE builds (10,003 x 29,568) numbers, 2.4 GB; the others take minutes a night there."""


def curve(found: TextSet, pick: Pick, seed: int) -> list[float]:
    """Accuracy on the test set after each of NIGHTS batches."""
    batch, n = BATCH.get(found.name, 100), len(found.y)
    known = np.random.default_rng(seed).permutation(n)[:batch]
    rng, right = np.random.default_rng([seed, 1]), []
    for night in range(NIGHTS):
        judge = version(found, known, np.random.default_rng([seed, 2, night]))
        right.append(float((judge(found.test_x).argmax(axis=1) == found.test_y).mean()))
        if night < NIGHTS - 1:
            pool = np.setdiff1d(np.arange(n), known)
            known = np.concatenate([known, pick(found, pool, known, judge, batch, rng)])
    return right


def labels_to(target: float, mean: Floats, batch: int) -> float:
    """Labels at which a curve first reaches the target, by a line between nights; nan where never."""
    reached = np.flatnonzero(mean >= target)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0:
        return float(batch)
    return float(batch * (at + (target - mean[at - 1]) / (mean[at] - mean[at - 1])))


def show(name: str, curves: Mapping[str, Floats], batch: int) -> None:
    """One table: accuracy at some numbers of labels, the mean over all, and what it takes to equal random."""
    random, rng = curves["random"], np.random.default_rng(0)
    points = [at for at in (1, 4, 6, NIGHTS - 1)]
    print(f"\n{name}, {len(random)} seeds, {batch} labels a night; accuracy")
    heads = "".join(f"{batch * (at + 1):>8d}" for at in points)
    print(f"{'':23s}{heads}{'mean':>9s}{'less random':>18s}{'worst':>8s}{'labels to equal random':>26s}{'saved':>8s}")
    for arm, found in sorted(curves.items(), key=lambda pair: -pair[1].mean()):
        gain = found.mean(axis=1) - random.mean(axis=1)[: len(found)]
        spread = 2.78 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        worst = float((found.mean(axis=0) - random.mean(axis=0)).min())
        needed = labels_to(float(random.mean(axis=0)[-1]), found.mean(axis=0), batch)
        rows = [rng.integers(0, len(found), len(found)) for _ in range(DRAWS)]
        drawn = [labels_to(float(random.mean(axis=0)[-1]), found[some].mean(axis=0), batch) for some in rows]
        low, high = np.nanquantile(np.array(drawn), [0.025, 0.975]) if np.isfinite(drawn).any() else (np.nan, np.nan)
        figures = "".join(f"{found.mean(axis=0)[at]:8.3f}" for at in points)
        print(
            f"{arm:23s}{figures}{found.mean():9.4f}{100 * gain.mean():+9.2f} +- {100 * spread:4.2f}{100 * worst:+8.2f}"
            f"{needed:10.0f} [{low:5.0f}, {high:5.0f}]{batch * NIGHTS / needed:8.2f}",
            flush=True,
        )


def pool(n: int = 1_000_000, width: int = 384, labels: int = 8) -> None:
    """Time and peak memory of a night's acquisition over a file of half-precision embeddings."""
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        held = np.lib.format.open_memmap(Path(folder) / "pool.npy", "w+", np.float16, (n, width))
        middle = rng.standard_normal((500, width)).astype(np.float32)
        for at in range(0, n, 50_000):
            rows = middle[rng.integers(0, 500, 50_000)] + rng.standard_normal((50_000, width)).astype(np.float32)
            held[at : at + 50_000] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        held[n // 2 : n // 2 + n // 100] = held[: n // 100]  # one in a hundred has a twin
        p = rng.dirichlet(np.full(labels, 0.5), n).astype(np.float32)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        begun, busy = time.perf_counter(), time.process_time()
        worth_of(p, held, 2000, rng)
        chosen = time.perf_counter()
        found = originals(held)
        ended, busy = time.perf_counter(), time.process_time() - busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        twins = int((found != np.arange(n)).sum())
    mark = "reached" if ended - begun < 60 else "MISSED "
    print(
        f"{mark} {n:,} x {width}: worth {chosen - begun:.1f} s, near-duplicates {ended - chosen:.1f} s ({twins:,} of "
        f"{n // 100:,} planted found), bar 60 s on 2 cores; {busy:.0f} s of processor; peak memory {peak:.2f} GB, "
        f"{before:.2f} of it before, with the {n * width * 2 / 1e9:.2f} GB of the embeddings' file where they were read"
    )


def twins() -> None:
    """How often items that are called near-duplicates have different labels."""
    print(f"\nnear-duplicates, within {ALIKE} of the pool's spread{'items':>8s}{'twins':>9s}{'of another label':>20s}")
    for name in SETS:
        found = text_set(name)
        original = originals(found.x)
        rows = np.flatnonzero(original != np.arange(len(original)))
        wrong = int((found.y[original[rows]] != found.y[rows]).sum())
        print(f"  {name:30s}{len(found.y):12,d}{len(rows):9,d}{wrong:12,d} ({wrong / max(len(rows), 1):.1%})")


def measured(names: Sequence[str], arms: Sequence[str], seeds: int, kept: Path | None) -> None:
    known: dict[str, list[float]] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    for name in names:
        found, curves = text_set(name), {}
        for arm in arms:
            if arm in HEAVY.get(name, ()):
                continue
            for seed in range(seeds):
                key = f"{name}/{arm}/{seed}"
                if key not in known:
                    known[key] = curve(found, ARMS[arm], seed)
                    if kept:
                        kept.write_text(json.dumps(known))
            curves[arm] = np.array([known[f"{name}/{arm}/{seed}"] for seed in range(seeds)])
        show(name, curves, BATCH.get(name, 100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed of five arms on trec_questions")
    parser.add_argument("--only", nargs="*", default=list(SETS), help="sets")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), help="strategies; random is always among them")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, help="file that keeps what is measured")
    parser.add_argument("--pool", action="store_true", help="time and memory on 10^6 x 384")
    parser.add_argument("--twins", action="store_true", help="how right near-duplicates are")
    asked = parser.parse_args()
    if asked.pool:
        return pool()
    if not TEXTS.is_dir():
        print(f"The text sets are not here ({TEXTS.name} is missing beside the repository): nothing measured.")
        sys.exit(0)
    if asked.twins:
        return twins()
    if asked.quick:
        return measured(SETS[:1], ["random", "groups", "margin", "entropy", "st BreakingTies"], 1, None)
    measured(asked.only, ["random", *(arm for arm in asked.arms if arm != "random")], asked.seeds, asked.results)
    twins()
    return None


if __name__ == "__main__":
    main()
