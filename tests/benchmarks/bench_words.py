"""Marked words under readings of the same answers: `make bench-words [ARGS=--quick]`.

Simulated people (`tests/laws/test_words_crowd.py`: whole names missed, names that stop a word too early or too late,
words taken for names) answer each sentence two, three or five times; nothing was fitted to them. Right, and log loss,
are over single words, intervals over crowds. The chain is `core/spans.py`'s, over our finished beliefs, and its own
reading of the same table.

Then a night: three answers to each of 60 sentences teach a version (`training/word_teacher.py`, the packaged base), as
soft beliefs, as majority votes, and as the truth; it is judged on 30 sentences with other names, by exact stretches.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene
from numpy.typing import NDArray

from core.item import Content, Medium
from core.marks import likeliest
from core.marks.night import weights_of
from core.marks.worth import own, stacked
from core.multilabel import MarkTable, refit
from core.spans import TokenTable, chained, refit_spans
from core.stretches import of_tags, stretches
from core.stretches import words_of as words_in
from core.version import Lessons
from tests.benchmarks.table import Row, show, spread
from tests.laws.test_words_crowd import Readers, sentences
from training.recipe import Recipe
from training.word_teacher import WordTeacher

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Pages(Readers):
    """The same people, without a store: who answers what is drawn evenly."""

    known: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.texts, self.truth = self.world()
        self.people_of()

    def table(self, answers: int) -> tuple[TokenTable, Ints]:
        length = np.array([len(one) for one in self.truth])
        text, worker, label = [], [], []
        for item in range(self.items):
            for n in self.rng.choice(self.people, answers, replace=False).tolist():
                said = np.zeros(length[item], dtype=np.int64)
                said[self.thought(n, item)] = 1
                text.append(item)
                worker.append(n)
                label.append(said)
        table = TokenTable(length, np.array(text), np.array(worker), np.concatenate(label), 2, self.people)
        return table, np.concatenate(self.truth).astype(np.int64)


@dataclass
class Lesson(Pages):
    """Each sentence of the training part by itself."""

    def world(self) -> tuple[list[str], list[NDArray[np.bool_]]]:  # type: ignore[override]
        found = [of_tags(*one) for one in sentences()[: self.items]]
        return [text for text, _ in found], [np.isin(np.arange(len(words_in(text))), marked) for text, marked in found]


def words_of(table: TokenTable) -> MarkTable:
    """Each word as an item, as `core/marks/table.py` has them."""
    size = table.length[table.text]
    within = np.arange(len(table.label)) - np.repeat(np.cumsum(size) - size, size)
    item = np.repeat(table.first[table.text], size) + within
    worker = np.repeat(table.worker, size)
    return MarkTable(item, worker, table.label[:, None] == 1, int(table.length.sum()), table.n_workers)


def readings(table: TokenTable) -> dict[str, Floats]:
    """(T,) what each reading believes of every word."""
    words = words_of(table)
    ours = refit(words).holds[:, 0]
    _, chain = chained(np.stack([1 - ours, ours], axis=1), table)
    frame = pd.DataFrame({"task": words.item, "worker": words.worker, "label": words.marked[:, 0].astype(int)})
    peer = DawidSkene(n_iter=100).fit_predict_proba(frame).sort_index()[1].to_numpy()
    said = np.bincount(words.item, minlength=words.n_items)
    votes = np.bincount(words.item, words.marked[:, 0], words.n_items) / said
    return {
        "ours": ours,
        "ours, then the chain": chain[:, 1],
        "core/spans.py": refit_spans(table).posteriors[:, 1],
        "majority": np.where(votes > 0.5, 0.99, np.where(votes < 0.5, 0.01, 0.5)),
        "Dawid-Skene (crowd-kit)": peer,
    }


def night(seeds: int) -> list[Row]:
    """F1 of exact stretches in sentences never seen, by what the version was taught."""
    figures: dict[str, list[float]] = {}
    judged = [of_tags(*one) for one in sentences()[60:]]
    for seed in range(seeds):
        page = Lesson(seed=seed, items=60)
        table, truth = page.table(3)
        said = readings(table)
        ends = np.cumsum(table.length)[:-1]
        lessons_by = {"ours": said["ours"], "majority": said["majority"].round(), "truth": truth.astype(float)}
        for name, q in lessons_by.items():
            beliefs = stacked(np.split(np.clip(q, 1e-9, 1 - 1e-9), ends))
            lessons = Lessons([Content(Medium.TEXT, text) for text in page.texts], beliefs, weights_of(beliefs))
            with TemporaryDirectory() as home:
                teacher = WordTeacher(Path(home), Recipe(seed=seed), "name")
                version = teacher.train(lessons, lambda _: None)
                (scores,) = teacher.score(version, [Content(Medium.TEXT, text) for text, _ in judged])
            rows = zip(scores.probabilities, judged, strict=True)
            found = [set(stretches(likeliest(own(row).tolist()), text)) for row, (text, _) in rows]
            true = [set(stretches(marked, text)) for text, marked in judged]
            hits = sum(len(a & b) for a, b in zip(found, true, strict=True))
            figures.setdefault(name, []).append(2 * hits / max(sum(map(len, found)) + sum(map(len, true)), 1))
    mean = {name: float(np.mean(values)) for name, values in figures.items()}
    words = f"taught by 3 answers to each of 60 sentences, {seeds} crowds, F1"
    ours = mean.pop("ours")
    return [Row("night", words, ours, *spread(figures["ours"]), {f"taught {k}": v for k, v in mean.items()})]


def main() -> int:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    rows = list[Row]()
    for answers in (3,) if args.quick else (2, 3, 5):
        figures: dict[str, list[tuple[float, float]]] = {}
        for seed in range(3 if args.quick else 8):
            table, truth = Pages(seed=seed).table(answers)
            for name, q in readings(table).items():
                p = np.clip(np.where(truth == 1, q, 1 - q), 1e-4, 1 - 1e-4)
                figures.setdefault(name, []).append((float((p > 0.5).mean()), float(-np.log(p).mean())))
        for at, what in enumerate(("right", "log loss")):
            mean = {name: float(np.mean([one[at] for one in pairs])) for name, pairs in figures.items()}
            low, high = spread([one[at] for one in figures["ours"]])
            peers = {name: value for name, value in mean.items() if name != "ours"}
            words = f"{answers} answers to each of 150 sentences, {len(figures['ours'])} crowds, {what} of a word"
            rows.append(Row("words", words, mean["ours"], low, high, peers))
    rows += night(1 if args.quick else 2)
    return int(show(rows) > 0)


if __name__ == "__main__":
    sys.exit(main())
