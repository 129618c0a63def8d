"""What to ask a worker now, and in which form: a draw from the best open items, and when to ask a control.

A draw, because strict order splits the crowd into cliques that never meet; its probability is stored.
Beside its worth a question counts by its chance to settle the item: over the campaigns of bench_routing, most of which
it was chosen on, that draw needed 7 % fewer answers (4-10) than drawing any open item, and 30 % fewer until half of the
items were settled; drawing evenly from the head 3 %.
Deviations: greedy for one worker at a time; the item is drawn first, its form chosen then.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core import effort, marks
from core.calibration import claimed as claimed_all
from core.campaign import Campaign, Goal, Policy
from core.forms import Form, Layout
from core.ids import ItemId
from core.item import Item, Verdict
from core.marks import worth as marks_worth
from core.marks.worth import own
from core.posterior import claimed, sureness
from core.reliability import Model, Pool, Reliability
from core.worker import Enrolment
from core.worth import LEARNING, Way, ways, worker_matrix, worths

Floats = NDArray[np.float64]
NEAR, WINDOW = 2, 8  # times as many items of the queue are looked at as a head may have: at first, and at most
FLOOR = 0.05  # of the mean worth: even a poor match is drawn now and then, so that cliques meet
SHARPNESS = 2.0  # of the draw: chances go by this power of the worth
SETTLING = 0.75  # nats a second that a settled item is worth beside what the answer tells (3 nats in 4 seconds)
LESSON_DOUBT = 0.2  # more than this, where the goal is a model, and an item is asked about again
LESSON_ANSWERS = 4  # after which a lesson is as good as it gets
SUSPECTED = 0.3  # share of controls for somebody who is suspected: a suspicion asks before it is told


@dataclass(frozen=True, slots=True)
class Head:
    """The best open items of a queue: what a draw needs of them, and no more, as each tap looks at dozens."""

    items: Sequence[ItemId]  # H, highest priority first
    posteriors: Floats  # (H, K); where items have fewer words than others the rest is nan
    learning: Floats = field(default_factory=lambda: np.zeros(0))  # (H,) in [0, 1]; 0 for an item with answers

    def without(self, item: ItemId) -> Head:
        """The others."""
        keep = [at for at, other in enumerate(self.items) if other != item]
        return Head([self.items[at] for at in keep], self.posteriors[keep], self.learning[keep])


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item drawn for a worker, and the form in which it is worth most."""

    item: ItemId
    p_select: float  # probability of this draw
    way: Way
    posterior: tuple[float, ...]  # (K,) belief that the form goes by


def priority(item: Item, pool: Pool, policy: Policy) -> float:
    """Place of an item in its campaign's queue, higher first: what is begun and cannot be settled yet, then doubt
    (halved for each question that is out), then what the night found worth labelling. Closed items: 0.

    Where the goal is a model, a lesson that is doubted is asked about again, up to `LESSON_ANSWERS` answers; then comes
    what nobody has answered. One answer each on many items (Khetan, Lipton and Anandkumar 2018, arXiv:1712.04577) is as
    good where a probe learns; a fine-tuned network learns their errors by heart (trec_questions, 1,000 answers, LoRA:
    right on 0.85 so, on 0.90 like this; measured in the loop of `make bench-choosing`).
    """
    if item.verdict is not Verdict.OPEN:
        return 0.0
    if item.seats == 0:
        return item.worth
    doubt = 1.0 - sureness(claimed(item.posterior, pool), pool)
    if policy.goal is Goal.MODEL:
        if doubt > LESSON_DOUBT and item.leases == 0 and item.answers < LESSON_ANSWERS:
            return 1.0 + doubt
        return doubt * 0.5**item.leases - 1.0
    if item.seats < policy.min_overlap:
        return 2.0 + doubt
    return (1.0 + doubt) * 0.5**item.leases


def draw(head: Head, reliability: Reliability, campaign: Campaign, rng: random.Random) -> Drawn | None:
    """One of the head of the queue, likelier where a second of this worker's time tells more, in its best form."""
    if not head.items:
        return None
    chances = chances_of(head, reliability, campaign)
    at = rng.choices(range(len(chances)), weights=chances)[0]
    posterior = claimed(own(head.posteriors[at]).tolist(), campaign.pool)
    return Drawn(head.items[at], chances[at], best_way(posterior, reliability, campaign), posterior)


def chances_of(head: Head, reliability: Reliability, campaign: Campaign) -> list[float]:
    """(H,) probability of each item's draw: by its worth in the forms that ask for the whole label, where there are
    such, as what they tell of dozens of items is one product of matrices."""
    pool, every = campaign.pool, ways(campaign)
    if pool.model is Model.MARKS:
        return _drawn_by(_worth_of_marks(head, reliability, campaign))
    chosen = [way for way in every if way.form in (Form.ALL, Form.GROUPS)] or every
    q = claimed_all(head.posteriors, pool.temperature, pool.lapse)
    theta = worker_matrix(reliability, pool)
    worth = worths(q, head.learning, theta, campaign, chosen).max(axis=1)
    return _drawn_by(worth + SETTLING * settling(head.posteriors, theta, pool, campaign.policy))


def _drawn_by(worth: Floats) -> list[float]:
    best = worth**SHARPNESS
    weight = best + FLOOR * best.mean() + 1e-9
    return (weight / weight.sum()).tolist()  # type: ignore[no-any-return]


def _worth_of_marks(head: Head, reliability: Reliability, campaign: Campaign) -> Floats:
    """(H,) what each item is worth where several labels may hold, its chance to be settled in it."""
    pool, q = campaign.pool, head.posteriors
    rates = np.array(marks.stretched(marks.rates_of(reliability.counts, pool.confusion, pool.strength), q.shape[1]))
    told = marks_worth.told(marks_worth.claimed(q, pool.temperature, pool.lapse), rates)
    share, size = sum(pool.prior) / pool.labels, (~np.isnan(q)).sum(axis=1)
    usual = {n: effort.of_toggle(n, share * n) for n in set(size.tolist())}
    seconds = np.array([usual[n] for n in size.tolist()]) * effort.factor(pool.pace, Form.TOGGLE)
    settles = marks_worth.settling(q, rates, pool.temperature, pool.lapse, campaign.policy.confidence)
    found: Floats = (told + LEARNING * head.learning) / seconds + SETTLING * settles
    return found


def settling(posteriors: Floats, theta: Floats, pool: Pool, policy: Policy) -> Floats:
    """(H,) the chance that this worker's answer names the likeliest label and that this settles the item."""
    top = posteriors.argmax(axis=1)
    joint = posteriors * theta[:, top].T  # (H, K): P(truth and the answer)
    chance = joint.sum(axis=1)
    after = claimed_all(joint / np.maximum(chance, 1e-12)[:, None], pool.temperature, pool.lapse)
    found: Floats = np.where(after.max(axis=1) >= policy.confidence, chance, 0.0)
    return found


def best_way(posterior: Sequence[float], reliability: Reliability, campaign: Campaign) -> Way:
    """The form in which a second on an item believed to be `posterior` (K,) tells most."""
    chosen = ways(campaign)
    if len(chosen) == 1:
        return chosen[0]
    theta = worker_matrix(reliability, campaign.pool)
    return chosen[int(worths(np.array([posterior]), np.zeros(1), theta, campaign, chosen).argmax())]


def laid_out(way: Way, posterior: Sequence[float], rng: random.Random) -> Layout:
    """The buttons of a form: the likeliest labels and one at random on a list, in random order."""
    labels = range(len(posterior))
    if way.form is Form.ALL:
        return Layout(way.form, tuple(labels))
    if way.form is Form.YES_NO:
        return Layout(way.form, (max(labels, key=lambda label: posterior[label]),))
    if way.shown == 0:
        return Layout(way.form, ())
    likeliest = sorted(labels, key=lambda label: -posterior[label])
    shown = [*likeliest[: way.shown - 1], rng.choice(likeliest[way.shown - 1 :])]
    rng.shuffle(shown)
    return Layout(way.form, tuple(shown))


def dressed(truth: int, posterior: Sequence[float], rng: random.Random) -> tuple[float, ...]:
    """(K,) the belief of an ordinary item for a control to wear, its labels renamed so that the control's truth is as
    likely there as the belief says: nobody knows a control by its form, nor its answer by its list."""
    stand_in = rng.choices(range(len(posterior)), weights=posterior)[0]
    worn = list(posterior)
    worn[truth], worn[stand_in] = worn[stand_in], worn[truth]
    return tuple(worn)


def control_chance(campaign: Campaign, enrolment: Enrolment) -> float:
    """How likely the next question is a control: by what it tells of the worker, never under `control_share`.

    One more answer tells about 1 / 2n nats of an accuracy that rests on n answers, so a newcomer's every other question
    is a control, and that share falls as they become known: of the first twenty, about `newcomer_controls`.
    """
    policy = campaign.policy
    known = policy.newcomer_controls + 1
    wanted = 0.5 * known / (known + enrolment.answered) if policy.newcomer_controls else 0.0
    return max(wanted, SUSPECTED if enrolment.suspicions else 0.0, policy.control_share)
