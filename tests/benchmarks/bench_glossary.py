"""What a glossary before the text is worth to the network, and what it costs where nobody needs it.

`python -m tests.benchmarks.bench_glossary [--quick]`. Two sets, on and off, the same recipe and seeds:

- jargon: sentences whose label hangs on one made-up word alone, judged on words that no training text had. This set is
  constructed so that nothing but the glossary can help: off, nothing beats chance; on, it shows the most there is.
- trec_questions with a glossary of plain words, which tells the network nothing: what the longer text costs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.glossary import Term, explained
from tests.benchmarks.bench_night import TEXTS, text_set
from training.examples import Examples
from training.recipe import Kind, Recipe
from training.speaker import Speaker
from training.trainer import TransformerTrainer

KITCHEN = "oven pan kettle fridge toaster sieve ladle grill whisk mixer plate teapot stove fork bread-knife"
GARDEN = "rake spade hose mower hedge seedbed wheelbarrow greenhouse trowel compost bulb shears pond fence trellis"
OFFICE = """stapler printer folder desk-lamp binder shredder envelope keyboard invoice calendar scanner ledger monitor
    notepad projector"""
MEANINGS = {"kitchen": KITCHEN.split(), "garden": GARDEN.split(), "office": OFFICE.split()}
FRAMES = ("The {} is broken again.", "Please bring me the {}.", "We bought a new {} today.", "Who has seen the {}?")
PLAIN = {
    "city": "a large town", "country": "a land with its own government", "first": "before all others",
    "name": "what somebody is called", "year": "twelve months", "people": "men and women", "world": "the earth",
    "day": "twenty-four hours", "state": "a part of a country", "term": "a word",
}  # fmt: skip


def jargon(seed: int) -> tuple[Examples, list[str], np.ndarray, tuple[Term, ...]]:
    """(examples, texts on unseen words, their labels, the glossary)."""
    rng, labels = np.random.default_rng(seed), tuple(MEANINGS)
    glossary, learned, judged = [], [], []
    for label, things in enumerate(MEANINGS.values()):
        for at, thing in enumerate(rng.permutation(things)):
            word = "".join(rng.choice(list("bdfgklmnprstvz")) + rng.choice(list("aeiou")) for _ in range(3))
            glossary.append(Term(word, f"a kind of {thing}"))
            (learned if at < 10 else judged).extend((frame.format(word), label) for frame in FRAMES)
    truth = np.array([label for _, label in judged])
    soft = np.eye(3)[[label for _, label in learned]]
    examples = Examples(Kind.TEXT, tuple(text for text, _ in learned), soft, np.ones(len(learned)), labels)
    return examples, [text for text, _ in judged], truth, tuple(glossary)


def questions(seed: int, labels: int) -> tuple[Examples, list[str], np.ndarray, tuple[Term, ...]]:
    """The same of trec_questions with words that everybody knows."""
    examples, texts, truth = text_set("trec_questions", labels, seed)
    return examples, texts, truth.argmax(axis=1), tuple(Term(*pair) for pair in PLAIN.items())


def accuracy(examples: Examples, texts: Sequence[str], truth: np.ndarray, terms: tuple[Term, ...], seed: int) -> float:
    """Of a version that is taught and asked with this glossary."""
    told = tuple(explained(terms, text) for text in examples.contents)
    read = Examples(examples.kind, told, examples.soft_labels, examples.weights, examples.labels)
    with tempfile.TemporaryDirectory() as home:
        version = TransformerTrainer().train(read, Recipe(seed=seed), Path(home))
        said = Speaker(version.folder, examples.labels, terms).say(texts)
    return float((said.argmax(axis=1) == truth).mean())


def main() -> None:
    """Print one table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--quick", action="store_true")
    quick = asked.parse_args().quick
    sets = {"jargon (constructed)": jargon}
    if TEXTS.exists():
        sets["trec_questions"] = lambda seed: questions(seed, 100 if quick else 200)
    else:
        print(f"trec_questions is left out: {TEXTS} is not there")
    print(f"{'set':22}{'seed':>5}{'with terms':>12}{'off':>8}{'on':>8}", flush=True)
    for name, make in sets.items():
        for seed in range(1 if quick else 2):
            examples, texts, truth, terms = make(seed)
            share = float(np.mean([explained(terms, text) != text for text in texts]))
            off, on = (accuracy(examples, texts, truth, used, seed) for used in ((), terms))
            print(f"{name:22}{seed:>5}{share:>12.0%}{off:>8.3f}{on:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
