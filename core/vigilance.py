"""Who does not answer in good faith? Weights and reasons, never a silent ban.

- rapid guesses: response times as a mixture of two log-normals (Wise and Kong 2005, doi:10.1207/s15324818ame1802_2),
  one for each form of a question, as yes or no is tapped sooner than a label on a list
- rings: groups that share their answers (`core/rings.py`); one ring has one vote
- what only the beliefs can tell, after the refit: `core/suspicion.py`
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.inference.table import AnswerTable
from core.rings import rings
from core.worker import Reason

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_RAPID = 1 / 3  # share of the answers from which the quick part is the crowd itself
SURELY = 2.0  # standard errors by which quick answers must agree less than slow ones
MOSTLY = 0.5  # share of rapid guesses from which a worker is suspected
BINS = 400  # of the logarithms of the times


@dataclass(frozen=True, slots=True)
class Flag:
    """A suspicion about one worker: it asks a control first."""

    worker: int
    reason: Reason
    strength: float  # 0 none .. 1 certain


@dataclass(frozen=True, slots=True, eq=False)
class Vigilance:
    """What the refit should do about it."""

    weight: Floats  # (A,) 0..1
    group: Ints  # (W,) ring of each worker, -1 for none
    flags: tuple[Flag, ...]

    def heads(self) -> Ints:
        """(W,) who votes for each worker: the first of their ring, or themselves."""
        first = np.arange(len(self.group))
        for ring in range(int(self.group.max(initial=-1)) + 1):
            members = np.flatnonzero(self.group == ring)
            first[members] = members[0]
        return first

    def one_vote(self, worker: Ints) -> Ints:
        """(A,) the worker of each answer, with all members of a ring as one."""
        found: Ints = self.heads()[worker]
        return found

    def of(self, table: AnswerTable) -> AnswerTable:
        """The table as the refit should read it: weighted, and with one vote for each ring."""
        weight = self.weight if table.weight is None else table.weight * self.weight
        return replace(table, worker=self.one_vote(table.worker), weight=None if (weight == 1).all() else weight)


def watch(
    item: Ints,
    worker: Ints,
    label: Ints,
    items: int,
    workers: int,
    labels: int,
    seconds: Floats | None = None,
    form: Ints | None = None,
) -> Vigilance:
    """Everything that the answers alone can tell; `label` -1 where an answer names no single label; `seconds` (A,);
    `form` (A,) how each was asked, in numbers from 0; all alike where None.
    """
    named = label >= 0
    group = rings(item[named], worker[named], label[named], workers, labels)
    weight = _one_vote(item, worker, group)
    flags = [Flag(int(w), Reason.RING, 1.0) for w in np.flatnonzero(group >= 0)]
    if seconds is not None:
        rapid = _rapid(seconds, np.zeros_like(item) if form is None else form, _agreeing(item, label, items, labels))
        weight = weight * (1 - rapid)
        share = np.bincount(worker, rapid, workers) / np.maximum(np.bincount(worker, minlength=workers), 1)
        flags += [Flag(int(w), Reason.RAPID, float(share[w])) for w in np.flatnonzero(share > MOSTLY)]
    return Vigilance(weight, group, tuple(flags))


def _one_vote(item: Ints, worker: Ints, group: Ints) -> Floats:
    """(A,) 1, shared among a ring's answers to an item."""
    weight = np.ones(len(item))
    inside = np.flatnonzero(group[worker] >= 0)
    key = item[inside] * (int(group.max(initial=-1)) + 1) + group[worker[inside]]
    _, where, size = np.unique(key, return_inverse=True, return_counts=True)
    weight[inside] = 1.0 / size[where.reshape(-1)]
    return weight


def rapid_guesses(seconds: Floats, sweeps: int = 60) -> Floats:
    """(A,) chance that each answer was a guess made before reading: the fast part of a mixture of two log-normals.

    All zero where there is no clear fast part: its median must be under a third of the other's and under three seconds.
    Times are counted in `BINS` bins first, so that a million take no longer than a thousand.
    """
    known = np.isfinite(seconds) & (seconds > 0)
    found = np.zeros(len(seconds))
    if known.sum() < 30:
        return found
    times = np.log(seconds[known])
    edges = np.linspace(float(times.min()), float(times.max()) + 1e-9, BINS + 1)
    place = np.minimum(np.searchsorted(edges, times, side="right") - 1, BINS - 1)
    x, count = (edges[1:] + edges[:-1]) / 2, np.bincount(place, minlength=BINS).astype(np.float64)
    part, middle = _mixture(x, count, np.quantile(times, [0.05, 0.6]), max(float(times.std()), 0.1), sweeps)
    if middle[0] > middle[1] - math.log(3) or middle[0] > math.log(3):
        return found
    found[known] = (part * (x < middle[1]))[place]
    return found


def _rapid(seconds: Floats, form: Ints, agree: Floats) -> Floats:
    """(A,) chance that each answer was a rapid guess, among those of its own form."""
    found = np.zeros(len(seconds))
    for one in np.unique(form):
        here = form == one
        found[here] = _careless(rapid_guesses(seconds[here]), agree[here])
    return found


def _agreeing(item: Ints, label: Ints, items: int, labels: int) -> Floats:
    """(A,) the share of an item's other labels that are the same; nan where there is none, or none to compare."""
    named = label >= 0
    alike = np.bincount(item[named] * labels + label[named], minlength=items * labels)
    others = np.bincount(item[named], minlength=items)[item] - 1
    judged = named & (others > 0)
    found = np.full(len(item), np.nan)
    found[judged] = (alike[item[judged] * labels + label[judged]] - 1) / others[judged]
    return found


def _careless(rapid: Floats, agree: Floats) -> Floats:
    """(A,) `rapid`, or nothing where the quick answers agree with others no less surely than the slow ones do: then
    they are no guesses, and the crowd is merely quick. A part that holds most of the answers is no part of guesses.
    """
    nothing = np.zeros(len(rapid))
    judged = np.isfinite(agree)
    if not rapid.any() or rapid.mean() > MOST_RAPID or not judged.any():
        return nothing
    agree = agree[judged]
    quick, slow = rapid[judged], 1 - rapid[judged]
    if quick.sum() < 1 or slow.sum() < 1:
        return nothing
    means = [float((agree * part).sum() / part.sum()) for part in (quick, slow)]
    doubt = math.sqrt(float(agree.var()) * (1 / quick.sum() + 1 / slow.sum()))
    return rapid if means[0] < means[1] - SURELY * doubt else nothing


def _mixture(x: Floats, count: Floats, middle: Floats, spread: float, sweeps: int) -> tuple[Floats, Floats]:
    """(B,) chance of the first part at each x, and the middles of both parts: EM for two normals."""
    width, share = np.full(2, spread), np.array([0.1, 0.9])
    part = np.zeros((len(x), 2))
    for _ in range(sweeps):
        density = share * np.exp(-0.5 * ((x[:, None] - middle) / width) ** 2) / width
        part = density / np.maximum(density.sum(axis=1, keepdims=True), 1e-300)
        mass = (part * count[:, None]).sum(axis=0) + 1e-9
        share = mass / mass.sum()
        middle = (part * (count * x)[:, None]).sum(axis=0) / mass
        width = np.sqrt((part * count[:, None] * (x[:, None] - middle) ** 2).sum(axis=0) / mass + 0.05**2)
    return part[:, 0], middle
