"""What an admin reads of a campaign beside its progress: agreement, audit, forecast. Computed after a refit, in its
thread, never in the path of a tap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.agreement import Agreement, Scale, alpha, beside_others, bootstrap, by_label, cliques, fleiss, percent, tally
from core.audit import Audit, Estimate, audited, mean_of, trust_in
from core.auto_label import settled_alone
from core.campaign import Kind
from core.evidence import Evidence
from core.forecast import Forecast, forecast
from core.item import Item, Role
from core.marks import figures as marks_figures
from core.ports import Beliefs, Snapshot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COMPARED = 100_000  # items at most whose answers are compared


@dataclass(frozen=True, slots=True)
class Concord:
    """How much the workers agree, controls aside."""

    alpha: Agreement  # Krippendorff's, nominal; over single labels, or words, where several are marked
    percent: float  # of the pairs of answers to an item, or to a label of it
    by_label: tuple[float, ...]  # (K,) how often a second answer says it too; nan where none does
    groups: int  # of workers that no shared item links; more than one cannot be compared


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One worker and a version, each held against what the other workers say of the same items."""

    items: int  # with two answers or more
    worker: Estimate  # how often one answer says what most of the others say
    version: Estimate  # how often the version does in that answer's place


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it, as of the last refit."""

    concord: Concord
    audit: Audit
    forecast: Forecast
    alone: int = 0  # items that a version settled by itself


def figures_of(snapshot: Snapshot, beliefs: Beliefs, a_day: Sequence[int], rng: np.random.Generator) -> Figures:
    """The figures of a campaign with its fresh beliefs; `a_day`: answers of each of the last days, oldest first."""
    trusted = trust_in(snapshot, rng)
    several = snapshot.campaign.draft.kind.marked
    return Figures(
        concord_of(snapshot, rng),
        marks_figures.audited(beliefs, trusted, rng) if several else audited(beliefs, trusted, rng),
        forecast(snapshot, beliefs, trusted, a_day, rng),
        settled_alone(beliefs.items),
    )


def concord_of(snapshot: Snapshot, rng: np.random.Generator) -> Concord:
    """From the answers that name one label, or mark several."""
    group = cliques(snapshot.answer_item, snapshot.answer_worker, len(snapshot.workers))
    groups = len(np.unique(group))
    if snapshot.campaign.draft.kind.marked:
        return Concord(*marks_figures.agreement_of(snapshot, rng), groups)
    labels, label = len(snapshot.campaign.labels), _named(snapshot)
    plain = np.array([item.role is not Role.CONTROL for item in snapshot.items], dtype=bool)
    asked = plain[snapshot.answer_item]
    counts = _counts(snapshot.answer_item[asked & (label >= 0)], label[asked & (label >= 0)], labels, rng)
    return Concord(bootstrap(counts, alpha, rng), percent(counts), tuple(by_label(counts).tolist()), groups)


def _counts(item: Ints, label: Ints, labels: int, rng: np.random.Generator) -> Floats:
    """(N, K) answers to each item that has some; of very many items a random part."""
    rows, place = np.unique(item, return_inverse=True)
    place = place.reshape(-1)
    if len(rows) > COMPARED:
        keep = np.zeros(len(rows), dtype=bool)
        keep[rng.choice(len(rows), COMPARED, replace=False)] = True
        new = np.cumsum(keep) - 1
        place, label, rows = new[place[keep[place]]], label[keep[place]], rows[keep]
    return tally(place, label, len(rows), labels)


def ceiling_of(votes: Floats, guess: Ints, rng: np.random.Generator) -> Ceiling:
    """One worker beside a version whose guesses (N,) are of the same items as the votes (N, K)."""
    worker, version = beside_others(votes, guess)
    return Ceiling(len(worker), mean_of(worker[None], rng), mean_of(version[None], rng))


def ceiling_on(snapshot: Snapshot, items: Sequence[Item], said: Floats, rng: np.random.Generator) -> Ceiling:
    """The same of these items, of which a version said this (n, K); chances of marks where there are several."""
    if not snapshot.campaign.draft.kind.marked:
        return ceiling_of(votes_of(snapshot, items), said.argmax(axis=1), rng)
    place = _rows(snapshot, items)
    pairs = marks_figures.paired(snapshot, place >= 0)
    worker, version = marks_figures.beside_each_other(pairs, (said > 0.5)[place])
    return Ceiling(len(worker), mean_of(worker[None], rng), mean_of(version[None], rng))


def agreement_on(snapshot: Snapshot, items: Sequence[Item], rng: np.random.Generator) -> tuple[Agreement, Agreement]:
    """Krippendorff's alpha and Fleiss' kappa of the workers on these items; over marks where there are several."""
    if snapshot.campaign.draft.kind.marked:
        pairs = marks_figures.paired(snapshot, _rows(snapshot, items) >= 0)
        return marks_figures.over_marks(pairs, alpha, rng), marks_figures.over_marks(pairs, fleiss, rng)
    votes = votes_of(snapshot, items)
    scale = Scale.ORDINAL if snapshot.campaign.draft.kind is Kind.RATING else Scale.NOMINAL
    return bootstrap(votes, partial(alpha, scale=scale), rng), bootstrap(votes, fleiss, rng)


def _rows(snapshot: Snapshot, items: Sequence[Item]) -> Ints:
    """(N,) which of these items each of the snapshot's is, -1 for others."""
    row = {item.id: at for at, item in enumerate(items)}
    return np.array([row.get(item.id, -1) for item in snapshot.items], dtype=np.int64)


def votes_of(snapshot: Snapshot, items: Sequence[Item]) -> Floats:
    """(n, K) how often each of these items was given each label, by the answers that name one."""
    place = _rows(snapshot, items)[snapshot.answer_item]
    label = _named(snapshot)
    counts = (place >= 0) & (label >= 0)
    return tally(place[counts], label[counts], len(items), len(snapshot.campaign.labels))


def _named(snapshot: Snapshot) -> Ints:
    """(A,) the one label that an answer names, -1 where it leaves several."""
    named = {bits: Evidence(bits).labels()[0] for bits in set(snapshot.answer_bits) if len(Evidence(bits)) == 1}
    return np.array([named.get(bits, -1) for bits in snapshot.answer_bits], dtype=np.int64)
