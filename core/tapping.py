"""What a tap does: an answer, "not sure", a skip, a problem, an undo. Every tap gets an outcome that has words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from core.campaign import Campaign
from core.evidence import Evidence
from core.feeding import follow
from core.forms import Form, evidence_of
from core.ids import QuestionId
from core.intake import Change, absorbed, judged, retracted
from core.item import Item, Role, Verdict
from core.marks import evidence_of as evidence_of_marks
from core.marks import not_sure
from core.ports import Transaction
from core.question import Answer, Press, Question, QuestionState, Tap
from core.service import Asked, enrolment_of, release
from core.worker import Worker


class Outcome(Enum):
    """What became of a tap."""

    SAVED = "saved"
    LATE = "late"  # saved, after the lease ran out, and used
    CREDITED = "credited"  # saved and paid, too late to be used
    ALREADY = "already"  # a double tap: nothing changed
    SKIPPED = "skipped"
    REPORTED = "reported"  # a problem with the item
    UNDONE = "undone"  # the question is out again
    STALE = "stale"  # a button of an old message, or of no question
    FOREIGN = "foreign"  # somebody else's button
    TOO_LATE = "too_late"  # to undo
    NOTHING = "nothing"  # to undo or skip


@dataclass(frozen=True, slots=True)
class Tapped:
    """The outcome with what it is about."""

    outcome: Outcome
    campaign: Campaign | None = None
    question: Question | None = None
    item: Item | None = None
    missed: int | None = None  # the truth of a control that was answered wrong
    settled: bool = False


RECORDED = (Outcome.SAVED, Outcome.LATE, Outcome.CREDITED)
MOVES_ON = (*RECORDED, Outcome.SKIPPED, Outcome.REPORTED)  # after these the next question is asked


def tap(tx: Transaction, worker: Worker, pressed: Tap, now: datetime) -> Tapped:
    """Whatever was pressed, once: the key of an answer is its lease, so that a doubled tap changes nothing."""
    question = tx.question(pressed.question)
    if question is None:
        return Tapped(Outcome.STALE)
    if question.worker != worker.id:
        return Tapped(Outcome.FOREIGN)
    campaign = tx.campaign(question.campaign)
    if pressed.lease != question.lease:
        return Tapped(Outcome.STALE, campaign, question)
    if pressed.choice is Press.UNDO:
        return undo(tx, worker, campaign, question, now)
    if question.state in (QuestionState.ANSWERED, QuestionState.SKIPPED):
        return Tapped(Outcome.ALREADY, campaign, question)
    if pressed.choice in (Press.SKIP, Press.PROBLEM):
        return skip(tx, worker, campaign, question, problem=pressed.choice is Press.PROBLEM)
    marks = len(tx.item(question.item).posterior) if question.layout.form is Form.TOGGLE else 0
    evidence = _evidence(campaign, question, pressed.choice, marks)
    return Tapped(Outcome.STALE) if evidence is None else take(tx, worker, campaign, question, evidence, now)


def turn(tx: Transaction, worker: Worker, question_id: QuestionId, lease: int) -> Asked | Tapped:
    """The question whose choices are looked at on another page: nothing is kept of it, however often; or why not."""
    question = tx.question(question_id)
    if question is None:
        return Tapped(Outcome.STALE)
    if question.worker != worker.id:
        return Tapped(Outcome.FOREIGN)
    campaign = tx.campaign(question.campaign)
    if lease != question.lease:
        return Tapped(Outcome.STALE, campaign, question)
    if question.state in (QuestionState.ANSWERED, QuestionState.SKIPPED):
        return Tapped(Outcome.ALREADY, campaign, question)
    return Asked(campaign, question, tx.item(question.item), again=True)


def _evidence(campaign: Campaign, question: Question, choice: int | Press, marks: int) -> Evidence | None:
    if question.layout.form is Form.TEXT:
        return None  # nothing but words answers it
    if question.layout.form is Form.TOGGLE:
        return _marked(question.layout.shown, choice, marks)
    if isinstance(choice, Press):
        return Evidence.all(len(campaign.labels)) if choice is Press.NOT_SURE else None
    try:
        return evidence_of(question.layout, choice, len(campaign.labels), campaign.groups)
    except ValueError:
        return None


def _marked(marked: tuple[int, ...], choice: int | Press, labels: int) -> Evidence | None:
    """None where the button says another thing than what is marked: the screen was older than the marks."""
    if choice is Press.NOT_SURE:
        return not_sure(labels)
    says = {Press.DONE: bool(marked), Press.NONE: not marked}
    return evidence_of_marks(marked, labels) if isinstance(choice, Press) and says.get(choice) else None


def take(
    tx: Transaction,
    worker: Worker,
    campaign: Campaign,
    question: Question,
    evidence: Evidence,
    now: datetime,
    words: str = "",
) -> Tapped:
    """Records an answer to a question that is live, or expired and unanswered; `words` where it is a written one."""
    item = tx.item(question.item)
    enrolment = enrolment_of(tx, campaign, worker)
    seated = question.state is QuestionState.LIVE
    counted = seated or _can_still_matter(campaign, item)

    if counted:
        change = absorbed(campaign, item, enrolment, evidence, seated)
    else:
        change = Change(item, replace(enrolment, answered=enrolment.answered + 1), False, None)
    late = not seated or now > question.expires_at

    answered = replace(question, state=QuestionState.ANSWERED)
    if item.role is not Role.CONTROL and counted:
        tx.save_item(change.item)
    tx.save_enrolment(change.enrolment)
    tx.save_question(answered)
    tx.add_answer(_fact(question, evidence, now, late, counted))
    if words:
        tx.add_written(question.id, question.lease, words)
    if counted:
        follow(tx, campaign, item, change.item)
    _pay(tx, campaign, worker, question, now)
    outcome = Outcome.CREDITED if not counted else Outcome.LATE if late else Outcome.SAVED
    return Tapped(outcome, campaign, answered, change.item, change.missed, change.settled)


def _can_still_matter(campaign: Campaign, item: Item) -> bool:
    if item.role is Role.CONTROL:
        return True
    return item.verdict is Verdict.OPEN and item.seats < (item.limit or campaign.policy.max_overlap)


def _fact(question: Question, evidence: Evidence, now: datetime, late: bool, counted: bool) -> Answer:
    latency = round((now - question.asked_at).total_seconds() * 1000)
    return Answer(
        question=question.id,
        lease=question.lease,
        campaign=question.campaign,
        item=question.item,
        worker=question.worker,
        evidence=evidence,
        answered_at=now,
        latency_ms=max(latency, 0),
        late=late,
        counted=counted,
    )


def _pay(tx: Transaction, campaign: Campaign, worker: Worker, question: Question, now: datetime) -> None:
    if campaign.policy.pay:
        cause = f"answer:{question.id}:{question.lease}"
        tx.transfer(cause, f"campaign:{campaign.id}", f"worker:{worker.id}", campaign.policy.pay, now)


def skip(tx: Transaction, worker: Worker, campaign: Campaign, question: Question, problem: bool = False) -> Tapped:
    """Not for this worker: the item never comes back to them and stays for others."""
    enrolment = enrolment_of(tx, campaign, worker)
    if question.state is QuestionState.LIVE:
        release(tx, question, QuestionState.SKIPPED)
    else:
        tx.save_question(replace(question, state=QuestionState.SKIPPED))
    tx.save_enrolment(replace(enrolment, skipped=enrolment.skipped + 1))
    item = tx.item(question.item)
    if problem and item.role is not Role.CONTROL:
        after = judged(campaign, replace(item, problems=item.problems + 1))
        tx.save_item(after)
        follow(tx, campaign, item, after)
    return Tapped(Outcome.REPORTED if problem else Outcome.SKIPPED, campaign, question, item)


def undo(tx: Transaction, worker: Worker, campaign: Campaign, question: Question, now: datetime) -> Tapped:
    """Takes an answer back: it stays as a fact, and its question is out again under the next lease."""
    answer = tx.answer(question.id, question.lease)
    if question.state is not QuestionState.ANSWERED or answer is None:
        return Tapped(Outcome.NOTHING, campaign, question)
    item = tx.item(question.item)
    if now - answer.answered_at > campaign.policy.undo or item.role is Role.CONTROL or not answer.counted:
        return Tapped(Outcome.TOO_LATE, campaign, question)
    enrolment = enrolment_of(tx, campaign, worker)

    again = replace(
        question,
        lease=question.lease + 1,
        state=QuestionState.LIVE,
        asked_at=now,
        expires_at=now + campaign.policy.lease,
    )
    live = tx.latest(campaign.id, worker.id, QuestionState.LIVE)
    if live is not None:
        release(tx, live)  # one question at a time; it is asked again afterwards
    tx.save_question(again)
    rest = [(other, reliability) for other, reliability in tx.answers_of(item.id) if other.question != question.id]
    before, item = item, retracted(campaign, item, rest)
    tx.save_item(item)
    follow(tx, campaign, before, item)
    tx.save_enrolment(replace(enrolment, answered=enrolment.answered - 1))
    if campaign.policy.pay:
        cause = f"undo:{question.id}:{question.lease}"
        tx.transfer(cause, f"worker:{worker.id}", f"campaign:{campaign.id}", campaign.policy.pay, now)
    return Tapped(Outcome.UNDONE, campaign, again, item)
