"""Somebody who is kept out of a campaign: why, and their objection. Each runs inside the update's one transaction."""

from __future__ import annotations

from bot.telegram import views, views_workers
from bot.telegram.keyboards import markup
from bot.telegram.paper import Block, rewritten
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue, Words
from core import admission, service
from core.campaign import Campaign
from core.ports import Letter, Transaction
from core.worker import Worker


def kept_out(tx: Transaction, visit: Visit, worker: Worker, campaign: Campaign, say: Tongue, line: str) -> Reply:
    """In place of the next question: why there is none, and the button that objects."""
    enrolment = service.enrolment_of(tx, campaign, worker)
    text = views_workers.kept_out(campaign, enrolment, say)
    keyboard = views_workers.objection(campaign, enrolment, say) or markup([])
    return Reply(views.rest(text, visit.chat, line, keyboard, visit.bubble), line)


def objected(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, slug: str) -> Reply:
    """The button below a suspension: it goes to every admin, once."""
    ruling = admission.dispute(tx, worker, slug)
    if not ruling.changed:
        return Reply(toast=say("There is nothing to object to, or you have objected already."))
    letters: list[Letter] = []
    if visit.bubble is not None:
        text = views_workers.kept_out(ruling.campaign, ruling.enrolment, say)
        letters.append(rewritten(visit.chat, visit.bubble.number, [Block(text)], markup([])))
    for admin in sorted(visit.house.admins):
        known = tx.worker(visit.house.account(admin))
        tongue = Words.of(known.language if known else "")
        letters += views_workers.objected(ruling.campaign, ruling.enrolment, tongue, admin)
    return Reply(letters, say("Your objection is with the admins."))
