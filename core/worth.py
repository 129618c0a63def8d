"""What a question is worth: what its answer tells, for each second that it costs the worker.

    worth(worker, item, form) = (I(label of the item; answer) + learning value) / seconds(form)

I is the expected drop of doubt in nats (Lindley 1956, doi:10.1214/aoms/1177728069) under the calibrated belief about
the item and this worker's confusion matrix. It is never negative, and what is expected to be believed afterwards is
what is believed now. One scale weighs asking again against asking something new, and all forms against each other.
Deviations: the rise of the best guess (a knowledge gradient, Frazier et al. 2008, doi:10.1137/070693424) is zero
wherever one answer cannot turn the guess, so that nearly settled items are never finished; measured against it in
`make bench-routing`. Above `MATRIX_LABELS` labels errors count as evenly spread: the belief itself knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core import effort
from core.campaign import Campaign, Kind
from core.forms import MAX_BUTTONS, SCALE, Form
from core.reliability import Model, Pool, Reliability, confusion, hit_chance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LISTS = (4, 6)  # labels on a short list; the last of them is drawn at random
LEARNING = 0.5  # nats that a label is worth to the network where the night finds it most worth having


@dataclass(frozen=True, slots=True)
class Way:
    """A form with the number of labels on its first page."""

    form: Form
    shown: int


def ways(campaign: Campaign) -> tuple[Way, ...]:
    """The forms that a campaign's questions may take; one where its policy fixes it."""
    return _ways(len(campaign.labels), campaign.policy.form, campaign.draft.kind, bool(campaign.groups))


@lru_cache(maxsize=256)
def _ways(k: int, fixed: Form | None, kind: Kind, paged: bool) -> tuple[Way, ...]:
    lists = [Way(Form.SHORT, size) for size in LISTS if size < k]
    every = {
        Form.ALL: [Way(Form.ALL, k)],
        Form.YES_NO: [Way(Form.YES_NO, 1)],
        Form.SHORT: lists or [Way(Form.ALL, k)],
        Form.GROUPS: [Way(Form.GROUPS, 0)] if paged else [Way(Form.ALL, k)],
    }
    if kind.marked:
        return (Way(Form.TOGGLE, 0),)
    if fixed is not None:
        return tuple(every[fixed])
    if kind is Kind.RATING:  # the order of the steps is what is asked
        return tuple(every[Form.ALL] if k <= SCALE else every[Form.GROUPS])
    if k <= MAX_BUTTONS:  # known by heart: no other form is quicker, and none tells more
        return tuple(every[Form.ALL])
    return (*every[Form.GROUPS], *(Way(Form.GROUPS, size) for size in LISTS), *lists, *every[Form.YES_NO])


def worker_matrix(reliability: Reliability, pool: Pool) -> Floats:
    """(K, K) P(answer l | truth k) as the worth of questions sees it; rows sum to 1."""
    if pool.model is Model.MATRIX:
        return np.array(confusion(reliability, pool))
    k, hit = pool.labels, hit_chance(reliability, pool)
    theta = np.full((k, k), (1 - hit) / (k - 1))
    np.fill_diagonal(theta, hit)
    return theta


def told_by_all(q: Floats, theta: Floats) -> Floats:
    """(N,) nats that one label out of all tells about items believed to be `q` (N, K)."""
    told: Floats = _entropy(q @ theta) - q @ _entropy(theta)
    return np.maximum(told, 0.0)


def told_by_list(q: Floats, theta: Floats, shown: Ints) -> Floats:
    """(N,) nats that a tap on one of `shown` (N, n) or on "none of these" tells."""
    labels = q @ theta  # (N, K): P(the worker thinks of a label)
    rest = np.maximum(1 - theta[:, shown].sum(axis=2), 0.0).T  # (N, K): P("none of these" | truth)
    doubt = _part(theta)[:, shown].sum(axis=2).T + _part(rest)  # (N, K): of the tap, given the truth
    expected = _part(np.take_along_axis(labels, shown, axis=1)).sum(axis=1) + _part((q * rest).sum(axis=1))
    told: Floats = expected - (q * doubt).sum(axis=1)
    return np.maximum(told, 0.0)


def worths(q: Floats, learning: Floats, theta: Floats, campaign: Campaign, chosen: Sequence[Way]) -> Floats:
    """(N, W) nats a second of each item in each way; `q` (N, K) calibrated, `learning` (N,) in [0, 1]."""
    most = max((way.shown for way in chosen if way.form is not Form.ALL), default=0)
    top, beyond = _listed(q, theta, min(most, q.shape[1]))
    by_all, found = told_by_all(q, theta), []
    stages = effort.of_stages(campaign.groups) if campaign.groups else 0.0
    for way in chosen:
        whole = way.form in (Form.ALL, Form.GROUPS)
        told = by_all if whole else told_by_list(q, theta, top[:, : way.shown])
        seconds = _seconds(way, beyond, stages) * effort.factor(campaign.pool.pace, way.form)
        found.append((told + LEARNING * learning) / seconds)
    return np.stack(found, axis=1)


def _listed(q: Floats, theta: Floats, most: int) -> tuple[Ints, Floats]:
    """(N, most) the likeliest labels; (N, most + 1) the chance that the answer is none of the first 0, 1, 2, ..."""
    beyond = np.ones((len(q), most + 1))
    if most == 0:
        return np.zeros((len(q), 0), dtype=np.int64), beyond
    top = np.argsort(-q, axis=1, kind="stable")[:, :most]
    beyond[:, 1:] -= np.take_along_axis(q @ theta, top, axis=1).cumsum(axis=1)
    return top, np.clip(beyond, 0.0, 1.0)


def _seconds(way: Way, beyond: Floats, stages: float) -> float | Floats:
    """(N,) or one for all; `beyond` as `_listed` finds it."""
    match way.form:
        case Form.ALL:
            return effort.of_all(way.shown)
        case Form.YES_NO:
            return effort.of_yes_no()
        case Form.SHORT:
            return effort.of_short(way.shown, beyond[:, way.shown])
        case _:
            return effort.of_groups(way.shown, beyond[:, way.shown], stages)


def _entropy(p: Floats) -> Floats:
    """Entropies along the last axis, in nats."""
    doubt: Floats = _part(p).sum(axis=-1)
    return doubt


def _part(p: Floats) -> Floats:
    """What each probability adds to an entropy."""
    part: Floats = -p * np.log(np.maximum(p, 1e-300))
    return part
