"""What tonight's version is taught: soft labels and weights, under caps on each worker and each suspected group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.campaign import Goal
from core.caps import Capped, capped
from core.errors import NothingToLearn, TrainingFailed
from core.evidence import Evidence
from core.item import Item
from core.marks import night as marks_night
from core.marks.worth import own, stacked
from core.ports import Beliefs, Snapshot
from core.posterior import claimed
from core.reliability import Model, Pool, likelihood
from core.version import Floats, Lessons
from core.vigilance import Vigilance

Ints = NDArray[np.int64]

ALARM = 1 / 3  # share of the answers in suspected groups from which nothing is taught before an admin has looked


def lessons_of(snapshot: Snapshot, beliefs: Beliefs, taught: Sequence[Item]) -> Lessons:
    """Lessons from these items (`core/caps.py`).

    Raises NothingToLearn where all labels are the same; TrainingFailed, which every admin hears of, where groups that
    share answers hold too many of them, or leave too few independent workers for the caps.
    """
    targets = certain([item.posterior for item in taught], beliefs.pool)
    several = beliefs.pool.model is Model.MARKS
    if marks_night.alike(targets) if several else (targets.argmax(axis=1) == targets[0].argmax()).all():
        raise NothingToLearn("All answered items have the same label so far; there is nothing to tell apart.")
    hard = snapshot.campaign.policy.goal is Goal.MODEL
    weights = np.ones(len(targets)) if hard else (marks_night.weights_of if several else weights_of)(targets)
    sure = marks_night.likeliest if several else likeliest
    seen = beliefs.vigilance
    if seen is None or not len(snapshot.answer_item):
        return Lessons([item.content for item in taught], sure(targets) if hard else targets, weights)
    share = float((seen.group[snapshot.answer_worker] >= 0).mean())
    if share >= ALARM:
        raise TrainingFailed(f"Workers who seem to share answers gave {share:.0%} of them: see /workers first.")
    row = {item.id: at for at, item in enumerate(snapshot.items)}
    chosen = np.array([row[item.id] for item in taught], dtype=np.int64)
    told = np.array([item.truth is not None for item in taught], dtype=bool)  # by an admin: no worker speaks there
    place = np.full(len(snapshot.items), -1)  # lesson of each item in which workers speak
    place[chosen[~told]] = np.flatnonzero(~told)
    caps = _caps(snapshot, seen, place, weights)
    if not caps.weight[~told].any():
        raise TrainingFailed("Too few workers are left beside those who seem to share answers: see /workers first.")
    quiet = _quietened(snapshot, beliefs, place, caps, [item.posterior for item in taught])
    targets = certain(quiet, beliefs.pool)
    shown = sure(targets) if hard else targets
    voices = _voices(snapshot, np.where(told, -1, chosen))
    likely = None
    if not several:
        spoken = _spoken(snapshot, beliefs, place, caps.voice[snapshot.answer_worker] * seen.weight, len(taught))
        likely = np.where(told[:, None], targets, np.exp(spoken - spoken.max(axis=1, keepdims=True)))
    return Lessons([item.content for item in taught], shown, np.minimum(caps.weight, 1.0), voices, likelihoods=likely)


def _voices(snapshot: Snapshot, chosen: Ints) -> list[tuple[int, ...]]:
    """Who has answered each of these items, by their row in the snapshot; nobody where that is -1."""
    order = np.argsort(snapshot.answer_item, kind="stable")
    workers, item = snapshot.answer_worker[order], snapshot.answer_item[order]
    first, last = np.searchsorted(item, chosen), np.searchsorted(item, chosen, side="right")
    return [tuple(workers[a:b].tolist()) for a, b in zip(first.tolist(), last.tolist(), strict=True)]


def certain(posteriors: Sequence[Sequence[float]] | Floats, pool: Pool) -> Floats:
    """(N, K) as sure as may be claimed; nan behind the last word of a text whose words are marked."""
    if pool.model is not Model.MARKS:
        return np.array([claimed(row, pool) for row in posteriors], dtype=np.float64)
    return stacked([claimed(own(np.asarray(row)).tolist(), pool) for row in posteriors])


def likeliest(targets: Floats) -> Floats:
    """(N, K) all on the likeliest label. Where most items have one answer each, its errors are in the labels already:
    a soft label would count them twice and drown the signal (measured on trec_questions, 472 such items: a probe is
    right on 0.75 with these, on 0.64 with soft labels). All weigh alike: doubt is greatest about the label that the
    version before thought rare, and a version that hears less of it thinks it rarer still (movie_reviews, one crowd of
    four: stuck at chance from the first night; with even weights 0.735 after 1,000 answers)."""
    found: Floats = np.eye(targets.shape[1])[targets.argmax(axis=1)]
    return found


def weights_of(targets: Floats) -> Floats:
    """(N,) one minus the doubt that is left, as a share of the greatest doubt; never quite nothing."""
    doubt = -(targets * np.log(np.clip(targets, 1e-12, 1.0))).sum(axis=1) / np.log(targets.shape[1])
    weights: Floats = np.clip(1.0 - doubt, 0.05, 1.0)
    return weights


def _caps(snapshot: Snapshot, seen: Vigilance, place: Ints, weights: Floats) -> Capped:
    """The caps on those who answered the lessons that stand at `place`, -1 for none."""
    here = place[snapshot.answer_item] >= 0
    item, worker = place[snapshot.answer_item[here]], snapshot.answer_worker[here]
    return capped(weights, item, worker, seen.weight[here], seen.group)


def _quietened(
    snapshot: Snapshot, beliefs: Beliefs, place: Ints, caps: Capped, posteriors: Sequence[Sequence[float]]
) -> Floats:
    """(N, K) beliefs without as much of each answer as its worker is turned down: the day's update, backwards."""
    weight = beliefs.vigilance.weight if beliefs.vigilance else np.ones(len(snapshot.answer_item))
    less = (1 - caps.voice[snapshot.answer_worker]) * weight
    if beliefs.pool.model is Model.MARKS:
        return marks_night.quietened(posteriors, place, less, snapshot, beliefs.pool, beliefs.reliabilities)
    log_q = np.log(np.clip(np.array(posteriors, dtype=np.float64), 1e-300, 1.0))
    log_q -= _spoken(snapshot, beliefs, place, less, len(log_q))
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    found: Floats = q / q.sum(axis=1, keepdims=True)
    return found


def _spoken(snapshot: Snapshot, beliefs: Beliefs, place: Ints, share: Floats, lessons: int) -> Floats:
    """(lessons, K) nats: the day's update by `share` (A,) of each answer, at the lesson where its item stands."""
    found = np.zeros((lessons, beliefs.pool.labels))
    known: dict[tuple[int, int], Floats] = {}
    for answer in np.flatnonzero((share > 0) & (place[snapshot.answer_item] >= 0)).tolist():
        worker, bits = int(snapshot.answer_worker[answer]), snapshot.answer_bits[answer]
        if (worker, bits) not in known:
            reliability = beliefs.reliabilities[snapshot.workers[worker]]
            known[worker, bits] = np.log(np.maximum(likelihood(Evidence(bits), reliability, beliefs.pool), 1e-300))
        found[place[snapshot.answer_item[answer]]] += share[answer] * known[worker, bits]
    return found
