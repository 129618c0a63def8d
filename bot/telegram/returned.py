"""After a gap: the questions that were out say that a tap may have been lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.telegram.paper import Bubble
from bot.telegram.views import question
from bot.telegram.words import Words
from core.ports import Letter, Transaction
from core.returning import heard
from core.service import Asked
from core.worker import Worker


def beat(tx: Transaction, now: datetime) -> int:
    """Notes that the bot hears, and refreshes what was out where it had not for too long; how many questions."""
    found = heard(tx, now)
    letters = [letter for asked, worker in found for letter in _refreshed(tx, asked, worker)]
    tx.post(letters)
    return len(found)


def _refreshed(tx: Transaction, asked: Asked, worker: Worker) -> list[Letter]:
    """Its bubble, rewritten: an edit makes no sound. Nothing where it was never shown: its letter is on its way."""
    number = tx.bubble(asked.question.id)
    if number is None:
        return []
    say = Words.of(worker.language)
    line = say("I was away for a while. If you have answered this, please tap once more.")
    bubble = Bubble(number, asked.item.content.medium.is_file)
    letters = question(asked, say, worker.account.number, line, bubble=bubble)
    return [replace(letter, bulk=True) for letter in letters]
