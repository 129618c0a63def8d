"""Why this consensus: the odds of an item's label against its runner-up, split into what each voice adds, in nats.

    log claimed(label) / claimed(rival) = class prior + network + every answer + refit + calibration

exactly. An answer's share is its log-likelihood ratio under the worker's reliability; the refit's is what the
committee of readings knows beyond that product (the weights of vigilance among it); calibration's is what the
campaign's temperature and lapse take away from what was believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.campaign import Campaign
from core.evidence import Evidence
from core.ids import WorkerId
from core.intake import prior_of
from core.item import Item
from core.marks import stretched
from core.posterior import absorb, claimed, consensus
from core.question import Answer
from core.reliability import Model, Pool, Reliability, accuracy, likelihood


@dataclass(frozen=True, slots=True)
class Voice:
    """One answer's share."""

    worker: WorkerId
    evidence: Evidence
    right: float  # how often this worker is right, 0..1
    nats: float  # for the label, against it where negative


@dataclass(frozen=True, slots=True)
class Explanation:
    """All shares, in nats; their sum is the log odds that are claimed."""

    label: int  # the likeliest, first of equals
    rival: int  # the next
    claimed: float  # belief in the label as sure as may be claimed
    prior: float
    network: float
    voices: tuple[Voice, ...]  # in the order of the answers
    refit: float
    calibration: float
    holds: bool = True  # of several marks `label` is the least sure, `rival` the same: whether it is believed to hold

    @property
    def total(self) -> float:
        """log claimed(label) / claimed(rival)."""
        said = math.fsum(voice.nats for voice in self.voices)
        return math.fsum((self.prior, self.network, said, self.refit, self.calibration))


def explain(campaign: Campaign, item: Item, answers: Sequence[tuple[Answer, Reliability]]) -> Explanation:
    """The shares of an item's belief; `answers` are the counted ones that stand, with today's reliabilities.

    Where an admin has ruled, what the crowd alone would believe is explained.
    """
    pool, heard = campaign.pool, prior_of(campaign, item)
    crowd = heard
    for answer, reliability in answers:
        crowd = absorb(crowd, answer.evidence, reliability, pool)
    believed = item.posterior if item.truth is None else crowd
    sides = _sides(believed, pool)
    sure = claimed(believed, pool)

    def odds(masses: Sequence[float]) -> float:
        return sides.odds(masses)

    prior = odds(stretched(pool.prior, len(believed)))
    network = odds(heard) - prior
    marks = len(believed)
    voices = tuple(_voice(campaign, answer, reliability, sides, marks) for answer, reliability in answers)
    refit = odds(believed) - odds(heard) - math.fsum(voice.nats for voice in voices)
    total = odds(sure)
    share = 1 / (1 + math.exp(-total)) if sides.alone else sure[sides.label]
    return Explanation(
        sides.label, sides.rival, share, prior, network, voices, refit, total - odds(believed), sides.holds
    )


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is held against what: a label against its rival, or of several the least sure one against its contrary."""

    label: int
    rival: int
    holds: bool = True

    @property
    def alone(self) -> bool:
        return self.label == self.rival

    def odds(self, masses: Sequence[float]) -> float:
        p = masses[self.label]
        if not self.alone:
            return math.log(p) - math.log(masses[self.rival])
        return (math.log(p) - math.log1p(-p)) * (1 if self.holds else -1)


def _sides(believed: Sequence[float], pool: Pool) -> _Sides:
    if pool.model is Model.MARKS:
        doubtful = min(range(len(believed)), key=lambda k: max(believed[k], 1 - believed[k]))
        return _Sides(doubtful, doubtful, believed[doubtful] > 0.5)
    label = consensus(believed)[0]
    return _Sides(label, max((k for k in range(pool.labels) if k != label), key=lambda k: believed[k]))


def _voice(campaign: Campaign, answer: Answer, reliability: Reliability, sides: _Sides, marks: int) -> Voice:
    pool = campaign.pool
    right = accuracy(reliability, pool)[0]
    if sides.alone:
        after = absorb((0.5,) * marks, answer.evidence, reliability, pool)
        return Voice(answer.worker, answer.evidence, right, sides.odds(after))
    if answer.evidence.is_everything(pool.labels):
        return Voice(answer.worker, answer.evidence, right, 0.0)
    chance = likelihood(answer.evidence, reliability, pool)
    nats = math.log(max(chance[sides.label], 1e-12)) - math.log(max(chance[sides.rival], 1e-12))
    return Voice(answer.worker, answer.evidence, right, nats)
