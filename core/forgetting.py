"""Forgetting a person who asks for it: identity goes, and their answers too where they wish; pay stays.

The worker's number stays as a pseudonym: the ledger of pay and the answers that stay point to it, and nothing leads
from it to an account. Withdrawn answers are facts that no longer stand, as after an undo: beliefs of their items are
computed anew from the answers that stay, and a refit, an export and the lessons of a night never see them.

Deviations: what a belief about *others* learnt from a withdrawn answer is gone with the next refit, not at once; what
a version learnt stays in its weights until the next night's, and the registry counts who has withdrawn since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.campaign import Campaign
from core.feeding import follow
from core.intake import retracted
from core.item import Role
from core.ports import Transaction
from core.question import Answer, QuestionState
from core.reliability import Reliability
from core.service import release
from core.worker import Admission, Enrolment, Worker

BARRED = (Admission.SUSPENDED, Admission.DISPUTED, Admission.BANNED)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The name under which an admin finds somebody's place in a campaign, once nobody is behind it."""

    campaign: Campaign
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Owed:
    """What a worker has earned, and where it is written down."""

    amount: int  # thousandths of the currency's unit, in all campaigns
    receipts: Sequence[Receipt]

    @property
    def currency(self) -> str:
        """Of the first campaign that pays, else of the first."""
        policies = sorted((one.campaign.policy for one in self.receipts), key=lambda policy: not policy.pay)
        return policies[0].currency if policies else ""


def owed(tx: Transaction, worker: Worker) -> Owed:
    """What they have earned so far; nothing changes."""
    receipts = [Receipt(tx.campaign(one.campaign), one.pseudonym) for one in tx.enrolments_of(worker.id)]
    return Owed(tx.balance(f"worker:{worker.id}"), receipts)


def forget(tx: Transaction, worker: Worker, answers: bool) -> Owed:
    """Nobody is behind this worker any more; `answers`: theirs count no more. What they are owed, to be claimed."""
    found = owed(tx, worker)
    for enrolment in tx.enrolments_of(worker.id):
        campaign = tx.campaign(enrolment.campaign)
        live = tx.latest(campaign.id, worker.id, QuestionState.LIVE)
        if live is not None:
            release(tx, live)
        if enrolment.admission in BARRED:
            tx.keep_bar(campaign.id, worker.account, enrolment.admission)
        given = tx.answers_by(campaign.id, worker.id) if answers else []
        tx.save_enrolment(_ended(campaign, enrolment, withdrawn=bool(given)))
        if given:
            _withdraw(tx, campaign, given)
    tx.blank_words(worker.id)
    tx.clear_letters(worker.account)
    tx.clear_updates(worker.account)
    tx.anonymise(worker)
    return found


def _ended(campaign: Campaign, enrolment: Enrolment, withdrawn: bool) -> Enrolment:
    """The place without anybody. Where the answers stay, so does what they are worth."""
    if not withdrawn:
        return replace(enrolment, admission=Admission.FORGOTTEN)
    blank = Reliability.newcomer(campaign.pool)
    return Enrolment(enrolment.campaign, enrolment.worker, blank, enrolment.joined_at, admission=Admission.WITHDRAWN)


def _withdraw(tx: Transaction, campaign: Campaign, given: Sequence[Answer]) -> None:
    for answer in given:
        _taken_out(tx, campaign, answer)
    tx.count_withdrawal(campaign.id, min(answer.answered_at for answer in given))


def _taken_out(tx: Transaction, campaign: Campaign, answer: Answer) -> None:
    """One answer no longer stands; its item is judged by those that do."""
    question, before = tx.question(answer.question), tx.item(answer.item)
    if question is None:
        return
    tx.save_question(replace(question, state=QuestionState.WITHDRAWN))
    if before.role is Role.CONTROL or not answer.counted:
        return
    after = retracted(campaign, before, tx.answers_of(before.id), out_again=False)
    tx.save_item(after)
    follow(tx, campaign, before, after)
