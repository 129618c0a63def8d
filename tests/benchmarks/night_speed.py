"""How fast: training against Trainer at equal accuracy, scoring against the naive loop, both by the matmul peak."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.night_peers import trainer_tuned
from tests.benchmarks.night_sets import text_case
from tests.benchmarks.table import Row
from training.bases import base_folder
from training.loop import lesson_of, teach
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer, build_network, look_at

SET, LABELS = "trec_questions", 500
A_TOKEN = 21.3e6  # multiply-adds times two in the six layers of MiniLM, forward, one token


def speed_rows() -> Iterator[Row]:
    """Train and score once, ours and theirs."""
    case, peak = text_case(SET, LABELS, 0), matmul_peak()
    yield Row("speed", f"large product, float32, {torch.get_num_threads()} threads, GFLOP/s", peak / 1e9)
    yield from training_rows(case, peak)
    yield from scoring_rows(case, peak)


def training_rows(case, peak: float) -> Iterator[Row]:  # type: ignore[no-untyped-def]
    """Examples a second: everything from texts to a trained network, the frozen layers included."""
    recipe, texts = Recipe(), case.examples.contents
    started = time.perf_counter()
    network = build_network(Kind.TEXT, recipe, case.labels)
    inputs = network.settle(network.encode(texts), recipe.batch_size)
    lesson = lesson_of(inputs, np.arange(len(texts)), case.examples.soft_labels, case.examples.weights)
    teach(network, lesson, recipe)
    mine = time.perf_counter() - started
    right = look_at(network.encode(case.judged), recipe, network).argmax(axis=1) == case.truth
    started = time.perf_counter()
    speak = trainer_tuned(texts, case.examples.soft_labels, 0)
    theirs = time.perf_counter() - started
    seen = recipe.epochs * len(texts)
    rate = {"Trainer, same epochs": 10 * len(texts) / theirs}
    also = {"Trainer": 100 * float((speak(case.judged).argmax(axis=1) == case.truth).mean())}
    yield Row("speed", "training, examples/s", seen / mine, peers=rate)
    faster, own = theirs / mine * seen / (10 * len(texts)), 100 * float(right.mean())
    yield Row("speed", "passes over an example, times faster", faster, bar=">= 2.5", reached=faster >= 2.5)
    equal = own >= also["Trainer"] - 2
    yield Row("speed", "accuracy of the two, percent", own, peers=also, bar="not 2 below", reached=equal)
    tokens = float(inputs.lengths.sum())
    flops = A_TOKEN * tokens * (0.5 + recipe.epochs * 0.5 * 2)  # frozen half once; trained half forward and back
    yield Row("speed", "share of the peak while training (adapters' own products not counted)", flops / mine / peak)


def scoring_rows(case, peak: float) -> Iterator[Row]:  # type: ignore[no-untyped-def]
    """Texts a second, tokenising, both voices and calibration included; the naive loop does one text at a time."""
    from transformers import AutoModel, AutoTokenizer

    texts = (case.judged * 3)[:1000]
    with tempfile.TemporaryDirectory() as folder:
        version = TransformerTrainer().train(case.examples, Recipe(epochs=1), Path(folder))
        list(TransformerTrainer().score(version.folder, texts[:64]))
        started = time.perf_counter()
        list(TransformerTrainer().score(version.folder, texts))
        mine = time.perf_counter() - started
    model, tokenizer = AutoModel.from_pretrained(base_folder("")).eval(), AutoTokenizer.from_pretrained(base_folder(""))
    head = torch.nn.Linear(model.config.hidden_size, case.labels)
    naive = timed(lambda: one_by_one(model, tokenizer, head, texts[:200])) / 200 * len(texts)
    padded = timed(lambda: one_by_one(model, tokenizer, head, texts, 32))
    rates = {"one at a time": len(texts) / naive, "batches of 32 as they come": len(texts) / padded}
    yield Row("speed", "scoring, texts/s (two voices)", len(texts) / mine, peers=rates)
    yield Row(
        "speed", "scoring against one at a time, times faster", naive / mine, bar=">= 3", reached=naive / mine >= 3
    )
    tokens = sum(len(row) for row in tokenizer(texts)["input_ids"])
    yield Row("speed", "share of the peak while scoring (1.5 passes a text)", 1.5 * A_TOKEN * tokens / mine / peak)


def one_by_one(model, tokenizer, head, texts: list[str], size: int = 1) -> None:  # type: ignore[no-untyped-def]
    """The loop that everybody writes first."""
    with torch.inference_mode():
        for at in range(0, len(texts), size):
            batch = tokenizer(texts[at : at + size], return_tensors="pt", padding=True, truncation=True, max_length=128)
            head(model(**batch).last_hidden_state.mean(dim=1)).softmax(dim=-1).tolist()


def timed(call) -> float:  # type: ignore[no-untyped-def]
    """Seconds."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def matmul_peak(width: int = 1024) -> float:
    """FLOP/s of the best of ten large float32 products."""
    a, b = torch.randn(width, width), torch.randn(width, width)
    return 2 * width**3 / min(timed(lambda: a @ b) for _ in range(10))
