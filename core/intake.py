"""One answer -> the change that it makes (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.campaign import Campaign, Kind
from core.evidence import Evidence
from core.item import Item, Role, Verdict
from core.posterior import absorb, certainty, claimed, start, sureness
from core.question import Answer
from core.reliability import Reliability, learnt
from core.routing import priority
from core.stopping import Next, StopRule, decide, hoped
from core.suspension import after_control, fits, honest_level, stops, tells_one, truths
from core.worker import Admission, Enrolment

PROBLEMS = 2  # workers who find an item impossible before an admin must look


@dataclass(frozen=True, slots=True)
class Change:
    """What an answer makes of its item and its worker."""

    item: Item
    enrolment: Enrolment
    settled: bool  # by this answer
    missed: int | None  # the truth of a control that was answered wrong


def absorbed(campaign: Campaign, item: Item, enrolment: Enrolment, evidence: Evidence, seated: bool) -> Change:
    """Item and worker after a counted answer. `seated`: its question held one of the item's seats."""
    if item.role is Role.CONTROL:
        return _after_control(campaign, item, enrolment, evidence)
    pool = campaign.pool
    if item.by_network:  # people have the word from now on
        item = replace(item, posterior=prior_of(campaign, item))
    after = replace(
        item,
        posterior=absorb(item.posterior, evidence, enrolment.reliability, pool),
        answers=item.answers + 1,
        leases=item.leases - seated,
    )
    after = judged(campaign, after)
    worker = replace(
        enrolment,
        answered=enrolment.answered + 1,
        reliability=learnt(enrolment.reliability, item.posterior, evidence, pool),  # the item without this answer
    )
    settled = after.verdict is Verdict.SETTLED and item.verdict is not Verdict.SETTLED
    return Change(after, worker, settled, None)


def _after_control(campaign: Campaign, item: Item, enrolment: Enrolment, evidence: Evidence) -> Change:
    truth = _truth(item)
    marks = len(item.posterior)
    right = fits(truth, evidence, campaign.pool, marks)
    certain = certainty(truth, campaign.pool, marks)
    worker = replace(
        tested(enrolment, campaign, evidence, right, marks),
        answered=enrolment.answered + 1,
        controls=enrolment.controls + 1,
        controls_right=enrolment.controls_right + right,
        reliability=learnt(enrolment.reliability, certain, evidence, campaign.pool),
    )
    return Change(item, worker, False, None if right else truth)


def tested(enrolment: Enrolment, campaign: Campaign, evidence: Evidence, right: bool, marks: int) -> Enrolment:
    """The worker after the test has seen one more control, an item of so many `marks`; answers that leave several
    truths tell nothing."""
    labels, allowed = truths(campaign.pool, marks), campaign.policy.suspension
    if not tells_one(evidence, campaign.pool, marks) or labels < 2:
        return enrolment
    level, alike = honest_level(campaign.pool, marks), campaign.draft.kind is not Kind.SPANS
    surprise = after_control(enrolment.surprise, right, labels, level)
    stopped = enrolment.admission is Admission.OPEN and stops(surprise, labels, level, allowed, alike)
    admission = Admission.SUSPENDED if stopped else enrolment.admission
    return replace(enrolment, surprise=surprise, admission=admission)


def retracted(
    campaign: Campaign, item: Item, rest: Iterable[tuple[Answer, Reliability]], out_again: bool = True
) -> Item:
    """The item after an answer was taken back; `rest` are the answers that still stand. `out_again`: its question is.

    The worker's reliability keeps what it learnt until the next refit, which knows only answers that stand.
    """
    belief = prior_of(campaign, item)
    for answer, reliability in rest:
        belief = absorb(belief, answer.evidence, reliability, campaign.pool)
    verdict = Verdict.OPEN if item.verdict is Verdict.SETTLED else item.verdict  # else none left: by the network?
    left, out = item.answers - 1, item.leases + out_again
    return judged(campaign, replace(item, posterior=belief, answers=left, leases=out, verdict=verdict))


def prior_of(campaign: Campaign, item: Item) -> tuple[float, ...]:
    """(K,) the belief before any answer, with the network's voice where the item may hear it."""
    voice = item.suggestion if item.role is Role.PLAIN else None
    return start(campaign.pool, voice, min(campaign.policy.network_weight, campaign.pool.voice), len(item.posterior))


def judged(campaign: Campaign, item: Item) -> Item:
    """The item with the verdict that the stop rule gives it now, and its place in the queue."""
    if item.verdict is Verdict.WITHDRAWN or item.role is Role.CONTROL:
        return item
    if item.by_network:  # until the next night decides anew
        return item
    if item.truth is not None:  # an admin said so
        certain = certainty(item.truth, campaign.pool, len(item.posterior))
        return replace(item, posterior=certain, verdict=Verdict.SETTLED, priority=0.0)
    policy = campaign.policy
    rule = StopRule(policy.confidence, policy.min_overlap, item.limit or policy.max_overlap)
    sure = sureness(claimed(item.posterior, campaign.pool), campaign.pool)
    verdict = {Next.ASK: Verdict.OPEN, Next.SETTLE: Verdict.SETTLED, Next.DISPUTE: Verdict.DISPUTED}[
        decide((sure,), item.answers, rule, hoped(item.posterior, rule.max_overlap - item.answers, rule, campaign.pool))
    ]
    if verdict is Verdict.OPEN and item.problems >= PROBLEMS:
        verdict = Verdict.DISPUTED
    if verdict is not item.verdict:
        item = replace(item, verdict=verdict)
    return replace(item, priority=priority(item, campaign.pool, policy))


def _truth(item: Item) -> int:
    if item.truth is None:
        raise ValueError(f"control {item.id} has no truth")
    return item.truth
