"""/workers, /ban and /unban: each runs inside the update's one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram import views_workers
from bot.telegram.admin_replies import chosen
from bot.telegram.paper import Block, note
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue, Words
from core import admission
from core.admission import Admitted
from core.errors import Refused
from core.ports import Letter, Transaction
from core.worker import Worker


def workers(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/workers: everybody in a campaign, under pseudonyms."""
    campaign = chosen(tx, names)
    return Reply(views_workers.crowd(campaign, tx.enrolments(campaign.id), say, visit.chat))


def ban(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/ban CAMPAIGN WORKER: they are told, with the reason, and may object."""
    admitted = admission.ban(tx, *_both(names))
    pseudonym, slug = admitted.enrolment.pseudonym, admitted.campaign.slug
    done = say("{worker} is banned in {name}: no more questions. Answers and pay stay.", worker=pseudonym, name=slug)
    theirs = Words.of(admitted.person.language)
    text = views_workers.kept_out(admitted.campaign, admitted.enrolment, theirs)
    keyboard = views_workers.objection(admitted.campaign, admitted.enrolment, theirs)
    told = note(admitted.person.account.number, [Block(text)], keyboard)
    return Reply([*note(visit.chat, [Block(done)]), *_told(admitted, told)])


def unban(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/unban CAMPAIGN WORKER: they are told."""
    admitted = admission.unban(tx, *_both(names))
    done = say("{worker} is asked again in {name}.", worker=admitted.enrolment.pseudonym, name=admitted.campaign.slug)
    text = views_workers.let_back(admitted.campaign, Words.of(admitted.person.language))
    told = note(admitted.person.account.number, [Block(text)])
    return Reply([*note(visit.chat, [Block(done)]), *_told(admitted, told)])


def _told(admitted: Admitted, letters: list[Letter]) -> list[Letter]:
    """What the worker is told: once, and nothing where they have stopped."""
    return letters if admitted.changed and admitted.person.reachable else []


def _both(names: Sequence[str]) -> tuple[str, str]:
    if len(names) != 2:
        raise Refused("Write the campaign and the worker behind the command, as /workers lists them.")
    return names[0].lower(), names[1].lower()
