"""What an exported version costs and is worth on a CPU, float against int8.

`python -m tests.benchmarks.bench_compression [--quick] [--labels N]` trains the default recipe on trec_questions,
exports it, and asks each build the set's 500 held-out questions. Bar: the int8 build loses at most 0.5 points.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.bench_night import TEXTS, text_set
from training.examples import Floats
from training.export import export
from training.export_onnx import FLOAT, INT8, OnnxSpeaker, onnx_writers
from training.recipe import Recipe
from training.speaker import Speaker
from training.trainer import TransformerTrainer

ROUNDS = 3  # the fastest counts: whatever else runs here only slows
DRAWS = 4000


@dataclass(frozen=True)
class Row:
    """One build."""

    name: str
    megabytes: float
    said: Floats
    seconds: float


def clocked(name: str, size: int, say: Callable[[Sequence[str]], Floats], texts: Sequence[str]) -> Row:
    """Ask a build, once to warm up."""
    said, seconds = say(texts), []
    for _ in range(ROUNDS):
        begun = time.process_time()
        say(texts)
        seconds.append(time.process_time() - begun)
    return Row(name, size / 1e6, said, min(seconds))


def lost(row: Row, float_: Row, truth: np.ndarray) -> tuple[float, float, float]:
    """Points of accuracy that a build loses, with the 95 % interval of a paired bootstrap over the questions."""
    gap = (float_.said.argmax(1) == truth).astype(float) - (row.said.argmax(1) == truth)
    rng = np.random.default_rng(0)
    drawn = gap[rng.integers(0, len(gap), (DRAWS, len(gap)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(100 * gap.mean()), float(100 * low), float(100 * high)


def main() -> None:
    """Print one table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--labels", type=int, default=0)
    wish = asked.parse_args()
    if not TEXTS.exists():
        print(f"skipped: {TEXTS} is not there")
        return
    labels = wish.labels or (200 if wish.quick else 500)
    examples, texts, truths = text_set("trec_questions", labels, 0)
    texts, truth = (texts[:200], truths[:200].argmax(1)) if wish.quick else (texts, truths.argmax(1))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        version = TransformerTrainer().train(examples, Recipe(epochs=3 if wish.quick else 10), Path(home) / "v")
        speaker, folder = Speaker(version.folder, examples.labels), Path(home) / "out"
        exported = export(speaker, folder, "trec_questions", further=onnx_writers(int8=True))
        rows = [clocked("night's path (torch)", (folder / "model.safetensors").stat().st_size, speaker.say, texts)]
        for name, file in (("ONNX float", FLOAT), ("ONNX int8", INT8)):
            rows.append(clocked(name, (folder / file).stat().st_size, OnnxSpeaker.of(folder, file, 1).say, texts))
    share = version.card.blend.probe_share
    print(f"{labels} labels, {len(texts)} held-out questions, one thread, CPU time; the probe's share is {share}")
    print(f"{'build':22}{'MB':>8}{'texts/s':>9}{'accuracy':>10}{'log loss':>10}   points lost (95 %)   largest gap")
    gaps = dict(zip((row.name for row in rows), exported.differences.values(), strict=True))
    for row in rows:
        accuracy = (row.said.argmax(1) == truth).mean()
        loss = -np.log(np.clip(row.said[np.arange(len(truth)), truth], 1e-12, None)).mean()
        gap, low, high = lost(row, rows[0], truth)
        print(
            f"{row.name:22}{row.megabytes:>8.1f}{len(texts) / row.seconds:>9.0f}{accuracy:>10.3f}{loss:>10.3f}"
            f"   {gap:>+5.2f} [{low:+.2f}, {high:+.2f}]   {gaps[row.name]:>11.2g}"
        )


if __name__ == "__main__":
    main()
