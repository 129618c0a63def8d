"""Spans (names in a text, an answer's place): a belief about every token under worker reliability.

Each token is an item and each worker one reliability over all tokens of all texts, so the committee of
`core.inference` reads them; neighbours then speak to each other through a chain whose transitions are learnt from
the tokens' beliefs. Label 0 is "outside".
Source: Nguyen et al. 2017 (HMM-Crowd), doi:10.18653/v1/P17-1028. Deviations: the chain is laid over the finished token
beliefs (once), not inside the EM; a text's span is a run of tokens of one label, without begin tags. This is
for tables of several tags; campaigns in which one kind of words is marked are read by `core/marks/table.py`, which does
without the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.inference import AnswerTable, Refit, refit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHAIN = 20.0  # tokens' worth of belief that neighbours are independent


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """Answers that each label every token of one text; texts lie one after the other."""

    length: Ints  # (N,) tokens of each text
    text: Ints  # (A,) 0..N-1
    worker: Ints  # (A,) 0..n_workers-1
    label: Ints  # (sum of the answered texts' lengths,) token labels, answer after answer
    labels: int
    n_workers: int

    def __post_init__(self) -> None:
        if len(self.text) != len(self.worker):
            raise ValueError("text and worker differ in length")
        if len(self.label) != int(self.length[self.text].sum()):
            raise ValueError("every answer needs one label for each token of its text")

    @property
    def first(self) -> Ints:
        """(N,) where each text's tokens begin."""
        return np.asarray(np.concatenate([[0], np.cumsum(self.length)[:-1]])[: len(self.length)].astype(np.int64))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Tokens start..end-1 of a text, with the mean belief in the label."""

    text: int
    start: int
    end: int
    label: int
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Beliefs about tokens and about workers."""

    posteriors: Floats  # (T, K), rows sum to 1, text after text
    workers: Refit  # pool and reliabilities, one token being one item
    transition: Floats  # (K, K) from a token's label to its neighbour's, rows sum to 1
    table: TokenTable

    def spans(self) -> list[Span]:
        """Runs of tokens whose likeliest label is the same and not "outside"."""
        best, found = self.posteriors.argmax(axis=1), []
        for text, (first, size) in enumerate(zip(self.table.first, self.table.length, strict=True)):
            labels = best[first : first + size]
            edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
            for start, end in pairwise(edges):
                if label := int(labels[start]):
                    sure = float(self.posteriors[first + start : first + end, label].mean())
                    found.append(Span(text, int(start), int(end), label, sure))
        return found


def refit_spans(table: TokenTable) -> Tokens:
    """All beliefs from all answers; tokens of a text that nobody has answered are believed to be as others are."""
    size = table.length[table.text]
    begin = np.repeat(table.first[table.text], size)
    within = np.arange(len(table.label)) - np.repeat(np.cumsum(size) - size, size)
    total = int(table.length.sum())
    workers = refit(
        AnswerTable.of_labels(
            begin + within, np.repeat(table.worker, size), table.label, table.labels, total, table.n_workers
        )
    )
    transition, posteriors = chained(workers.posteriors, table)
    return Tokens(posteriors, workers, transition, table)


def chained(q: Floats, table: TokenTable) -> tuple[Floats, Floats]:
    """(K, K) transitions and (T, K) beliefs after neighbours have spoken; a text of one token keeps its own."""
    k = table.labels
    share = (q.sum(axis=0) + 1) / (len(q) + k)
    last = np.zeros(len(q), dtype=bool)
    last[(table.first + table.length - 1)[table.length > 0]] = True
    here = np.flatnonzero(~last)
    joint = q[here].T @ q[here + 1] + CHAIN * np.outer(share, share)
    joint = joint / joint.sum()
    transition = joint / joint.sum(axis=1, keepdims=True)
    ratio = transition / joint.sum(axis=0)  # how much likelier a neighbour becomes than it is by itself
    forward, backward = np.ones_like(q), np.ones_like(q)
    for step in range(1, int(table.length.max(initial=0))):
        texts = np.flatnonzero(table.length > step)
        at = table.first[texts] + step
        forward[at] = _scaled((forward[at - 1] * q[at - 1]) @ ratio)
        back = table.first[texts] + table.length[texts] - 1 - step
        backward[back] = _scaled((backward[back + 1] * q[back + 1]) @ ratio.T)
    return transition, _scaled(q * forward * backward)


def _scaled(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300))
