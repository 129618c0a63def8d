"""What a worker can ask for: use cases of the day. Each gathers, decides, applies, inside one transaction."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from core.asking import new_question, seated
from core.campaign import Campaign, CampaignState
from core.errors import NotFound
from core.ids import Account, CampaignId
from core.item import Item, Role
from core.ports import Transaction
from core.question import Question, QuestionState
from core.reliability import Reliability
from core.routing import priority
from core.worker import CONSENT_VERSION, Enrolment, Worker


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for this worker; `again` when they have seen it before."""

    campaign: Campaign
    question: Question
    item: Item
    again: bool


class Idle(Enum):
    """Why there is no question."""

    PAUSED = "paused"
    EMPTY = "empty"  # nothing left that this worker has not met
    SUSPENDED = "suspended"  # by the test on controls: they may object
    DISPUTED = "disputed"  # they have objected: an admin decides
    BANNED = "banned"  # by an admin: they may object


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A worker who has opened a campaign."""

    campaign: Campaign
    worker: Worker


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker sees of themselves."""

    campaign: Campaign
    enrolment: Enrolment
    settled: int  # settled items that they answered
    earned: int  # thousandths of the currency's unit


def arrive(tx: Transaction, account: Account, language: str, now: datetime) -> Worker:
    """The worker behind an account, new or known; reachable again."""
    return back(tx, tx.worker(account) or tx.add_worker(account, language, now))


def back(tx: Transaction, worker: Worker) -> Worker:
    """The worker, reachable again."""
    if not worker.reachable:
        worker = replace(worker, reachable=True)
        tx.save_worker(worker)
    return worker


def enrol(tx: Transaction, worker: Worker, slug: str, now: datetime) -> Enrolled:
    """Opens a campaign; NotFound where there is none of this name."""
    campaign = tx.campaign_named(slug)
    if tx.enrolment(campaign.id, worker.id) is None:
        kept_out = tx.recall_bar(campaign.id, worker.account)
        newcomer = Enrolment(campaign.id, worker.id, Reliability.newcomer(campaign.pool), now)
        tx.save_enrolment(replace(newcomer, admission=kept_out or newcomer.admission))
    if worker.campaign != campaign.id:
        worker = replace(worker, campaign=campaign.id)
        tx.save_worker(worker)
    return Enrolled(campaign, worker)


def consent(tx: Transaction, worker: Worker) -> Worker:
    """Agreement to the consent text of today."""
    worker = replace(worker, consent=CONSENT_VERSION)
    tx.save_worker(worker)
    return worker


def stop(tx: Transaction, worker: Worker) -> Worker:
    """No more letters; the question that is out goes back to the queue."""
    if worker.campaign is not None:
        live = tx.latest(worker.campaign, worker.id, QuestionState.LIVE)
        if live is not None:
            release(tx, live)
    worker = replace(worker, reachable=False)
    tx.save_worker(worker)
    return worker


def ask(tx: Transaction, worker: Worker, campaign_id: CampaignId, now: datetime, rng: random.Random) -> Asked | Idle:
    """The next question: the one that is out, else the last one left unanswered, else a new draw."""
    campaign = tx.campaign(campaign_id)
    if campaign.state is CampaignState.PAUSED:
        return Idle.PAUSED
    enrolment = enrolment_of(tx, campaign, worker)
    if not enrolment.admission.asks:
        return Idle(enrolment.admission.value)
    return _ask_again(tx, campaign, worker, now) or _ask_new(tx, campaign, enrolment, now, rng) or Idle.EMPTY


def enrolment_of(tx: Transaction, campaign: Campaign, worker: Worker) -> Enrolment:
    """The worker's place in the campaign; NotFound where they never opened it."""
    enrolment = tx.enrolment(campaign.id, worker.id)
    if enrolment is None:
        raise NotFound("enrolment", campaign.slug)
    return enrolment


def _ask_again(tx: Transaction, campaign: Campaign, worker: Worker, now: datetime) -> Asked | None:
    expires = now + campaign.policy.lease
    live = tx.latest(campaign.id, worker.id, QuestionState.LIVE)
    if live is not None:
        live = replace(live, expires_at=max(live.expires_at, expires))
        tx.save_question(live)
        return Asked(campaign, live, tx.item(live.item), again=True)
    left = tx.latest(campaign.id, worker.id, QuestionState.EXPIRED)
    if left is None or tx.answer(left.id, left.lease) is not None:
        return None
    item: Item | None = tx.item(left.item)
    if item and item.role is not Role.CONTROL:  # a control has seats without end
        item = seated(tx, campaign, item.id)
    if item is None:
        return None
    left = replace(left, state=QuestionState.LIVE, expires_at=expires)
    tx.save_question(left)
    return Asked(campaign, left, item, again=True)


def _ask_new(
    tx: Transaction, campaign: Campaign, enrolment: Enrolment, now: datetime, rng: random.Random
) -> Asked | None:
    found = new_question(tx, campaign, enrolment, now, rng)
    return None if found is None else Asked(campaign, *found, again=False)


def release(tx: Transaction, question: Question, state: QuestionState = QuestionState.EXPIRED) -> None:
    """Ends a live lease without an answer; its seat is free again."""
    item = tx.item(question.item)
    if item.role is not Role.CONTROL:
        campaign = tx.campaign(question.campaign)
        item = replace(item, leases=item.leases - 1)
        tx.save_item(replace(item, priority=priority(item, campaign.pool, campaign.policy)))
    tx.save_question(replace(question, state=state))


def expire(tx: Transaction, now: datetime, limit: int = 100) -> int:
    """Gives the seats of overdue questions back; how many there were."""
    overdue = tx.overdue(now, limit)
    for question in sorted(overdue, key=lambda question: question.item):
        release(tx, question)
    return len(overdue)


def standing(tx: Transaction, worker: Worker, campaign_id: CampaignId) -> Standing:
    """What the worker has done and earned in a campaign."""
    campaign = tx.campaign(campaign_id)
    enrolment = enrolment_of(tx, campaign, worker)
    settled = tx.settled_with(campaign.id, worker.id)
    return Standing(campaign, enrolment, settled, tx.balance(f"worker:{worker.id}"))
