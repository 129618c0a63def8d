"""A new question for a worker: a control, or an item drawn by worth, laid out in the form that suits both."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

from core.campaign import Campaign, Kind
from core.forms import WORDS, Form, Layout
from core.ids import ItemId, QuestionId
from core.item import Item, Role
from core.ports import Transaction
from core.question import Question, QuestionState
from core.routing import Head, control_chance, draw, dressed, laid_out, priority
from core.worker import Enrolment
from core.worth import ways

TRIES = 8  # items to try for a free seat before saying that there is nothing now


@dataclass(frozen=True, slots=True)
class Chosen:
    """An item with a seat, the probability of its draw, and its buttons."""

    item: Item
    p_select: float
    layout: Layout


def new_question(
    tx: Transaction, campaign: Campaign, enrolment: Enrolment, now: datetime, rng: random.Random
) -> tuple[Question, Item] | None:
    """A question that is out from now on; None where nothing is left that this worker has not met."""
    chosen = _chosen(tx, campaign, enrolment, rng)
    if chosen is None:
        return None
    suggested = suggested_for(campaign, chosen.item, chosen.layout)
    question = Question(
        id=new_question_id(rng),
        campaign=campaign.id,
        item=chosen.item.id,
        worker=enrolment.worker,
        layout=WORDS if campaign.draft.kind is Kind.TEXT else chosen.layout,
        p_select=chosen.p_select,
        lease=0,
        state=QuestionState.LIVE,
        asked_at=now,
        expires_at=now + campaign.policy.lease,
        suggested=suggested,
        revealed=None if suggested is None else rng.random() < campaign.policy.show_suggestion,
    )
    tx.add_question(question)
    return question, chosen.item


def suggested_for(campaign: Campaign, item: Item, layout: Layout) -> int | None:
    """The label that a version thinks likeliest, where an arm of `show_suggestion` is drawn and a button can bear it.

    Never on controls and audit items: a version must not have a voice where it is judged.
    """
    if campaign.policy.show_suggestion <= 0 or item.suggestion is None or item.role is not Role.PLAIN:
        return None
    if layout.form is Form.TOGGLE:  # what is shown is what the worker has marked
        return None
    label = item.suggestion.index(max(item.suggestion))
    return label if layout.form is not Form.YES_NO and label in layout.shown else None


def _chosen(tx: Transaction, campaign: Campaign, enrolment: Enrolment, rng: random.Random) -> Chosen | None:
    head = tx.head(campaign.id, enrolment.worker, campaign.policy.head)
    controls = tx.unmet_controls(campaign.id, enrolment.worker, campaign.policy.head)
    chance = control_chance(campaign, enrolment) if controls else 0.0
    if rng.random() < chance:
        return _control(tx.item(rng.choice(controls)), chance / len(controls), head, campaign, enrolment, rng)
    for _ in range(TRIES):
        drawn = draw(head, enrolment.reliability, campaign, rng)
        if drawn is None:
            return None
        item = seated(tx, campaign, drawn.item)
        if item is not None:
            return Chosen(item, drawn.p_select * (1 - chance), laid_out(drawn.way, drawn.posterior, rng))
        head = head.without(drawn.item)
    return None


def _control(
    item: Item, p_select: float, head: Head, campaign: Campaign, enrolment: Enrolment, rng: random.Random
) -> Chosen:
    """A control in the clothes of an ordinary item of this moment."""
    drawn = draw(head, enrolment.reliability, campaign, rng)
    way, posterior = (ways(campaign)[0], campaign.pool.prior) if drawn is None else (drawn.way, drawn.posterior)
    bare = item.truth is None or way.form is Form.TOGGLE  # toggles look alike, whatever is true
    worn = posterior if bare or item.truth is None else dressed(item.truth, posterior, rng)
    return Chosen(item, p_select, laid_out(way, worn, rng))


def seated(tx: Transaction, campaign: Campaign, item: ItemId) -> Item | None:
    """The item with one more lease, or None where none is free."""
    return tx.take_seat(item, lambda taken: priority(taken, campaign.pool, campaign.policy))


def new_question_id(rng: random.Random) -> QuestionId:
    """An id that nobody can guess, where `rng` is the system's."""
    return QuestionId(urlsafe_b64encode(rng.getrandbits(72).to_bytes(9, "big")).decode())
