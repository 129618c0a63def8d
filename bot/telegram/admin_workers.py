"""/workers, /ban and /unban: each runs inside the update's one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram import views_workers
from bot.telegram.admin_replies import chosen
from bot.telegram.paper import Block, note
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue, Words
from core import admission
from core.admission import Ruling
from core.errors import Refused
from core.ports import Letter, Transaction
from core.worker import Worker


def workers(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/workers: everybody in a campaign, under pseudonyms."""
    campaign = chosen(tx, names)
    return Reply(views_workers.crowd(campaign, tx.enrolments(campaign.id), say, visit.chat))


def ban(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/ban CAMPAIGN WORKER: they are told, with the reason, and may object."""
    ruling = admission.ban(tx, *_both(names))
    pseudonym, slug = ruling.enrolment.pseudonym, ruling.campaign.slug
    done = say("{worker} is banned in {name}: no more questions. Answers and pay stay.", worker=pseudonym, name=slug)
    theirs = Words.of(ruling.person.language)
    text = views_workers.kept_out(ruling.campaign, ruling.enrolment, theirs)
    keyboard = views_workers.objection(ruling.campaign, ruling.enrolment, theirs)
    told = note(ruling.person.account.number, [Block(text)], keyboard)
    return Reply([*note(visit.chat, [Block(done)]), *_told(ruling, told)])


def unban(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/unban CAMPAIGN WORKER: they are told."""
    ruling = admission.unban(tx, *_both(names))
    done = say("{worker} is asked again in {name}.", worker=ruling.enrolment.pseudonym, name=ruling.campaign.slug)
    text = views_workers.let_back(ruling.campaign, Words.of(ruling.person.language))
    return Reply([*note(visit.chat, [Block(done)]), *_told(ruling, note(ruling.person.account.number, [Block(text)]))])


def _told(ruling: Ruling, letters: list[Letter]) -> list[Letter]:
    """What the worker is told: once, and nothing where they have stopped."""
    return letters if ruling.changed and ruling.person.reachable else []


def _both(names: Sequence[str]) -> tuple[str, str]:
    if len(names) != 2:
        raise Refused("Write the campaign and the worker behind the command, as /workers lists them.")
    return names[0].lower(), names[1].lower()
