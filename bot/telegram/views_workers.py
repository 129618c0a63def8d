"""Who works in a campaign, as an admin reads it; and why somebody is kept out, as they read it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bot.telegram.callbacks import Dispute
from bot.telegram.keyboards import Button, Markup, markup
from bot.telegram.paper import Block, note
from bot.telegram.words import Tongue
from core.campaign import Campaign
from core.ports import Letter
from core.reliability import accuracy
from core.worker import Admission, Enrolment, Reason

MOST = 20  # workers in one list


def crowd(campaign: Campaign, found: Sequence[Enrolment], say: Tongue, chat: int) -> list[Letter]:
    """/workers: who objects, who is kept out, who is suspected, then the busiest; each with the reasons."""
    if not found:
        return note(chat, [Block(say("Nobody has opened {name} yet.", name=campaign.slug))])
    ordered = sorted(found, key=_urgency)
    lines = [Block(_line(campaign, one, say)) for one in ordered[:MOST]]
    head = say.many("{n} worker in {name}", "{n} workers in {name}", len(found), name=campaign.slug)
    rest = len(found) - MOST
    more = [Block(say.many("{n} more worker.", "{n} more workers.", rest))] if rest > 0 else []
    orders = say("/ban {name} WORKER ends somebody's work, /unban {name} WORKER lets them back.", name=campaign.slug)
    return note(chat, [Block(head, "b"), *lines, *more, Block(orders)])


def _urgency(one: Enrolment) -> tuple[int, float, int, int]:
    order = (Admission.DISPUTED, Admission.SUSPENDED, Admission.BANNED)
    worst = max((suspicion.strength for suspicion in one.suspicions), default=0.0)
    return order.index(one.admission) if one.admission in order else len(order), -worst, -one.answered, one.worker


def _line(campaign: Campaign, one: Enrolment, say: Tongue) -> str:
    mean, low, high = accuracy(one.reliability, campaign.pool)
    parts = [say.many("{n} answer", "{n} answers", one.answered)]
    if one.reliability.seen:
        parts.append(
            say("right {mean} ({low} to {high})", mean=say.percent(mean), low=say.percent(low), high=say.percent(high))
        )
    if one.controls:
        parts.append(say("{right} of {n} controls", right=say.number(one.controls_right), n=say.number(one.controls)))
    state = _state(one.admission, say)
    lines = [f"{one.pseudonym}: {say.clauses(*parts, *([state] if state else []))}"]
    lines += [f"• {reason_words(suspicion.reason, say)}" for suspicion in one.suspicions]
    return "\n".join(lines)


def _state(admission: Admission, say: Tongue) -> str:
    match admission:
        case Admission.OPEN:
            return ""
        case Admission.SUSPENDED:
            return say("suspended")
        case Admission.DISPUTED:
            return say("suspended, objects")
        case Admission.BANNED:
            return say("banned")
        case Admission.RESTORED:
            return say("let back by an admin")
        case Admission.FORGOTTEN:
            return say("asked to be forgotten")
        case Admission.WITHDRAWN:
            return say("asked to be forgotten, with all answers")
        case _:
            assert_never(admission)


def reason_words(reason: Reason, say: Tongue) -> str:
    """Why somebody is suspected."""
    match reason:
        case Reason.RAPID:
            return say("answers faster than the question can be read")
        case Reason.ALIKE:
            return say("answers do not depend on the item")
        case Reason.RUNS:
            return say("the same button again and again")
        case Reason.RING:
            return say("agrees with certain others more than honest work explains")
        case Reason.MISSED:
            return say("misses controls as a random answerer would")
        case _:
            assert_never(reason)


def kept_out(campaign: Campaign, one: Enrolment, say: Tongue) -> str:
    """Why this worker is not asked, with the evidence, and what they can do."""
    title = campaign.draft.title
    if one.admission is Admission.DISPUTED:
        return say("You objected; an admin will look at it. Your answers and your pay stay.")
    if one.admission is Admission.BANNED:
        why = say("An admin has ended your work in “{title}”.", title=title)
    elif not one.controls:
        why = say("You were suspended in “{title}” before you asked to be forgotten.", title=title)
    else:
        why = say(
            "You are suspended in “{title}”: where the right answer is known, {right} of your {n} answers were right, "
            "about as many as by guessing.",
            title=title,
            right=say.number(one.controls_right),
            n=say.number(one.controls),
        )
    stays = say("Your answers and your pay stay. If this is a mistake, tap the button: an admin will look at it.")
    return say.sentences(why, stays)


def let_back(campaign: Campaign, say: Tongue) -> str:
    """An admin has decided for the worker."""
    return say("You may answer again in “{title}”: /next asks.", title=campaign.draft.title)


def objection(campaign: Campaign, one: Enrolment, say: Tongue) -> Markup | None:
    """The button that objects, for somebody who is kept out and has not objected yet."""
    if one.admission not in (Admission.SUSPENDED, Admission.BANNED):
        return None
    return markup([[Button(say("I object"), Dispute(campaign.slug))]])


def objected(campaign: Campaign, one: Enrolment, say: Tongue, chat: int) -> list[Letter]:
    """To an admin: somebody objects, with the evidence and what can be done."""
    text = say(
        "{worker} objects to being kept out of {name}: {right} of {n} controls right. /workers {name} shows the rest; "
        "/unban {name} {worker} lets them back, /ban {name} {worker} ends it.",
        worker=one.pseudonym,
        name=campaign.slug,
        right=say.number(one.controls_right),
        n=say.number(one.controls),
    )
    return note(chat, [Block(text)])
