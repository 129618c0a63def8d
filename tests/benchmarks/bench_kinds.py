"""Several labels at once, and ratings, against crowd-kit: `python -m tests.benchmarks.bench_kinds`."""

from __future__ import annotations

import csv
import sys
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

from core.inference import refit
from core.inference.kinds import choices, chosen, ratings
from tests.benchmarks.bench_beliefs import line
from tests.benchmarks.crowds import FOLDER, load


def several() -> None:
    """`medre_multi`: 14 relations, truth for two of them; micro-F1 beside one crowd-kit Dawid-Skene a label."""
    with (FOLDER / "medre_multi" / "answers.csv").open(encoding="utf-8") as file:
        rows = [(r["task"], r["worker"], set(r["label"].split("|"))) for r in csv.DictReader(file)]
    tasks, workers = ({name: at for at, name in enumerate(sorted({r[c] for r in rows}))} for c in (0, 1))
    labels = sorted(set().union(*(r[2] for r in rows)))
    item, worker = np.array([tasks[r[0]] for r in rows]), np.array([workers[r[1]] for r in rows])
    said = np.array([[name in r[2] for name in labels] for r in rows])
    truth = []
    with (FOLDER / "medre_multi" / "truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name, value in (part.split("=") for part in row["label"].split("|")):
                if value != "?" and row["task"] in tasks:
                    truth.append((tasks[row["task"]], labels.index(name), value == "1"))
    where, which, is_so = (np.array(column) for column in zip(*truth, strict=True))
    ours = chosen(refit(choices(item, worker, said, len(tasks), len(workers))).posteriors, len(labels))
    peer = np.zeros_like(ours)
    for k in np.unique(which):
        frame = pd.DataFrame({"task": item, "worker": worker, "label": said[:, k].astype(int)})
        found = DawidSkene(n_iter=100).fit_predict(frame)
        peer[found.index.to_numpy(), k] = found.to_numpy()
    scores = [2 * (x & is_so).sum() / (x.sum() + is_so.sum()) for x in (ours[where, which], peer[where, which])]
    words = f"medre_multi micro-F1, binary relevance by crowd-kit {scores[1]:.3f}"
    line(words, scores[0], ">= peer", scores[0] >= scores[1])


def grades() -> None:
    """`web`, whose labels 1..5 are in order: mean absolute error of the posterior median."""
    crowd = load("web")
    known = crowd.truth >= 0
    frame = pd.DataFrame({"task": crowd.item, "worker": crowd.worker, "label": crowd.label})
    median = ratings(refit(crowd.table()).posteriors)[0]
    peer = DawidSkene(n_iter=100).fit_predict(frame).reindex(range(len(crowd.truth))).to_numpy()
    ours, theirs = (float(np.abs(x - crowd.truth)[known].mean()) for x in (median, peer))
    line(f"web mean absolute error, crowd-kit's Dawid-Skene {theirs:.3f}", ours, "<= peer", ours <= theirs)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    if not FOLDER.is_dir():
        print("The recorded crowds are not here: nothing measured.")
        sys.exit(0)
    several()
    grades()
