"""Everything that can be said of a version's suggestions on judged items: by label, by language, and as it learns more.

`training.evaluate.evaluate` gives the figures that nights are judged by; this adds those that a person asks for. Truth
is soft (the crowd's belief), so counts are expected counts. 95 % intervals resample items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate import Interval, Report, evaluate
from training.examples import Floats, Rows

LEAST = 5  # judged items of a language, below which it has no figures of its own


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label against all others; a figure that nothing defines is nan."""

    items: float  # expected items of this label
    precision: Interval
    recall: Interval
    f1: Interval
    roc_auc: Interval  # chance that an item of the label is thought likelier than another one


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Figures of all items, of each label and of each language."""

    overall: Report
    labels: tuple[LabelFigures, ...]
    macro_precision: Interval
    macro_recall: Interval
    macro_f1: Interval
    macro_roc_auc: Interval
    micro_precision: Interval  # one label an item: equal to micro recall, micro F1 and accuracy; not for several labels
    micro_recall: Interval
    micro_f1: Interval
    languages: Mapping[str, Report]


def scorecard(
    suggestions: Floats,
    truth: Floats,
    rng: np.random.Generator,
    languages: NDArray[np.str_] | None = None,
    called: Floats | None = None,
    draws: int = 500,
) -> Scorecard:
    """Judge suggestions (N, K) against soft truth (N, K); `called` (N, K), 0 or 1, where it is not the likeliest label.

    With `called` and truth of several labels an item the figures by label and their means are those of multi-label
    classification; `overall` then judges the likeliest label alone.
    """
    n, k = truth.shape
    if called is None:
        called = np.eye(k)[suggestions.argmax(axis=1)]
    counts = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=draws)])
    hits, said, there = counts @ (truth * called), counts @ called, counts @ truth
    precision, recall = ratio(hits, said), ratio(hits, there)
    f1 = ratio(2 * hits, said + there)
    auc = np.stack([roc_auc(suggestions[:, label], truth[:, label], counts) for label in range(k)], axis=1)
    tables = (precision, recall, f1, auc)
    means = [spread(mean_known(np.where(np.isnan(table) & (there > 0), 0.0, table))) for table in tables]
    all_hits, all_said, all_there = hits.sum(axis=1), said.sum(axis=1), there.sum(axis=1)
    return Scorecard(
        overall=evaluate(suggestions, truth, rng, draws),
        labels=tuple(LabelFigures(float(there[0, at]), *(spread(table[:, at]) for table in tables)) for at in range(k)),
        macro_precision=means[0],
        macro_recall=means[1],
        macro_f1=means[2],
        macro_roc_auc=means[3],
        micro_precision=spread(ratio(all_hits, all_said)),
        micro_recall=spread(ratio(all_hits, all_there)),
        micro_f1=spread(ratio(2 * all_hits, all_said + all_there)),
        languages={} if languages is None else by_language(suggestions, truth, languages, rng, draws),
    )


def by_language(
    suggestions: Floats, truth: Floats, languages: NDArray[np.str_], rng: np.random.Generator, draws: int
) -> dict[str, Report]:
    """Return a report for each language with at least LEAST items."""
    found = {}
    for language in sorted(set(languages.tolist())):
        rows = np.flatnonzero(languages == language)
        if len(rows) >= LEAST:
            found[language] = evaluate(suggestions[rows], truth[rows], rng, draws)
    return found


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, nan where whole is nothing."""
    return np.asarray(np.where(whole > 1e-9, part / np.where(whole > 1e-9, whole, 1), np.nan))


def mean_known(table: Floats) -> Floats:
    """Return (draws,) means over the labels that have a figure."""
    known = ~np.isnan(table)
    return ratio(np.where(known, table, 0.0).sum(axis=1), known.sum(axis=1))


def spread(per_draw: Floats) -> Interval:
    """Return row 0 with the 95 % interval of the others; nan where nothing defines it."""
    drawn = per_draw[1:][~np.isnan(per_draw[1:])]
    if np.isnan(per_draw[0]) or not len(drawn):
        return Interval(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(per_draw[0]), float(low), float(high))


def roc_auc(said: Floats, truth: Floats, counts: Floats) -> Floats:
    """Return (draws,) areas under the ROC curve for item counts (draws, N): ties count half.

    Hanley and McNeil 1982, DOI 10.1148/radiology.143.1.7063747; each item is positive with the share of its belief.
    """
    order = np.argsort(said, kind="stable")
    positive, negative = counts[:, order] * truth[order], counts[:, order] * (1 - truth[order])
    starts = np.flatnonzero(np.diff(said[order], prepend=-np.inf) > 0)  # groups of equal suggestions
    here, rest = np.add.reduceat(positive, starts, axis=1), np.add.reduceat(negative, starts, axis=1)
    below = np.cumsum(rest, axis=1) - rest
    return ratio((here * (below + rest / 2)).sum(axis=1), here.sum(axis=1) * rest.sum(axis=1))


def learning_curve(
    n: int, shares: Sequence[float], learn: Callable[[Rows], float], rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Return (examples, figure) for growing parts of N examples, each a part of the next; `learn` trains and judges."""
    order = rng.permutation(n).astype(np.int64)
    sizes = sorted({max(1, round(n * share)) for share in shares})
    return [(size, learn(np.sort(order[:size]))) for size in sizes]
