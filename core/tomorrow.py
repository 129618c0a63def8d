"""The queue of tomorrow: what each open item is worth, and which of them hear the version that serves then.

Cross-fitted by construction: an item hears a version only if it has no answer yet, nor ever had one that was taken
back, so that no version that speaks can have learnt from an answer about it; and it keeps what it heard then.
Audit items hear nothing and their place in the queue is drawn by hash: what a version thinks must not choose by which
items it is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.acquisition import TWIN, Floats, Rows, asked_last, originals, worth_of
from core.campaign import Campaign
from core.ids import ItemId, VersionId
from core.intake import judged, prior_of
from core.item import Item, Role, place_of
from core.marks import night as marks_night
from core.version import Scores

LEAST_BATCH = 32  # items that are asked before the next night, at least


@dataclass(frozen=True, slots=True)
class Tomorrow:
    """What a version tells the queue."""

    campaign: Campaign  # with the pool of tonight's refit
    voice: VersionId | None  # whose suggestions are heard; None where no version serves yet
    batch: int  # items that are expected to get their first answer before the next night
    retracted: Collection[ItemId]  # items of whom an answer was taken back: a version may have learnt from it


def expected(taught: int, before: int) -> int:
    """Items that will get their first answer before the next night: as many as since the night before."""
    return max(taught - before, LEAST_BATCH)


def queued(
    tomorrow: Tomorrow,
    pool: Sequence[Item],
    parts: Iterator[Scores],
    rng: np.random.Generator,
    heard: Iterator[Scores] | None = None,
) -> Mapping[ItemId, Item]:
    """The open items `pool` with worth, suggestion, belief and priority, given what the newest version thinks of them.

    `heard`: what the voice says of them, where it is another version's. Versions of small campaigns are seldom
    promoted, and one that learned from the first day's answers alone must not choose for weeks.
    """
    columns = tomorrow.campaign.draft.columns
    seen = gathered(parts, columns, len(pool))
    said = seen.probabilities if heard is None else gathered(heard, columns, len(pool)).probabilities
    several = tomorrow.campaign.draft.kind.marked
    doubtful = marks_night.as_doubtful(seen.probabilities) if several else seen.probabilities
    worths = worths_of(tomorrow, pool, doubtful, seen.embeddings, rng)
    found = {}
    for item, worth, suggestion in zip(pool, worths.tolist(), said, strict=True):
        item = replace(item, worth=worth)
        if hears(tomorrow, item):
            item = replace(item, suggestion=tuple(suggestion.tolist()), spoken=tomorrow.voice)
            item = replace(item, posterior=prior_of(tomorrow.campaign, item))
        found[item.id] = judged(tomorrow.campaign, item)
    return found


def hears(tomorrow: Tomorrow, item: Item) -> bool:
    """Whether the version may speak about this item; never where several labels may hold, or words are marked."""
    if tomorrow.campaign.draft.kind.marked:
        return False
    untouched = item.answers == 0 and item.id not in tomorrow.retracted
    return tomorrow.voice is not None and item.role is Role.PLAIN and untouched


def worths_of(
    tomorrow: Tomorrow, pool: Sequence[Item], probabilities: Floats, embeddings: Rows, rng: np.random.Generator
) -> Floats:
    """(N,) in [0, 1]: plain items by acquisition, near-duplicates last; audit items take the worth of a plain one, by
    hash."""
    plain = np.array([item.role is Role.PLAIN for item in pool], dtype=bool)
    rows = np.arange(len(pool)) if plain.all() else np.flatnonzero(plain)
    own = embeddings if plain.all() else embeddings[rows]
    worth = np.full(len(pool), 0.5)
    found = np.maximum(worth_of(probabilities[rows], own, tomorrow.batch, rng), 2 / TWIN)
    worth[rows] = _twins_last(found, own, [pool[row] for row in rows.tolist()])
    order = np.sort(worth[rows])
    for row in np.flatnonzero(~plain).tolist() if len(order) else ():
        worth[row] = order[int(place_of(tomorrow.campaign.slug, pool[row].name) * len(order))]
    return worth


def _twins_last(worth: Floats, embeddings: Rows, items: Sequence[Item]) -> Floats:
    """Near-duplicates after everything else, and those of yesterday still, whose originals may be settled by now."""
    begun = np.array([item.seats > 0 for item in items], dtype=bool)
    known = np.array([item.worth <= 1 / TWIN for item in items], dtype=bool)
    original = originals(embeddings)
    original[known & (original == np.arange(len(items)))] = -1  # one that is not open any more
    return asked_last(worth, original, begun)


def gathered(parts: Iterator[Scores], labels: int, n: int) -> Scores:
    """All parts in two arrays; what a part says in fewer columns than `labels` is nan behind them; embeddings in half
    precision: 10^6 of 384 numbers take 0.8 GB."""
    probabilities, embeddings = np.full((n, labels), np.nan), np.zeros((n, 1), dtype=np.float16)
    at = 0
    for part in parts:
        if at == 0:
            embeddings = np.zeros((n, part.embeddings.shape[1]), dtype=np.float16)
        end = at + len(part.probabilities)
        probabilities[at:end, : part.probabilities.shape[1]], embeddings[at:end] = part.probabilities, part.embeddings
        at = end
    return Scores(probabilities, embeddings)
