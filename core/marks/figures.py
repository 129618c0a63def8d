"""Agreement and audit of a campaign in which several labels may hold: the unit is one label of one item; or one word,
where words are marked.

The twin of `core.figures.concord_of` and `core.audit.audited`. Labels of an item stand and fall together more or less,
so the means over them are taken item by item, and items are what intervals are drawn over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.agreement import Agreement, alpha, beside_others, bootstrap
from core.audit import Audit, Trust, mean_of, shares_of
from core.campaign import Kind
from core.item import Role, Verdict
from core.marks.night import believed
from core.marks.table import marks_of
from core.ports import Beliefs, Snapshot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """How often what may be marked was marked, of items with two answers or more: a row for each item, or word."""

    said: Floats  # (R,) answers
    marks: Floats  # (R, K) of them that mark it; K is 1 where words are marked
    item: Ints  # (R,) which of the snapshot's items it is, or is a word of
    word: Ints  # (R,) which of its words; 0 where labels are marked

    @property
    def wide(self) -> Floats:
        """(N, 2M) how often each mark of each item is left and made; nought behind the last word of a text."""
        pairs = np.concatenate([self.said[:, None] - self.marks, self.marks], axis=1)
        return _by_text(pairs, self.item) if self.marks.shape[1] == 1 else pairs


def paired(snapshot: Snapshot, chosen: NDArray[np.bool_]) -> Paired:
    """The answers to chosen (N,) items."""
    of = marks_of(snapshot)
    table, labels = of.table, len(snapshot.campaign.labels)
    if words := snapshot.campaign.draft.kind is Kind.SPANS:
        chosen = np.repeat(chosen, np.diff(of.ends))
    here = chosen[table.item] & (np.ones(len(table.item)) if table.weight is None else table.weight).astype(bool)
    rows, place = np.unique(table.item[here], return_inverse=True)
    said = np.bincount(place.reshape(-1), minlength=len(rows)).astype(np.float64)
    marks = np.zeros((len(rows), labels))
    for k in range(labels):
        marks[:, k] = np.bincount(place.reshape(-1), table.marked[here, k], len(rows))
    twice = said >= 2
    item = np.searchsorted(of.ends, rows, side="right") - 1 if words else rows
    word = rows - of.ends[item] if words else np.zeros_like(rows)
    return Paired(said[twice], marks[twice], item[twice], word[twice])


def agreement_of(snapshot: Snapshot, rng: np.random.Generator) -> tuple[Agreement, float, tuple[float, ...]]:
    """Krippendorff's alpha over single labels, the share of pairs of answers to an item that say the same of one, and
    of each label how often a second answer marks it too. Controls aside."""
    found = paired(snapshot, np.array([item.role is not Role.CONTROL for item in snapshot.items], dtype=bool))
    agreed = over_marks(found, alpha, rng)
    return agreed, _alike(found.said, found.marks), tuple(_specific(found.said, found.marks).tolist())


def over_marks(found: Paired, figure: Callable[[Floats], float], rng: np.random.Generator) -> Agreement:
    """A figure of agreement over single marks; its interval is over items."""
    return bootstrap(found.wide, lambda wide: figure(_tall(wide)), rng)


def beside_each_other(found: Paired, guess: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(N,) how often one worker's yes or no says what most of the others say, the mean over an item's marks, and (N,)
    how often the guesses (snapshot's items, M) do in its place: `core.agreement.beside_others`."""
    labels = found.marks.shape[1]
    column = np.arange(labels) + found.word[:, None]
    left = found.said[:, None] - found.marks
    votes = np.stack([left.reshape(-1), found.marks.reshape(-1)], axis=1)
    worker, version = beside_others(votes, guess[found.item[:, None], column].reshape(-1).astype(np.int64))
    _, place = np.unique(np.repeat(found.item, labels), return_inverse=True)
    size = np.bincount(place.reshape(-1))
    mean = [np.bincount(place.reshape(-1), one) / size for one in (worker, version)]
    return mean[0], mean[1]


def _by_text(pairs: Floats, text: Ints) -> Floats:
    """(N, 2K) how often each word of a text is left and marked, from (words, 2) and the text of each; nought where a
    text has no more words."""
    rows, place = np.unique(text, return_inverse=True)
    place = place.reshape(-1)
    within = np.arange(len(place)) - np.searchsorted(place, place)
    found = np.zeros((len(rows), 2, int(within.max(initial=-1)) + 1))
    found[place, :, within] = pairs
    return found.reshape(len(rows), -1)


def _tall(wide: Floats) -> Floats:
    """(N K, 2) answers that leave and mark each label of each item, from (N, 2K)."""
    labels = wide.shape[1] // 2
    return np.stack([wide[:, :labels].reshape(-1), wide[:, labels:].reshape(-1)], axis=1)


def _alike(said: Floats, marks: Floats) -> float:
    if not len(said):
        return float("nan")
    left = said[:, None] - marks
    return float(((marks * (marks - 1) + left * (left - 1)) / (said * (said - 1))[:, None]).mean())


def _specific(said: Floats, marks: Floats) -> Floats:
    """(K,) how often another answer to the item marks the label too, where one marks it; nan where none does."""
    met, agreed = (marks * (said - 1)[:, None]).sum(axis=0), (marks * (marks - 1)).sum(axis=0)
    found: Floats = np.divide(agreed, met, out=np.full(marks.shape[1], np.nan), where=met > 0)
    return found


def audited(beliefs: Beliefs, trusted: Trust, rng: np.random.Generator) -> Audit:
    """The audit: `consensus` is how often what is settled of a label is right, `shares` how often each label holds."""
    pool = beliefs.pool
    mine = [item for item in beliefs.items if item.role is Role.AUDIT and item.verdict is not Verdict.WITHDRAWN]
    sample = [item for item in mine if item.answers]
    present = [item for item in beliefs.items if item.verdict is not Verdict.WITHDRAWN]
    about, begun = believed(sample, trusted, pool)
    settled = np.array([item.verdict is Verdict.SETTLED for item in sample], dtype=bool)
    guess = about.mean(axis=0) > 0.5
    right = np.nanmean(np.where(guess, about, 1 - about), axis=2) if sample else np.zeros((len(about), 0))
    each, many = [about[:, :, k] for k in range(pool.labels)], len(present)
    if pool.labels == 1:  # of words, each as if drawn by itself: names of a text come together, so it is a bit too sure
        each, many = [about[:, ~np.isnan(about[0])]], sum(len(item.posterior) for item in present)
    shares = [shares_of(_two(one), _two(begun[:, k]), rng, many)[1] for k, one in enumerate(each)]
    closed = sum(item.verdict is Verdict.SETTLED for item in present)
    return Audit(
        items=len(mine),
        asked=len(sample),
        reviewed=sum(item.truth is not None for item in mine),
        known=len(trusted.known) // pool.labels,
        consensus=mean_of(right[:, settled], rng, closed),
        shares=tuple(shares),
        beliefs=about,
        begun=begun,
        sample=tuple(sample),
    )


def _two(chance: Floats) -> Floats:
    """(..., 2) no and yes."""
    return np.stack([1 - chance, chance], axis=-1)
