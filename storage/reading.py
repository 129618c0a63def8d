"""Whole campaigns as arrays and lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import BigInteger, func, literal_column, or_, select, text, type_coerce

from core.ids import CampaignId, ItemId, WorkerId
from core.ports import Consensus, Snapshot
from storage import mapping
from storage.campaigns import find_campaign
from storage.questions import ANSWER, ENROLMENT, ITEM, QUESTION, stands
from storage.sql import Cursor, DbRow, Statement, given

ITEMS = Statement(select(ITEM).where(ITEM.c.campaign == given("campaign")).order_by(ITEM.c.id))
CONSENSUS = ITEMS
FACTS = Statement(
    select(ANSWER.c.item, ANSWER.c.worker, ANSWER.c.latency_ms, ANSWER.c.evidence, QUESTION.c.form, QUESTION.c.shown)
    .join(QUESTION, stands)
    .where(ANSWER.c.campaign == given("campaign"), ANSWER.c.counted)
    .order_by(ANSWER.c.seq)
)
RETRACTED = Statement(
    select(ANSWER.c.item)
    .distinct()
    .join(QUESTION, ANSWER.c.question == QUESTION.c.id)
    .where(
        ANSWER.c.campaign == given("campaign"),
        ANSWER.c.counted,
        or_(ANSWER.c.lease != QUESTION.c.lease, text("question.state <> 'answered'")),
    )
)
ANSWERS = Statement(
    select(ITEM.c.name, *ANSWER.columns, *QUESTION.columns)
    .select_from(ANSWER)
    .join(QUESTION, stands)
    .join(ITEM, ITEM.c.id == ANSWER.c.item)
    .where(ANSWER.c.campaign == given("campaign"))
    .order_by(ANSWER.c.seq)
)
GONE = Statement(
    select(ENROLMENT.c.worker).where(ENROLMENT.c.campaign == given("campaign"), text("admission = 'withdrawn'"))
)
DAY = "86400000000"  # microseconds
_ago = type_coerce(given("now") - ANSWER.c.answered_at, BigInteger) // literal_column(DAY, BigInteger)
TEMPO = Statement(
    select(_ago, func.count())
    .where(ANSWER.c.campaign == given("campaign"), ANSWER.c.answered_at > given("since"))
    .group_by(_ago)
)
QUESTION_AT = 1 + len(ANSWER.columns)  # in a row of ANSWERS


def snapshot(cursor: Cursor, campaign: CampaignId) -> Snapshot:
    """NotFound where there is no such campaign."""
    found = find_campaign(cursor, campaign)
    items = [mapping.item(row) for rows in cursor.chunks(ITEMS, campaign=campaign) for row in rows]
    numbers, bits, asked_as = [np.zeros((0, 3), dtype=np.int64)], list[int](), list[tuple[str, int]]()
    for facts in cursor.chunks(FACTS, campaign=campaign):
        *columns, evidence, forms, shown = zip(*facts, strict=True)
        asked_as.extend(zip(forms, (part.count(",") + bool(part) for part in shown), strict=True))
        numbers.append(np.array(columns, dtype=np.int64).T)
        bits.extend(map(int, evidence))
    item, worker, latency = np.concatenate(numbers).T
    workers, answer_worker = np.unique(worker, return_inverse=True)
    return Snapshot(
        campaign=found,
        items=items,
        workers=[WorkerId(one) for one in workers.tolist()],
        answer_item=np.searchsorted(np.array([one.id for one in items], dtype=np.int64), item).astype(np.int64),
        answer_worker=answer_worker.astype(np.int64),
        answer_bits=bits,
        latency_ms=latency,
        asked_as=asked_as,
        retracted=frozenset(ItemId(row[0]) for row in cursor.rows(RETRACTED, campaign=campaign)),
        withdrawn=len(cursor.rows(GONE, campaign=campaign)),
    )


def consensus(row: DbRow) -> Consensus:
    item = mapping.item(row)
    return Consensus(
        item.name, item.content, item.role, item.verdict, item.truth, item.posterior, item.answers, item.spoken
    )


def tempo(cursor: Cursor, campaign: CampaignId, now: datetime, days: int) -> list[int]:
    since = mapping.micros(now - timedelta(days=days))
    rows = cursor.rows(TEMPO, campaign=campaign, now=mapping.micros(now), since=since)
    return by_age({max(int(ago), 0): count for ago, count in rows})


def by_age(found: Mapping[int, int]) -> list[int]:
    """Counts by age in days -> the oldest first, with the days between that have none."""
    return [found.get(ago, 0) for ago in range(max(found, default=-1), -1, -1)]
