"""Questions and answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select, text, update

from core.anchoring import Arm
from core.errors import Conflict
from core.evidence import Evidence
from core.ids import CampaignId, ItemId, QuestionId, WorkerId
from core.question import Answer, Question, QuestionState
from core.reliability import Reliability
from storage import mapping
from storage.part import Part
from storage.sql import START, Statement, fixed, given, insert
from storage.tables import LIVE, TABLES

QUESTION, ANSWER, ITEM, ENROLMENT = (TABLES[name] for name in ("question", "answer", "item", "enrolment"))

stands = and_(
    ANSWER.c.question == QUESTION.c.id, ANSWER.c.lease == QUESTION.c.lease, text("question.state = 'answered'")
)

_theirs = (QUESTION.c.worker == given("worker"), QUESTION.c.campaign == given("campaign"))

FIND_QUESTION = Statement(select(QUESTION).where(QUESTION.c.id == given("of")).with_for_update(key_share=True))
FIND_ANSWER = Statement(select(ANSWER).where(ANSWER.c.question == given("question"), ANSWER.c.lease == given("lease")))
# One for each state: SQLite compiles a statement anew at every run when a value that is given then may make a
# partial index ("live") usable.
LATEST = {
    state: Statement(
        select(QUESTION)
        .where(*_theirs, QUESTION.c.state == fixed(f"'{state.value}'"))
        .order_by(QUESTION.c.asked_at.desc(), QUESTION.c.seq.desc())
        .limit(fixed("1"))
        .offset(START)
    )
    for state in QuestionState
}
ANSWERS_OF = Statement(
    select(*ANSWER.columns, ENROLMENT.c.reliability)
    .join(QUESTION, stands)
    .join(ENROLMENT, (ENROLMENT.c.campaign == ANSWER.c.campaign) & (ENROLMENT.c.worker == ANSWER.c.worker))
    .where(ANSWER.c.item == given("item"), ANSWER.c.counted)
    .order_by(ANSWER.c.seq)
)
SETTLED_WITH = Statement(
    select(func.count())
    .select_from(QUESTION)
    .join(ITEM, ITEM.c.id == QUESTION.c.item)
    .where(*_theirs, text("state = 'answered' AND verdict = 'settled' AND role <> 'control'"))
)
ARMS = Statement(
    select(QUESTION.c.revealed, QUESTION.c.suggested, ANSWER.c.evidence, func.count())
    .select_from(ANSWER)
    .join(QUESTION, stands)
    .where(ANSWER.c.campaign == given("campaign"), text("revealed IS NOT NULL"))
    .group_by(QUESTION.c.revealed, QUESTION.c.suggested, ANSWER.c.evidence)
)
OVERDUE = Statement(
    select(QUESTION)
    .where(text(LIVE), QUESTION.c.expires_at <= given("now"))
    .order_by(QUESTION.c.expires_at)
    .limit(given("limit"))
    .offset(START)
)
BUBBLE = Statement(select(QUESTION.c.bubble).where(QUESTION.c.id == given("of")))
ADD_QUESTION = Statement(insert("question", "seq", bubble=fixed("NULL")).on_conflict_do_nothing())
SAVED = ("form", "shown", "lease", "state", "asked_at", "expires_at")
SAVE_QUESTION = Statement(
    update(QUESTION).where(QUESTION.c.id == given("of")).values({name: given(name) for name in SAVED})
)
ADD_ANSWER = Statement(insert("answer", "seq").on_conflict_do_nothing())


class Questions(Part):
    __slots__ = ()

    def question(self, question: QuestionId) -> Question | None:
        row = self.cursor.row(FIND_QUESTION, of=question)
        return None if row is None else mapping.question(row)

    def answer(self, question: QuestionId, lease: int) -> Answer | None:
        row = self.cursor.row(FIND_ANSWER, question=question, lease=lease)
        return None if row is None else mapping.answer(row)

    def latest(self, campaign: CampaignId, worker: WorkerId, state: QuestionState) -> Question | None:
        row = self.cursor.row(LATEST[state], campaign=campaign, worker=worker)
        return None if row is None else mapping.question(row)

    def answers_of(self, item: ItemId) -> list[tuple[Answer, Reliability]]:
        rows = self.cursor.rows(ANSWERS_OF, item=item)
        return [(mapping.answer(row[:-1]), Reliability(mapping.unpacked(row[-1]))) for row in rows]

    def arms(self, campaign: CampaignId) -> tuple[Arm, Arm]:
        found = {True: [0, 0], False: [0, 0]}
        for revealed, suggested, evidence, count in self.cursor.rows(ARMS, campaign=campaign):
            found[bool(revealed)][0] += count
            found[bool(revealed)][1] += count * (int(evidence) == Evidence.of(suggested).bits)
        return Arm(*found[True]), Arm(*found[False])

    def settled_with(self, campaign: CampaignId, worker: WorkerId) -> int:
        return int(self.cursor.rows(SETTLED_WITH, campaign=campaign, worker=worker)[0][0])

    def overdue(self, now: datetime, limit: int) -> list[Question]:
        return [mapping.question(row) for row in self.cursor.rows(OVERDUE, now=mapping.micros(now), limit=limit)]

    def bubble(self, question: QuestionId) -> int | None:
        row = self.cursor.row(BUBBLE, of=question)
        return None if row is None else row[0]

    def add_question(self, question: Question) -> None:
        if not self.cursor.change(ADD_QUESTION, mapping.new_question_values(question)):
            raise Conflict("This worker has a live question already, or has met this item.")

    def save_question(self, question: Question) -> None:
        self.cursor.change(SAVE_QUESTION, mapping.question_values(question) | {"of": question.id})

    def add_answer(self, answer: Answer) -> None:
        if not self.cursor.change(ADD_ANSWER, mapping.answer_values(answer)):
            raise Conflict("This lease is answered already.")
