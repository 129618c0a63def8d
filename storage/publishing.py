"""Beliefs, written back where nothing newer has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select, text, update

from core.errors import NotFound
from core.ids import CampaignId, WorkerId
from core.item import Item, Verdict
from core.ports import Beliefs
from core.reliability import Pool
from storage import mapping
from storage.questions import ANSWER, ENROLMENT, ITEM, QUESTION, stands
from storage.sql import Cursor, Statement, fixed, given
from storage.tables import TABLES

CAMPAIGN = TABLES["campaign"]

_unmoved = (
    ITEM.c.id == given("of"),
    ITEM.c.answers == given("known"),
    text("verdict <> 'withdrawn' AND truth IS NULL"),
)
PUBLISH_ITEM = Statement(
    update(ITEM).where(*_unmoved).values({name: given(name) for name in ("posterior", "verdict", "priority")})
)
QUEUE_ITEM = Statement(
    update(ITEM).where(*_unmoved).values({name: given(name) for name in ("worth", "suggestion", "spoken")})
)
_theirs = (ENROLMENT.c.campaign == given("campaign"), ENROLMENT.c.worker == given("worker"))
PUBLISH_RELIABILITY = Statement(update(ENROLMENT).where(*_theirs).values(reliability=given("reliability")))
PUBLISH_SUSPICIONS = Statement(
    update(ENROLMENT)
    .where(*_theirs, ENROLMENT.c.suspicions != given("suspicions"))
    .values(suspicions=given("suspicions"))
)
ANSWERED = Statement(select(ENROLMENT.c.worker, ENROLMENT.c.answered).where(ENROLMENT.c.campaign == given("campaign")))
COUNT_FACTS = Statement(
    select(func.count())
    .select_from(QUESTION)
    .join(ANSWER, stands)
    .where(QUESTION.c.worker == given("worker"), QUESTION.c.campaign == given("campaign"), ANSWER.c.counted)
)
PUBLISH_POOL = Statement(
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id == given("campaign"))
    .values(pool=given("pool"), revision=fixed("revision + 1"))
)


def publish_people(cursor: Cursor, campaign: CampaignId, beliefs: Beliefs) -> None:
    """The pool, the reliabilities, and who is suspected. NotFound where there is no such campaign."""
    write_pool(cursor, campaign, beliefs.pool)
    write_reliabilities(cursor, campaign, beliefs)
    cursor.changes(
        PUBLISH_SUSPICIONS,
        [
            {"campaign": campaign, "worker": worker, "suspicions": mapping.suspicions_text(found)}
            for worker, found in sorted(beliefs.suspicions.items())
        ],
    )


def publish_items(cursor: Cursor, items: Iterable[Item]) -> None:
    """Posterior, verdict and priority of each item that has no newer answer. A refit withdraws nothing: what was
    withdrawn at its snapshot may be back by now."""
    cursor.changes(PUBLISH_ITEM, [_belief(item) for item in items if item.verdict is not Verdict.WITHDRAWN])


def _belief(item: Item) -> Mapping[str, object]:
    return {
        "of": item.id,
        "known": item.answers,
        "posterior": mapping.packed(item.posterior),
        "verdict": item.verdict.value,
        "priority": item.priority,
    }


def write_queue(cursor: Cursor, items: Iterable[Item]) -> None:
    """What a night thinks of the items for tomorrow."""
    cursor.changes(QUEUE_ITEM, map(_thought, items))


def _thought(item: Item) -> Mapping[str, object]:
    suggestion = None if item.suggestion is None else mapping.packed(item.suggestion)
    return {
        "of": item.id,
        "known": item.answers,
        "worth": item.worth,
        "suggestion": suggestion,
        "spoken": item.spoken,
    }


def write_reliabilities(cursor: Cursor, campaign: CampaignId, beliefs: Beliefs) -> None:
    """Of the workers who have as many counted answers that stand as in the snapshot."""
    answered = {worker: count for worker, count in cursor.rows(ANSWERED, campaign=campaign)}

    def unmoved(worker: WorkerId) -> bool:
        seen = beliefs.seen.get(worker)
        if seen is None or answered.get(worker) == seen:  # nearly always; the rest have answers that do not count
            return True
        return bool(cursor.rows(COUNT_FACTS, campaign=campaign, worker=worker)[0][0] == seen)

    cursor.changes(
        PUBLISH_RELIABILITY,
        [
            {"campaign": campaign, "worker": worker, "reliability": mapping.packed(reliability.counts)}
            for worker, reliability in sorted(beliefs.reliabilities.items())
            if unmoved(worker)
        ],
    )


def write_pool(cursor: Cursor, campaign: CampaignId, pool: Pool) -> None:
    if not cursor.change(PUBLISH_POOL, {"campaign": campaign, "pool": pool.to_json()}):
        raise NotFound("campaign", campaign)
