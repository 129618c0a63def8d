"""Spans in texts (names, places ...): a tag for each token, learned and read back as stretches of characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from training.bases import base_folder
from training.errors import BadExamples
from training.examples import Floats, Rows, sorted_batches
from training.loop import Lesson, teach
from training.network import device_for
from training.objectives import OBJECTIVES
from training.recipe import Aim, Recipe
from training.text_inputs import TokenInputs
from training.text_network import TextNetwork

Offsets = list[tuple[int, int]]  # characters of each token; (0, 0) for what is no part of the text


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The characters [start, end) of a text and what they are."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text with its spans; `weight` says how sure they are."""

    text: str
    spans: tuple[Span, ...]
    weight: float = 1.0


def read_conll(lines: Iterable[str]) -> Iterator[Annotated]:
    """Yield sentences of a CoNLL file: a word first and its BIO (or IO) tag last on each line, a blank line between.

    Tjong Kim Sang and De Meulder 2003, DOI 10.3115/1119176.1195. Raises BadExamples with the line's number.
    """
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate((*lines, ""), 1):
        parts = line.split()
        if parts and parts[0] != "-DOCSTART-":
            if len(parts) < 2 or not (parts[-1] == "O" or parts[-1][:2] in ("B-", "I-")):
                raise BadExamples(f"line {number}: {line.strip()!r} is no word with a tag O, B-... or I-...")
            words.append(parts[0])
            tags.append(parts[-1])
        elif words:
            yield joined(words, tags)
            words, tags = [], []


def joined(words: Sequence[str], tags: Sequence[str]) -> Annotated:
    """Return the words with one space between them, their tags as spans."""
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    offsets = [(int(end) - len(word), int(end)) for end, word in zip(ends, words, strict=True)]
    return Annotated(" ".join(words), tuple(spans_of(tags, offsets)))


def spans_of(tags: Sequence[str], offsets: Offsets) -> list[Span]:
    """Return the spans that BIO tags of tokens tell; an I- that continues nothing begins a span."""
    found: list[Span] = []
    open_ = False
    for tag, (start, end) in zip(tags, offsets, strict=True):
        if end <= start:
            continue
        kind, _, label = tag.partition("-")
        if kind == "I" and open_ and found[-1].label == label:
            found[-1] = replace(found[-1], end=end)
        elif kind != "O":
            found.append(Span(start, end, label))
        open_ = kind != "O"
    return found


def tags_of(spans: Sequence[Span], offsets: Offsets) -> list[str]:
    """Return the BIO tag of each token; a token belongs to the span that holds its first character."""
    tags, last = [], None
    for start, end in offsets:
        holder = next((span for span in spans if end > start and span.start <= start < span.end), None)
        tags.append("O" if holder is None else f"{'I' if holder is last else 'B'}-{holder.label}")
        last = holder
    return tags


@dataclass(frozen=True, slots=True, eq=False)
class Tagger:
    """A trained network and its tags."""

    network: TextNetwork
    tags: tuple[str, ...]  # C tags, "O" first
    recipe: Recipe

    def chances(self, texts: Sequence[str]) -> Iterator[tuple[Floats, Offsets]]:
        """Yield (chances (T, C) of each token's tags, their offsets) for each text, in their order."""
        inputs, offsets = tokens_of(self.network, texts)
        said: dict[int, Floats] = {}
        with torch.inference_mode():
            for rows in sorted_batches(inputs.lengths, self.recipe.batch_size, self.recipe.batch_tokens):
                logits = self.network(inputs.take(rows, device_for(self.recipe.device)))
                chances = OBJECTIVES[Aim.SPANS].probabilities(logits).cpu().double().numpy()
                said.update({int(row): chances[at, : len(offsets[row])] for at, row in enumerate(rows)})
        for at, of_text in enumerate(offsets):
            yield said[at], of_text

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the likeliest spans of each text."""
        return [
            spans_of([self.tags[tag] for tag in chances.argmax(axis=1)], offsets)
            for chances, offsets in self.chances(texts)
        ]


def tokens_of(network: TextNetwork, texts: Sequence[str]) -> tuple[TokenInputs, list[Offsets]]:
    """Return the tokens of texts and the characters that each stands for; raises BadExamples for a slow tokenizer."""
    if not network.tokenizer.is_fast:
        raise BadExamples("spans need a base whose tokenizer tells offsets (a fast one)")
    offsets = network.tokenizer(
        list(texts), truncation=True, max_length=network.max_length, return_offsets_mapping=True
    )["offset_mapping"]
    return network.numbers(texts), [[(int(a), int(b)) for a, b in of_text] for of_text in offsets]


def tag_targets(examples: Sequence[Annotated], offsets: list[Offsets], tags: Sequence[str]) -> Floats:
    """Return (N, T, C) targets of the tokens; rows of what is no token of a text are empty."""
    number = {tag: at for at, tag in enumerate(tags)}
    targets = np.zeros((len(examples), max(map(len, offsets)), len(tags)))
    for row, (example, of_text) in enumerate(zip(examples, offsets, strict=True)):
        for at, (tag, (start, end)) in enumerate(zip(tags_of(example.spans, of_text), of_text, strict=True)):
            if end > start:
                targets[row, at, number[tag]] = 1.0
    return targets


def train_tagger(examples: Sequence[Annotated], recipe: Recipe) -> Tagger:
    """Learn to find the examples' spans; raises BadExamples, BadBase, Diverged, OutOfMemory."""
    labels = sorted({span.label for example in examples for span in example.spans})
    if not labels:
        raise BadExamples("no example has a span: there is nothing to find")
    tags = ("O", *(f"{kind}-{label}" for label in labels for kind in "BI"))
    recipe = replace(recipe, aim=Aim.SPANS)
    torch.manual_seed(recipe.seed)
    network = TextNetwork(base_folder(recipe.base), recipe, len(tags)).to(device_for(recipe.device)).eval()
    inputs, offsets = tokens_of(network, [example.text for example in examples])
    weights = np.array([example.weight for example in examples])
    rows: Rows = np.arange(len(examples), dtype=np.int64)
    lesson = Lesson(
        network.settle(inputs, recipe.batch_size),
        rows,
        torch.from_numpy(tag_targets(examples, offsets, tags)).float(),
        torch.from_numpy(weights / weights.mean()).float(),
    )
    teach(network, lesson, recipe)
    return Tagger(network, tags, recipe)


def span_f1(found: Sequence[Sequence[Span]], truth: Sequence[Sequence[Span]]) -> float:
    """Return the micro F1 of exact spans: start, end and label must all be right."""
    hits = sum(len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True))
    return 2 * hits / max(1, sum(map(len, found)) + sum(map(len, truth)))
