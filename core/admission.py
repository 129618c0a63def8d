"""Who may be asked: bans and their end by an admin, and a worker's objection. Answers and pay stay, whatever comes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.campaign import Campaign
from core.errors import Refused
from core.ports import Transaction
from core.question import QuestionState
from core.service import enrolment_of, release
from core.worker import Admission, Enrolment, Worker


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a worker's admission; `changed` is false where it was so already."""

    campaign: Campaign
    enrolment: Enrolment
    person: Worker
    changed: bool


def dispute(tx: Transaction, worker: Worker, slug: str) -> Admitted:
    """The worker objects to being kept out: an admin decides. Nothing changes for somebody who is not."""
    campaign = tx.campaign_named(slug)
    enrolment = enrolment_of(tx, campaign, worker)
    if enrolment.admission not in (Admission.SUSPENDED, Admission.BANNED):
        return Admitted(campaign, enrolment, worker, changed=False)
    return _ruled(tx, campaign, enrolment, worker, Admission.DISPUTED)


def ban(tx: Transaction, slug: str, pseudonym: str) -> Admitted:
    """No more questions for this worker in this campaign; the one that is out goes back to the queue."""
    campaign, enrolment, person = _named(tx, slug, pseudonym)
    live = tx.latest(campaign.id, enrolment.worker, QuestionState.LIVE)
    if live is not None:
        release(tx, live)
    return _ruled(tx, campaign, enrolment, person, Admission.BANNED)


def unban(tx: Transaction, slug: str, pseudonym: str) -> Admitted:
    """The worker is asked again, and the test on controls stops them no more: an admin has looked."""
    return _ruled(tx, *_named(tx, slug, pseudonym), Admission.RESTORED)


def _named(tx: Transaction, slug: str, pseudonym: str) -> tuple[Campaign, Enrolment, Worker]:
    campaign = tx.campaign_named(slug)
    for enrolment in tx.enrolments(campaign.id):
        if enrolment.pseudonym == pseudonym and enrolment.admission.gone:
            raise Refused(f"{pseudonym} asked to be forgotten: nobody is behind this name any more.")
        if enrolment.pseudonym == pseudonym:
            return campaign, enrolment, tx.person(enrolment.worker)
    raise Refused(f"There is no worker {pseudonym} in {campaign.slug}; /workers lists them.")


def _ruled(
    tx: Transaction, campaign: Campaign, enrolment: Enrolment, person: Worker, admission: Admission
) -> Admitted:
    after = replace(enrolment, admission=admission, surprise=0.0 if admission.asks else enrolment.surprise)
    tx.save_enrolment(after)
    return Admitted(campaign, after, person, changed=after.admission is not enrolment.admission)
