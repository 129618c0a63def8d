"""Taps on a question whose labels are each marked or left: only its buttons change until "done"."""

from __future__ import annotations

from bot.telegram import views
from bot.telegram.callbacks import Mark
from bot.telegram.choices import FIRST
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core.forms import Form
from core.marking import mark
from core.ports import Transaction
from core.question import Press, Tap
from core.service import Asked
from core.tapping import Tapped, turn
from core.worker import Worker


def marked(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Mark) -> Reply:
    """A label that is marked or left from now on."""
    found = mark(tx, worker, pressed.question, pressed.lease, pressed.label, pressed.on)
    if isinstance(found, Tapped):
        return Reply(toast=views.became(found, Tap(pressed.question, pressed.lease, Press.NOT_SURE), say))
    return _shown(found, visit, say)


def out_of_step(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Tap) -> Reply | None:
    """The question as it is marked, where "done" or "none of these" said another thing: the screen was older."""
    if pressed.choice not in (Press.DONE, Press.NONE):
        return None
    found = turn(tx, worker, pressed.question, pressed.lease)
    if isinstance(found, Tapped) or found.question.layout.form is not Form.TOGGLE:
        return None
    return _shown(found, visit, say, say("Your marks had changed: look once more, then tap again."))


def _shown(asked: Asked, visit: Visit, say: Tongue, toast: str = "") -> Reply:
    if visit.bubble is None:
        return Reply(views.question(asked, say, visit.chat), toast)
    return Reply(views.page(asked, say, visit.chat, visit.bubble.number, FIRST), toast)
