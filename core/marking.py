"""A question whose labels, or words, are each marked or left, one tap at a time; "done" makes an answer of it.

What is marked lies with the question, and a button says what its label shall be, not that it shall change. So two taps
that overtake the screen both count, a double tap counts once, a button of an old screen does what it says, and a phone
that was off goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import replace

from core.forms import Form, Layout
from core.ids import QuestionId
from core.ports import Transaction
from core.service import Asked
from core.tapping import Outcome, Tapped, turn
from core.worker import Worker


def mark(
    tx: Transaction, worker: Worker, question_id: QuestionId, lease: int, label: int, on: bool
) -> Asked | Tapped:
    """The question with a label marked or left; the same question where it is so already; or why not."""
    found = turn(tx, worker, question_id, lease)
    if isinstance(found, Tapped):
        return found
    question = found.question
    if question.layout.form is not Form.TOGGLE or not 0 <= label < len(found.item.posterior):
        return Tapped(Outcome.STALE, found.campaign, question)
    marked = {*question.layout.shown, label} if on else {*question.layout.shown} - {label}
    layout = Layout(Form.TOGGLE, tuple(sorted(marked)))
    if layout == question.layout:
        return found
    question = replace(question, layout=layout)
    tx.save_question(question)
    return replace(found, question=question)
