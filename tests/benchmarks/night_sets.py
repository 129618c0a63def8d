"""What the night's benchmark learns from and is judged on: three text sets, digits, and answers of crowds."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from core.inference import AnswerTable, refit
from core.item import between
from core.teaching import weights_of
from training.examples import Examples, Floats
from training.recipe import Kind

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TEXTS = SHARED / "text"
SETS = ("trec_questions", "movie_reviews", "banking77")
JUDGED = 600  # items of the test part, drawn once: some sets are sorted by label
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Examples to learn from, contents to be judged on, their truth (M,)."""

    examples: Examples
    judged: list[str]
    truth: Ints

    @property
    def labels(self) -> int:
        """K."""
        return int(self.examples.soft_labels.shape[1])


@lru_cache(maxsize=8)
def read(name: str, part: str) -> list[tuple[str, str]]:
    """(text, label) of a set's part."""
    with (TEXTS / name / f"{part}.csv").open(newline="", encoding="utf-8") as stream:
        return [(row["text"], row["label"]) for row in csv.DictReader(stream)]


def text_case(name: str, n: int, seed: int, judged: int = JUDGED) -> Case:
    """n random examples of a text set; the same judged items for every seed."""
    learned, tested = read(name, "train"), read(name, "test")
    labels = sorted({label for _, label in learned})
    number = {label: at for at, label in enumerate(labels)}
    tested = [tested[at] for at in np.random.default_rng(7).permutation(len(tested))[:judged]]
    chosen = [learned[at] for at in np.random.default_rng(seed).permutation(len(learned))[:n]]
    soft = np.eye(len(labels))[[number[label] for _, label in chosen]]
    examples = Examples(Kind.TEXT, tuple(text for text, _ in chosen), soft, np.ones(len(chosen)), tuple(labels))
    return Case(examples, [text for text, _ in tested], np.array([number[label] for _, label in tested]))


def text_set(name: str, n: int, seed: int) -> tuple[Examples, list[str], Floats]:
    """A case with its truth as rows of distributions."""
    case = text_case(name, n, seed)
    return case.examples, case.judged, np.eye(case.labels)[case.truth]


def digit_set(folder: Path, n: int, seed: int) -> tuple[Examples, list[str], Floats]:
    """n of the bundled digits as enlarged picture files, and the others to judge by."""
    found = load_digits()
    paths = [str(folder / f"{at}.png") for at in range(len(found.target))]
    for path, pixels in zip(paths, found.images, strict=True):
        shades = (255 - pixels / 16 * 255).astype(np.uint8)
        Image.fromarray(shades).resize((64, 64), Image.Resampling.NEAREST).save(path)
    order, truth = np.random.default_rng(seed).permutation(len(paths)), np.eye(10)[found.target]
    first, others = order[:n], order[n:]
    examples = Examples(Kind.IMAGE, tuple(paths[at] for at in first), truth[first], np.ones(len(first)))
    return examples, [paths[at] for at in others], truth[others]


def crowd_case(name: str, n: int, seed: int, judged: int = JUDGED) -> tuple[Case, Case]:
    """(soft, hard): n items of a recorded crowd with three answers each; judged on others' truth."""
    with (SHARED / "crowd" / name / "items.csv").open(newline="", encoding="utf-8") as stream:
        texts = {
            row["task"]: between(*(v for k, v in row.items() if k != "task" and v)) for row in csv.DictReader(stream)
        }
    with (SHARED / "crowd" / name / "truth.csv").open(newline="", encoding="utf-8") as stream:
        truth = {row["task"]: int(row["label"]) for row in csv.DictReader(stream) if row["task"] in texts}
    tasks = sorted(truth)
    order = [tasks[at] for at in np.random.default_rng(seed).permutation(len(tasks))]
    learned, tested = order[:n], sorted(order[-judged:])
    place = {task: at for at, task in enumerate(learned)}
    with (SHARED / "crowd" / name / "answers.csv").open(newline="", encoding="utf-8") as stream:
        told = [(place[r["task"]], r["worker"], int(r["label"])) for r in csv.DictReader(stream) if r["task"] in place]
    told = [told[at] for at in np.random.default_rng(seed + 1).permutation(len(told))]
    kept, seen = [], np.zeros(n, dtype=np.int64)
    for one in told:
        seen[one[0]] += 1
        if seen[one[0]] <= 3:
            kept.append(one)
    people = {worker: at for at, worker in enumerate(sorted({worker for _, worker, _ in kept}))}
    rows = np.array([(item, people[worker], label) for item, worker, label in kept])
    return soft_and_hard(rows, len(people), [texts[t] for t in learned], 2, [texts[t] for t in tested],
                         np.array([truth[t] for t in tested]))  # fmt: skip


def simulated_case(name: str, n: int, seed: int, judged: int = JUDGED) -> tuple[Case, Case]:
    """(soft, hard): three answers an item by thirty workers who are right on 0.45 to 0.9, errors spread evenly."""
    case, rng = text_case(name, n, seed, judged), np.random.default_rng(seed + 100)
    truth, k = case.examples.soft_labels.argmax(axis=1), case.labels
    skill = rng.uniform(0.45, 0.9, 30)
    rows = []
    for item in range(n):
        for worker in rng.choice(30, 3, replace=False):
            wrong = (truth[item] + rng.integers(1, k)) % k
            rows.append((item, worker, truth[item] if rng.random() < skill[worker] else wrong))
    return soft_and_hard(np.array(rows), 30, list(case.examples.contents), k, case.judged, case.truth)


def soft_and_hard(
    answers: Ints, workers: int, texts: list[str], k: int, judged: list[str], truth: Ints
) -> tuple[Case, Case]:
    """The same answers (A, 3: item, worker, label) as the core's beliefs with weights and likelihoods, and as its
    likeliest labels."""
    table = AnswerTable.of_labels(answers[:, 0], answers[:, 1], answers[:, 2], k, len(texts), workers)
    found = refit(table)
    beliefs = np.asarray(found.posteriors)
    beliefs = beliefs / beliefs.sum(axis=1, keepdims=True)
    likely = beliefs / np.array(found.pool.prior)
    soft = Examples(Kind.TEXT, tuple(texts), beliefs, weights_of(beliefs), likelihoods=likely)
    hard = Examples(Kind.TEXT, tuple(texts), np.eye(k)[beliefs.argmax(axis=1)], np.ones(len(texts)))
    return Case(soft, judged, truth), Case(hard, judged, truth)
