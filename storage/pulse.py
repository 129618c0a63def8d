"""When the bot was last known to hear, and what was out while it did not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from core.question import Question, QuestionState
from core.worker import Worker
from storage import mapping
from storage.part import Part
from storage.sql import Statement, fixed, given, insert
from storage.tables import TABLES

PULSE, QUESTION, WORKER = TABLES["pulse"], TABLES["question"], TABLES["worker"]

LAST = Statement(select(PULSE.c.at).with_for_update())
_beat = insert("pulse", id=fixed("1"))
BEAT = Statement(_beat.on_conflict_do_update(index_elements=[PULSE.c.id], set_={"at": _beat.excluded["at"]}))
UNANSWERED = (QuestionState.LIVE, QuestionState.EXPIRED)
OUT = {  # one for each state, so that each has its partial index
    state: Statement(
        select(*QUESTION.columns, *WORKER.columns)
        .join(WORKER, WORKER.c.id == QUESTION.c.worker)
        .where(
            QUESTION.c.state == fixed(f"'{state.value}'"),
            QUESTION.c.expires_at >= given("since"),
            QUESTION.c.asked_at <= given("until"),
            WORKER.c.reachable,
        )
    )
    for state in UNANSWERED
}
WIDTH = len(QUESTION.columns)


class Pulse(Part):
    __slots__ = ()

    def beat(self, now: datetime) -> datetime | None:
        row = self.cursor.row(LAST)
        self.cursor.change(BEAT, {"at": mapping.micros(now)})
        return None if row is None else mapping.moment(row[0])

    def out_between(self, since: datetime, until: datetime) -> list[tuple[Question, Worker]]:
        window = {"since": mapping.micros(since), "until": mapping.micros(until)}
        rows = [row for state in UNANSWERED for row in self.cursor.rows(OUT[state], **window)]
        found = [(mapping.question(row[:WIDTH]), mapping.worker(row[WIDTH:])) for row in rows]
        return sorted(found, key=lambda pair: (pair[0].item, pair[0].worker))
