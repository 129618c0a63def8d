"""What to ask a worker now: a draw from the best open items, and when to ask a control.

Deviations: greedy expected gain (a knowledge gradient of one step, Frazier et al. 2008, doi:10.1137/070693424) for one
worker at a time; the cost of a question is the same for all items, as there is one form for each campaign.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.campaign import Campaign, Policy
from core.ids import ItemId
from core.item import Item, Verdict
from core.posterior import claimed
from core.reliability import Pool, Reliability, confusion
from core.worker import Enrolment

FLOOR = 0.25  # of the mean gain: even a poor match is drawn now and then, so that cliques meet


@dataclass(frozen=True, slots=True)
class Head:
    """The best open items of a queue: what a draw needs of them, and no more, as each tap looks at dozens."""

    items: Sequence[ItemId]  # H, highest priority first
    posteriors: NDArray[np.float64]  # (H, K)

    def without(self, item: ItemId) -> Head:
        """The others."""
        keep = [at for at, other in enumerate(self.items) if other != item]
        return Head([self.items[at] for at in keep], self.posteriors[keep])


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item drawn for a worker."""

    item: ItemId
    p_select: float  # probability of this draw


def priority(item: Item, pool: Pool, policy: Policy) -> float:
    """Place of an item in its campaign's queue, higher first: what is begun and cannot be settled yet, then doubt
    (halved for each question that is out), then what the night found worth labelling. Closed items: 0."""
    if item.verdict is not Verdict.OPEN:
        return 0.0
    if item.seats == 0:
        return item.worth
    doubt = 1.0 - max(claimed(item.posterior, pool))
    if item.seats < policy.min_overlap:
        return 2.0 + doubt
    return (1.0 + doubt) * 0.5**item.leases


def gains(posteriors: NDArray[np.float64], theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H,) how much likelier the best guess gets by one answer of this worker: E max q' - max q, never below 0.

    `posteriors` (H, K), `theta` (K, K): P(answer l | truth k), rows sum to 1.
    """
    joint = posteriors[:, :, None] * theta[None, :, :]  # (H, K, L): P(truth k and answer l)
    gain: NDArray[np.float64] = joint.max(axis=1).sum(axis=1) - posteriors.max(axis=1)
    return np.maximum(gain, 0.0)


def draw(head: Head, reliability: Reliability, pool: Pool, rng: random.Random) -> Drawn | None:
    """One of the head of the queue, likelier where this worker's answer helps more."""
    if not head.items:
        return None
    gain = gains(head.posteriors, np.array(confusion(reliability, pool)))
    weight = gain + FLOOR * gain.mean() + 1e-9
    chances = (weight / weight.sum()).tolist()
    index = rng.choices(range(len(chances)), weights=chances)[0]
    return Drawn(head.items[index], chances[index])


def control_chance(campaign: Campaign, enrolment: Enrolment) -> float:
    """How likely the next question is a control: every other one until a newcomer is known, then `control_share`."""
    newcomer = enrolment.controls < campaign.policy.newcomer_controls
    return max(0.5 if newcomer else 0.0, campaign.policy.control_share)
