"""Answers that are no single label, against the libraries: `python -m tests.benchmarks.bench_kinds [--quick]`.

No parameter is fitted to the truth of these sets. The form of the ordinal reading was chosen among five with `web` and
`adult2` in sight (difficulty by item and plain banded matrices were tried and left), so its figures are a little
flattering; multi-label and numeric are as first written.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Iterable

import numpy as np
import pandas as pd
from crowdkit.aggregation import (
    GLAD,
    MACE,
    MMSR,
    BinaryRelevance,
    BradleyTerry,
    DawidSkene,
    MajorityVote,
    NoisyBradleyTerry,
    OneCoinDawidSkene,
)
from numpy.typing import NDArray

from core import multilabel, numeric, ordinal, pairs
from core.inference import AnswerTable
from tests.benchmarks.crowds import FOLDER

Rows = list[tuple[str, str, str]]
SCALES = {"web": "12345", "adult2": "GPRX"}


def line(words: str, figure: float, bar: str, reached: bool) -> None:
    print(f"{'reached' if reached else 'MISSED ':8s} {words:88s} {figure:9.4f}   bar {bar}", flush=True)


def read(name: str) -> tuple[Rows, dict[str, str]]:
    with (FOLDER / name / "answers.csv").open(encoding="utf-8") as file:
        rows = [(row["task"], row["worker"], row["label"]) for row in csv.DictReader(file)]
    with (FOLDER / name / "truth.csv").open(encoding="utf-8") as file:
        truth = {row["task"]: row["label"] for row in csv.DictReader(file)}
    return rows, truth


def numbered(names: Iterable[str]) -> tuple[NDArray[np.int64], dict[str, int]]:
    places: dict[str, int] = {}
    return np.array([places.setdefault(name, len(places)) for name in names]), places


def frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


def multi(quick: bool) -> None:
    rows, truth = read("medre_multi")
    item, tasks = numbered(row[0] for row in rows)
    worker, workers = numbered(row[1] for row in rows)
    labels = sorted({part for row in rows for part in row[2].split("|")})
    marked = np.array([[label in row[2].split("|") for label in labels] for row in rows])
    begun = time.perf_counter()
    holds = multilabel.refit(multilabel.MarkTable(item, worker, marked, len(tasks), len(workers))).consensus()
    took = time.perf_counter() - begun
    ours = {task: {label for label, on in zip(labels, holds[at], strict=True) if on} for task, at in tasks.items()}
    table = frame(rows)
    table["label"] = table["label"].str.split("|")
    peers = {"vote": MajorityVote(), "Dawid-Skene": DawidSkene(n_iter=100)}
    if not quick:
        peers |= {"one-coin": OneCoinDawidSkene(n_iter=100), "MACE": MACE(n_restarts=3, n_iter=30)}
    best = 0.0
    for name, peer in peers.items():
        found = f1({task: set(chosen) for task, chosen in BinaryRelevance(peer).fit_predict(table).items()}, truth)
        best = max(best, found)
        print(f"  medre_multi    binary relevance of {name:14s} {found:.4f}", flush=True)
    line(f"medre_multi, micro-F1 ({took:.1f} s)", f1(ours, truth), f">= {best:.4f}", f1(ours, truth) >= best)


def f1(found: dict[str, set[str]], truth: dict[str, str]) -> float:
    """Micro-F1 over the labels whose truth is known ("?" is not)."""
    hits = both = 0
    for task, cell in truth.items():
        for part in cell.split("|"):
            label, _, value = part.partition("=")
            if value != "?" and task in found:
                hits += 2 * (label in found[task] and value == "1")
                both += (label in found[task]) + (value == "1")
    return hits / both


def rated(name: str, quick: bool) -> None:
    rows, truth = read(name)
    scale = SCALES[name]
    item, tasks = numbered(row[0] for row in rows)
    worker, workers = numbered(row[1] for row in rows)
    label = np.array([scale.index(row[2]) for row in rows])
    known = [(at, scale.index(truth[task])) for task, at in tasks.items() if task in truth]
    place, true = (np.array(column) for column in zip(*known, strict=True))
    begun = time.perf_counter()
    found = ordinal.refit(AnswerTable.of_labels(item, worker, label, len(scale), len(tasks), len(workers)))
    took = time.perf_counter() - begun
    low, high = found.interval()
    peers = {"vote": MajorityVote(), "Dawid-Skene": DawidSkene(n_iter=100), "one-coin": OneCoinDawidSkene(n_iter=100)}
    if not quick:
        peers |= {"MMSR": MMSR(), "MACE": MACE(n_restarts=3, n_iter=30), "GLAD": GLAD(n_iter=20)}
    right, error = 0.0, np.inf
    for peer, aggregator in peers.items():
        chosen = aggregator.fit_predict(frame(rows))
        theirs = np.array([scale.index(chosen[task]) for task in tasks])[place]
        hit, off = float((theirs == true).mean()), float(np.abs(theirs - true).mean())
        print(f"  {name:14s} {peer:14s} {hit:.4f}  off by {off:.4f}", flush=True)
        right, error = max(right, hit), min(error, off)
    mode, median = found.posteriors.argmax(axis=1)[place], found.median()[place]
    ours = float((mode == true).mean())
    line(f"{name}, accuracy of the likeliest label ({took:.1f} s)", ours, f">= {right:.4f}", ours >= right)
    ours = float((median == true).mean())
    line(f"{name}, accuracy of the posterior median", ours, f">= {right:.4f}", ours >= right)
    ours = float(np.abs(median - true).mean())
    line(f"{name}, mean absolute error of the posterior median", ours, f"<= {error:.4f}", ours <= error)
    inside = float(((low[place] <= true) & (true <= high[place])).mean())
    line(f"{name}, share of truths inside the 95 % interval", inside, "-", True)


def numbers() -> None:
    rows, truth = read("movie_num")
    item, tasks = numbered(row[0] for row in rows)
    worker, workers = numbered(row[1] for row in rows)
    value, true = np.array([float(row[2]) for row in rows]), np.array([float(truth[task]) for task in tasks])
    found = numeric.refit(numeric.NumberTable(item, worker, value, len(tasks), len(workers)))
    mean = np.bincount(item, value) / np.bincount(item)
    middle = np.array([np.median(value[item == at]) for at in range(len(tasks))])
    best = np.inf
    for name, theirs in {"mean": mean, "median": middle, **_labelled_numbers(rows, tasks)}.items():
        error = float(np.sqrt(((theirs - true) ** 2).mean()))
        best = min(best, error)
        print(f"  movie_num      {name:14s} {error:.4f}", flush=True)
    ours = float(np.sqrt(((found.mean - true) ** 2).mean()))
    line("movie_num, root mean square error", ours, f"< {best:.4f}", ours < best)
    low, high = found.interval()
    inside = float(((low <= true) & (true <= high)).mean())
    line("movie_num, share of truths inside the 95 % interval", inside, "-", True)


def _labelled_numbers(rows: Rows, tasks: dict[str, int]) -> dict[str, NDArray[np.float64]]:
    """crowd-kit has no aggregator of numbers; its Dawid-Skene reads the grades as labels, for what that is worth, and
    the expectation of its posterior is the best that it can say."""
    peer = DawidSkene(n_iter=100).fit(frame(rows))
    chances = peer.probas_.loc[list(tasks)]
    mean = chances.to_numpy() @ chances.columns.to_numpy(dtype=np.float64)
    vote = MajorityVote().fit_predict_proba(frame(rows)).loc[list(tasks)]
    return {
        "ck Dawid-Skene": np.array([float(label) for label in peer.labels_[list(tasks)]]),
        "ck DS, mean": mean,
        "ck vote, mean": vote.to_numpy() @ vote.columns.to_numpy(dtype=np.float64),
    }


def compared_pairs(draws: int) -> None:
    """Simulated: 60 items, 20 workers of whom some guess and two answer against; Spearman-like concordance."""
    figures = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        score, eta = rng.normal(0, 2, 60), np.array([*np.full(12, 0.95), *np.full(6, 0.5), 0.1, 0.1])
        i = rng.integers(0, 60, 1200)
        j, worker = (i + rng.integers(1, 60, 1200)) % 60, rng.integers(0, 20, 1200)
        chance = 1 / (1 + np.exp(score[j] - score[i]))
        first = rng.random(1200) < eta[worker] * chance + (1 - eta[worker]) * (1 - chance)
        won, lost = np.where(first, i, j), np.where(first, j, i)
        table = pd.DataFrame({"worker": worker, "left": won, "right": lost, "label": won})
        found = [pairs.refit(pairs.PairTable(won, lost, worker, 60, 20)).mean]
        for peer in (BradleyTerry(n_iter=100), NoisyBradleyTerry(n_iter=10)):
            found.append(peer.fit_predict(table).reindex(range(60)).fillna(0.0).to_numpy())
        figures.append([_concordant(one, score) for one in found])
    ours, plain, noisy = np.mean(figures, axis=0)
    print(f"  simulated pairs   Bradley-Terry {plain:.4f}   noisy Bradley-Terry {noisy:.4f}")
    line("simulated pairs, share ordered right", ours, f">= {max(plain, noisy):.4f}", ours >= max(plain, noisy))


def _concordant(found: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    i, j = np.triu_indices(len(true), 1)
    return float(((found[i] > found[j]) == (true[i] > true[j])).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fast peers only")
    asked = parser.parse_args()
    if not FOLDER.is_dir():
        print(f"The recorded crowds are not here ({FOLDER.name} is missing beside the repository): nothing measured.")
        sys.exit(0)
    warnings.filterwarnings("ignore")
    multi(asked.quick)
    for name in SCALES:
        rated(name, asked.quick)
    numbers()
    compared_pairs(2 if asked.quick else 5)


if __name__ == "__main__":
    main()
