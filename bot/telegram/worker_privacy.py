"""/privacy and /forget_me: each runs inside the update's one transaction."""

from __future__ import annotations

from datetime import timedelta

from bot.telegram import views_privacy
from bot.telegram.callbacks import Forget
from bot.telegram.paper import Block, bare, note, rewritten
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core.forgetting import forget, owed
from core.ports import Letter, Transaction
from core.question import QuestionState
from core.worker import Worker

OPEN = timedelta(hours=1)  # that a button of /forget_me works


def privacy(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/privacy: what is kept, for what, how long, who sees it, and the way out."""
    return Reply(note(visit.chat, views_privacy.kept(say)))


def forget_me(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/forget_me: what it means, and the question; nothing changes yet."""
    asked = int(visit.now.timestamp())
    keyboard = views_privacy.choice(say, worker.id, asked)
    return Reply(note(visit.chat, views_privacy.question(owed(tx, worker), say), keyboard))


def answered(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Forget) -> Reply:
    """A button below the question, once: a later worker of the same account is not whom it asked."""
    late = visit.now.timestamp() - pressed.asked > OPEN.total_seconds()
    if late or pressed.worker != worker.id:
        return Reply(toast=say("This button is out of date. /forget_me asks again."))
    if pressed.word == "n":
        return Reply([_said(visit, [Block(say("Nothing has changed: you are not forgotten."))])])
    shown = _bubble(tx, visit, worker)
    tx.finish(visit.update)  # first: what waits is not cleared
    answers = pressed.word == "a"
    found = forget(tx, worker, answers)
    return Reply([*shown, _said(visit, views_privacy.goodbye(found, answers, say))])


def _said(visit: Visit, blocks: list[Block]) -> Letter:
    """In place of the question, without buttons."""
    return rewritten(visit.chat, visit.bubble.number, blocks) if visit.bubble else note(visit.chat, blocks)[0]


def _bubble(tx: Transaction, visit: Visit, worker: Worker) -> list[Letter]:
    """The open question loses its buttons."""
    live = tx.latest(worker.campaign, worker.id, QuestionState.LIVE) if worker.campaign else None
    number = tx.bubble(live.id) if live else None
    return [] if number is None else [bare(visit.chat, number)]
