"""Everything that can be said of a version whose items have several labels, or marked words: the twin of
`training.scorecard`. Each label of each item, or each word of each text, is a yes or no of its own.

Items are what intervals are drawn over, with all their marks; what is true of each mark is drawn by the crowd's belief,
as there, marks of an item independent. Of words the marks of all texts are one label's.
Source: Sorower 2010, "A Literature Survey on Algorithms for Multi-label Learning" (exact match, micro and macro means).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate import BINS, Interval
from training.examples import Floats, Rows
from training.scorecard import LabelFigures, languages_judged, mean_known, ratio, roc_auc, spread


@dataclass(frozen=True, slots=True)
class MarksCard:
    """Figures of some items, of whose labels each is said to hold or not."""

    items: int
    marks: float  # expected marks that hold
    accuracy: Interval  # share of an item's yes and no that is right, the mean over items
    exact: Interval  # items of which every yes and no is right
    micro_precision: Interval
    micro_recall: Interval
    micro_f1: Interval
    macro_precision: Interval
    macro_recall: Interval
    macro_f1: Interval
    macro_roc_auc: Interval
    log_loss: Interval  # nats a yes or no
    brier: Interval  # 0..1, squared distance of a yes or no
    ece: Interval  # expected calibration error of yes and no, 0..1
    labels: tuple[LabelFigures, ...]  # K; one where words are marked


def marks_card(
    suggestions: Floats, truth: Floats, words: bool, rng: np.random.Generator, draws: int = 200
) -> MarksCard:
    """Judge chances (N, M) by beliefs about what holds (C, N, M), of which each draw believes one plane; nan behind the
    last mark of an item. Where `words` are marked, the M places have one label, else a label each."""
    n, there = len(suggestions), ~np.isnan(suggestions + truth[0])
    counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=draws)])
    planes = rng.integers(0, len(truth), draws)
    found = Counted.nothing(draws + 1, n)
    for column in [there] if words else [there & row for row in np.eye(there.shape[1], dtype=bool)]:
        found.count(suggestions[column], truth[:, column], np.nonzero(column)[0], counts, planes, rng)
    hits, said, holds = (np.stack(table, axis=1) for table in (found.hits, found.said, found.holds))
    tables = (ratio(hits, said), ratio(hits, holds), ratio(2 * hits, said + holds))
    micro = [spread(ratio(a.sum(axis=1), b.sum(axis=1))) for a, b in ((hits, said), (hits, holds))]
    auc, size, marks = np.stack(found.auc, axis=1), np.maximum(there.sum(axis=1), 1), counts @ there.sum(axis=1)
    macro = [spread(mean_known(np.where(np.isnan(one) & (holds > 0), 0.0, one))) for one in tables]
    columns = [(*(spread(table[:, at]) for table in (*tables, auc)),) for at in range(hits.shape[1])]
    return MarksCard(
        items=n,
        marks=float(holds[0].sum()),
        accuracy=spread((counts * found.right / size).sum(axis=1) / n),
        exact=spread((counts * found.exact).sum(axis=1) / n),
        micro_precision=micro[0],
        micro_recall=micro[1],
        micro_f1=spread(ratio(2 * hits.sum(axis=1), (said + holds).sum(axis=1))),
        macro_precision=macro[0],
        macro_recall=macro[1],
        macro_f1=macro[2],
        macro_roc_auc=spread(mean_known(auc)),
        log_loss=spread(found.loss / marks),
        brier=spread(found.brier / marks),
        ece=spread(np.abs(found.gaps).sum(axis=1) / marks),
        labels=tuple(LabelFigures(float(holds[0, at]), *column) for at, column in enumerate(columns)),
    )


def by_language(
    suggestions: Floats, truth: Floats, words: bool, languages: NDArray[np.str_], rng: np.random.Generator
) -> Mapping[str, MarksCard]:
    """Return a card for each language that has enough items; `languages` (N,), "" where not known."""
    rows = languages_judged(languages)
    return {one: marks_card(suggestions[mine], truth[:, mine], words, rng) for one, mine in rows.items()}


@dataclass(slots=True, eq=False)
class Counted:
    """What each of D draws counts, label after label; row 0 are the items themselves, by what is expected of them."""

    right: Floats  # (D, N) marks of each item that are called rightly
    exact: Floats  # (D, N) whether, or how likely, all of them are
    hits: list[Floats]  # K times (D,): marks that hold and are called, that are called, that hold
    said: list[Floats]
    holds: list[Floats]
    auc: list[Floats]
    loss: Floats  # (D,) nats of all marks
    brier: Floats  # (D,)
    gaps: Floats  # (D, bins) by how much what is claimed exceeds what is right

    @classmethod
    def nothing(cls, draws: int, n: int) -> Counted:
        """Before the first label."""
        zero = np.zeros((draws, n))
        return cls(zero, zero + 1, [], [], [], [], np.zeros(draws), np.zeros(draws), np.zeros((draws, BINS)))

    def count(
        self, p: Floats, truth: Floats, item: Rows, counts: Floats, planes: Rows, rng: np.random.Generator
    ) -> None:
        """Add one label: chances (W,) of its marks, beliefs about them (C, W), and the item of each, in order."""
        drawn = rng.random((len(planes), len(p))) < truth[planes]
        true, weight = np.vstack([truth.mean(axis=0), drawn]), counts[:, item]
        called, sure = p > 0.5, np.maximum(p, 1 - p)
        right = np.where(called, true, 1 - true)
        self.hits.append((weight * true)[:, called].sum(axis=1))
        self.said.append(weight[:, called].sum(axis=1))
        self.holds.append((weight * true).sum(axis=1))
        self.auc.append(roc_auc(p, true, weight))
        logs = np.log(np.clip(np.stack([1 - p, p]), 1e-12, None))
        self.loss -= (weight * true) @ logs[1] + (weight * (1 - true)) @ logs[0]
        self.brier += weight @ p**2 - 2 * (weight * true) @ p + (weight * true).sum(axis=1)
        in_bin = np.eye(BINS)[np.minimum((sure * BINS).astype(np.int64), BINS - 1)]
        self.gaps += (weight * (sure - right)) @ in_bin
        starts = np.flatnonzero(np.diff(item, prepend=-1))
        self.right[:, item[starts]] += np.add.reduceat(right, starts, axis=1)
        self.exact[:, item[starts]] *= np.multiply.reduceat(right, starts, axis=1)
