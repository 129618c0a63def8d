"""The night of a campaign in which several labels may hold, or words are marked: what is taught, and how a version is
judged. Where words are marked, rows of beliefs are nan behind the last word of a text.

The network has no voice here before the answers: no item hears it. It is judged, and it chooses what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.audit import Trust, mean_of
from core.evidence import Evidence
from core.ids import WorkerId
from core.item import Item
from core.marks import certainty, marked_by, moved, rates_of
from core.marks.worth import claimed, doubt, stacked
from core.ports import Snapshot
from core.promotion import calibration_error, sureness
from core.reliability import Pool, Reliability
from core.version import Judgement

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_WEIGHT = 0.05  # of a lesson that is all doubt


def alike(targets: Floats) -> bool:
    """Whether all items have the same likeliest set: there is nothing to tell apart."""
    sets = targets > 0.5
    return bool((sets == sets[0]).all())


def weights_of(targets: Floats) -> Floats:
    """(N,) one minus the mean doubt about a label, as a share of the greatest; never quite nothing."""
    found: Floats = np.clip(1 - doubt(targets) / np.log(2), LEAST_WEIGHT, 1.0)
    return found


def likeliest(targets: Floats) -> Floats:
    """(N, K) the likeliest sets, as if they were sure."""
    return np.asarray(np.where(np.isnan(targets), np.nan, targets > 0.5), dtype=np.float64)


def quietened(
    posteriors: Sequence[Sequence[float]],
    place: Ints,
    less: Floats,
    snapshot: Snapshot,
    pool: Pool,
    reliabilities: Mapping[WorkerId, Reliability],
) -> Floats:
    """(N, K) beliefs without `less` (A,) of each answer: the day's update, backwards. `place` is the row of each of the
    snapshot's items among them, -1 for others."""
    found = [tuple(row) for row in posteriors]
    for answer in np.flatnonzero((less > 0) & (place[snapshot.answer_item] >= 0)).tolist():
        row = int(place[snapshot.answer_item[answer]])
        marked = marked_by(Evidence(snapshot.answer_bits[answer]), len(found[row]))
        if marked is not None:
            who = reliabilities[snapshot.workers[snapshot.answer_worker[answer]]]
            rates = rates_of(who.counts, pool.confusion, pool.strength)
            found[row] = moved(found[row], marked, rates, -float(less[answer]))
    return stacked(found)


def believed(items: Sequence[Item], trusted: Trust, pool: Pool) -> tuple[Floats, Floats]:
    """(C, n, K) chances as sure as each draw of trust allows, certain where an admin has ruled, and (C, K) those of an
    item without answers: `core.audit.believed`."""
    q = stacked([item.posterior for item in items], pool.labels)
    draws = list(zip(trusted.temperature.tolist(), trusted.lapse.tolist(), strict=True))
    found = np.stack([claimed(q, *draw) for draw in draws])
    for at, item in enumerate(items):
        if item.truth is not None:
            marks = len(item.posterior)
            found[:, at, :marks] = certainty(item.truth, marks)
    return found, np.stack([claimed(np.array(pool.prior), *draw) for draw in draws])


def judge(suggestions: Floats, beliefs: Floats, begun: Floats, rng: np.random.Generator) -> Judgement:
    """How right and how honest a version is about single labels: suggestions (n, K) beside the crowd's beliefs
    (C, n, K), a plane for each trust in them; `begun` is as in `core.promotion.judge`, and not asked.

    Accuracy is the expected share of its yes and no that is right, items drawn whole; the log loss is binary, the mean
    over labels. Where answers are few it is held to their doubt.
    """
    if len(suggestions) == 0:
        return Judgement(0, 0.0, 0.0, 1.0, float("inf"), 1.0)
    says, crowd = suggestions > 0.5, beliefs.mean(axis=0)
    accuracy = mean_of(np.nanmean(np.where(says, beliefs, 1 - beliefs), axis=2), rng)
    right, there = np.where(says, crowd, 1 - crowd), ~np.isnan(crowd)
    return Judgement(
        items=len(suggestions),
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        log_loss=float(losses(suggestions, crowd).mean()),
        ece=calibration_error(np.maximum(suggestions, 1 - suggestions)[there], right[there]),
    )


def losses(suggestions: Floats, truth: Floats) -> Floats:
    """(n,) binary cross-entropy of each item in nats, the mean over its labels."""
    p = np.clip(suggestions, 1e-9, 1 - 1e-9)
    found: Floats = -np.nanmean(truth * np.log(p) + (1 - truth) * np.log1p(-p), axis=1)
    return found


def promoted(
    candidate: Floats, serving: Floats | None, truth: Floats, confidence: float, rng: np.random.Generator
) -> bool:
    """`core.promotion.promoted` where texts have more words and fewer: with no version that serves, the rival is the
    share of all words."""
    there = ~np.isnan(truth)
    said = np.where(there, candidate, 0.0)
    if len(truth) == 0 or not np.isfinite(said).all():
        return False
    if len(truth) < 10:
        return serving is None
    rival = np.full_like(truth, truth[there].mean()) if serving is None else serving
    return sureness(said, np.where(there, rival, 0.0), np.where(there, truth, 0.0), rng) >= confidence


def tall(chances: Floats) -> Floats:
    """(n K, 2) each label of each item as a belief of two, no and yes."""
    flat = chances[~np.isnan(chances)]
    return np.stack([1 - flat, flat], axis=1)


def as_doubtful(chances: Floats) -> Floats:
    """(n, 2) beliefs of two whose margin is as narrow as the labels are doubtful, by their mean entropy: what the
    choice of tomorrow's items goes by."""
    share = np.clip(doubt(chances) / np.log(2), 0.0, 1.0)
    return np.stack([1 - share / 2, share / 2], axis=1)
