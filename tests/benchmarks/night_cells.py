"""The cells of the night's table: what each one trains, and how it is judged."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.benchmarks.night_peers import PEERS, calibrated
from tests.benchmarks.night_sets import Case, crowd_case, digit_set, simulated_case, text_case
from tests.training.test_spans import by_majority
from tests.training.test_spans import sentences as conll
from training.evaluate import evaluate
from training.examples import Examples, Floats
from training.recipe import STEPS, Method, Recipe
from training.spans import span_f1, train_tagger
from training.trainer import TransformerTrainer

OPTIONS: dict[str, dict[str, object]] = {
    "default": {},
    "no contrast": {"contrast": 0.0},
    "fgm": {"adversarial": "fgm"},
    "pgd": {"adversarial": "pgd"},
    "r_drop": {"r_drop": 1.0},
    "token_cutoff": {"token_cutoff": 0.1},
    "mixup": {"mixup": 0.2},
    "noise_filter": {"noise_filter": True},
    "ensemble of 3": {"ensemble": 3},
    **{method.value: {"method": method, "learning_rate": STEPS[method]} for method in Method if method != Method.LORA},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One training and its judgement."""

    part: str
    set: str
    size: int
    seed: int
    name: str

    @property
    def key(self) -> str:
        """What is done once."""
        return f"{self.part}/{self.set}/{self.size}/{self.seed}/{self.name}"


def ours(case: Case, recipe: Recipe) -> tuple[Floats, float]:
    """(suggestions (M, K), seconds) of the default path: train, calibrate, write, load, score."""
    started, trainer = time.perf_counter(), TransformerTrainer()
    with tempfile.TemporaryDirectory() as folder:
        version = trainer.train(case.examples, recipe, Path(folder))
        said = np.concatenate([part for part, _ in trainer.score(version.folder, case.judged)])
    return said, time.perf_counter() - started


def judged(said: Floats, truth: np.ndarray[tuple[int], np.dtype[np.int64]], k: int) -> dict[str, object]:
    """The figures of one cell; `right` and `loss` are an item's, so that differences can be paired."""
    report = evaluate(said, np.eye(k)[truth], np.random.default_rng(0), draws=50)
    losses = -np.log(np.clip(said[np.arange(len(truth)), truth], 1e-6, 1.0))
    return {
        "accuracy": report.accuracy.value,
        "log_loss": float(losses.mean()),
        "ece": report.ece.value,
        "right": "".join("1" if hit else "0" for hit in said.argmax(axis=1) == truth),
        "loss": [round(float(x), 3) for x in losses],
    }


def cells_of(args: argparse.Namespace) -> Iterator[tuple[Cell, Callable[[], dict[str, object]]]]:
    """Yield every cell with what measures it."""
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        if args.part == "digits":
            yield Cell("digits", "digits", 500, seed, "ours"), lambda seed=seed: of_digits(seed)  # type: ignore[misc]
        if args.part == "spans":
            yield Cell("spans", "names", 61, seed, "ours"), lambda seed=seed: of_names(seed)  # type: ignore[misc]
        for size in args.sizes:
            for name in args.sets:
                if args.part == "accuracy":
                    yield from of_accuracy(name, size, seed, args.peers)
                elif args.part == "options":
                    yield from of_options(name, size, seed, args.only)
                elif args.part == "soft":
                    yield from of_soft(name, size, seed)


def of_accuracy(
    name: str, size: int, seed: int, peers: list[str]
) -> Iterator[tuple[Cell, Callable[[], dict[str, object]]]]:
    """Ours and each peer on one draw."""

    def mine() -> dict[str, object]:
        case = text_case(name, size, seed)
        said, seconds = ours(case, Recipe(seed=seed))
        return judged(said, case.truth, case.labels) | {"seconds": seconds}

    yield Cell("accuracy", name, size, seed, "ours"), mine
    for peer in peers:

        def theirs(peer: str = peer) -> dict[str, object]:
            case = text_case(name, size, seed)
            said = calibrated(PEERS[peer], case.examples, case.judged, seed)
            return judged(said.suggestions, case.truth, case.labels) | {"seconds": said.seconds}

        yield Cell("accuracy", name, size, seed, peer), theirs


def of_options(
    name: str, size: int, seed: int, only: list[str]
) -> Iterator[tuple[Cell, Callable[[], dict[str, object]]]]:
    """The default recipe and each option alone."""
    for option, change in OPTIONS.items():
        if only and option not in ("default", *only):
            continue

        def one(change: dict[str, object] = change) -> dict[str, object]:
            case = text_case(name, size, seed)
            said, seconds = ours(case, replace(Recipe(seed=seed), **change))  # type: ignore[arg-type]
            return judged(said, case.truth, case.labels) | {"seconds": seconds}

        yield Cell("options", name, size, seed, option), one


def of_soft(name: str, size: int, seed: int) -> Iterator[tuple[Cell, Callable[[], dict[str, object]]]]:
    """The same answers as beliefs with weights, and as likeliest labels."""
    for at, kind in enumerate(("soft", "hard")):

        def one(at: int = at) -> dict[str, object]:
            made = crowd_case if name in ("sp", "product") else simulated_case
            case = made(name, size, seed)[at]
            said, seconds = ours(case, Recipe(seed=seed))
            return judged(said, case.truth, case.labels) | {"seconds": seconds}

        yield Cell("soft", name, size, seed, kind), one


def of_digits(seed: int) -> dict[str, object]:
    """500 digits, a network from scratch."""
    with tempfile.TemporaryDirectory() as folder:
        examples, paths, truth = digit_set(Path(folder), 500, seed)
        case = Case(Examples(examples.kind, examples.contents, examples.soft_labels, examples.weights), paths,
                    truth.argmax(axis=1))  # fmt: skip
        said, seconds = ours(case, Recipe(seed=seed))
    return judged(said, case.truth, 10) | {"seconds": seconds}


def of_names(seed: int) -> dict[str, object]:
    """F1 of names in sentences never seen; beside it each word by its most frequent tag."""
    learned, judged = (conll(part) for part in ("train", "test"))
    truth, started = [one.spans for one in judged], time.perf_counter()
    tagger = train_tagger(learned, Recipe(batch_size=16, learning_rate=2e-3, seed=seed))
    found = tagger.spans([one.text for one in judged])
    looked_up = span_f1(by_majority(learned, judged), truth)
    return {"accuracy": span_f1(found, truth), "majority": looked_up, "seconds": time.perf_counter() - started}
