"""How good and how fast a version is with few labels: `python -m tests.benchmarks.bench_night [labels] [seeds]`."""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from training.evaluate import evaluate
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer

TEXTS = Path(__file__).parents[2].parent / "shared" / "data" / "text"
SETS = ("trec_questions", "movie_reviews", "banking77")
JUDGED = 1000


def read(name: str, part: str) -> list[tuple[str, str]]:
    """(text, label) of a set's part."""
    with (TEXTS / name / f"{part}.csv").open(newline="", encoding="utf-8") as stream:
        return [(row["text"], row["label"]) for row in csv.DictReader(stream)]


def text_set(name: str, n: int, seed: int) -> tuple[Examples, list[str], np.ndarray]:
    """n random examples of a text set, and what the version is judged on."""
    learned, judged = read(name, "train"), read(name, "test")[:JUDGED]
    labels = sorted({label for _, label in learned})
    one_hot = {label: row for label, row in zip(labels, np.eye(len(labels)), strict=True)}
    chosen = [learned[at] for at in np.random.default_rng(seed).permutation(len(learned))[:n]]
    soft = np.stack([one_hot[label] for _, label in chosen])
    examples = Examples(Kind.TEXT, tuple(text for text, _ in chosen), soft, np.ones(len(chosen)), tuple(labels))
    return examples, [text for text, _ in judged], np.stack([one_hot[label] for _, label in judged])


def digit_set(folder: Path, n: int, seed: int) -> tuple[Examples, list[str], np.ndarray]:
    """n of the bundled digits as enlarged picture files, and the others to judge by."""
    found = load_digits()
    paths = [str(folder / f"{at}.png") for at in range(len(found.target))]
    for path, pixels in zip(paths, found.images, strict=True):
        Image.fromarray((255 - pixels / 16 * 255).astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST).save(
            path
        )
    order, truth = np.random.default_rng(seed).permutation(len(paths)), np.eye(10)[found.target]
    first, others = order[:n], order[n:]
    examples = Examples(Kind.IMAGE, tuple(paths[at] for at in first), truth[first], np.ones(len(first)))
    return examples, [paths[at] for at in others], truth[others]


def measure(name: str, examples: Examples, judged: list[str], truth: np.ndarray, seed: int, home: Path) -> float:
    """Train, score and print one line; the accuracy."""
    trainer, start = TransformerTrainer(), time.perf_counter()
    version = trainer.train(examples, Recipe(seed=seed), home)
    trained = time.perf_counter()
    said = np.concatenate([part for part, _ in trainer.score(version.folder, judged)])
    scored, report = time.perf_counter(), evaluate(said, truth, np.random.default_rng(0))
    print(
        f"{name:16}{len(examples):>7}{seed:>5}{report.accuracy.value:>10.3f}{report.log_loss.value:>10.3f}"
        f"{report.ece.value:>7.3f}{version.card.blend.probe_share:>7.1f}{trained - start:>9.1f}"
        f"{len(judged) / (scored - trained):>9.0f}",
        flush=True,
    )
    return report.accuracy.value


def main() -> None:
    """Print one table and the mean accuracy."""
    labels, seeds = (int(word) for word in [*sys.argv[1:], *("500", "1")[len(sys.argv) - 1 :]])
    print("set              labels seed  accuracy  log loss    ECE  probe  train s  items/s")
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            found.append(measure("digits", *digit_set(home, labels, seed), seed, home / "v"))
            for name in SETS:
                if (TEXTS / name).is_dir():
                    found.append(measure(name, *text_set(name, labels, seed), seed, home / "v"))
                else:
                    print(f"{name:16}skipped: {TEXTS.name}/{name} is not here")
    print(f"mean accuracy {np.mean(found):.3f}")


if __name__ == "__main__":
    main()
