"""Workers and their enrolments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from core.errors import Conflict, NotFound
from core.ids import Account, CampaignId, WorkerId
from core.worker import Enrolment, Worker
from storage import mapping
from storage.part import Part
from storage.sql import Statement, given, insert
from storage.tables import TABLES

WORKER, ENROLMENT = TABLES["worker"], TABLES["enrolment"]

FIND_WORKER = Statement(
    select(WORKER)
    .where(WORKER.c.channel == given("channel"), WORKER.c.number == given("number"))
    .with_for_update(key_share=True)
)
ADD_WORKER = Statement(insert("worker", "id").on_conflict_do_nothing().returning(WORKER.c.id))
SAVE_WORKER = Statement(
    update(WORKER)
    .where(WORKER.c.id == given("of"))
    .values({name: given(name) for name in ("language", "consent", "campaign", "reachable")})
)
FIND_PERSON = Statement(select(WORKER).where(WORKER.c.id == given("of")))
ENROLMENTS = Statement(
    select(ENROLMENT).where(ENROLMENT.c.campaign == given("campaign")).order_by(ENROLMENT.c.worker)
)
FIND_ENROLMENT = Statement(
    select(ENROLMENT).where(ENROLMENT.c.campaign == given("campaign"), ENROLMENT.c.worker == given("worker"))
)
_enrolment = insert("enrolment")
SAVE_ENROLMENT = Statement(
    _enrolment.on_conflict_do_update(
        index_elements=[ENROLMENT.c.campaign, ENROLMENT.c.worker],
        set_={
            name: _enrolment.excluded[name]
            for name in (
                "reliability", "answered", "controls", "controls_right", "skipped", "admission", "surprise",
            )
        },
    )
)
LANGUAGE = Statement(
    select(WORKER.c.language).where(WORKER.c.channel == given("channel"), WORKER.c.number == given("number"))
)
ACCOUNTS = Statement(
    select(WORKER.c.id, WORKER.c.channel, WORKER.c.number)
    .join(ENROLMENT, ENROLMENT.c.worker == WORKER.c.id)
    .where(ENROLMENT.c.campaign == given("campaign"))
)


class People(Part):
    __slots__ = ()

    def worker(self, account: Account) -> Worker | None:
        row = self.cursor.row(FIND_WORKER, channel=account.channel, number=account.number)
        return None if row is None else mapping.worker(row)

    def add_worker(self, account: Account, language: str, now: datetime) -> Worker:
        values = {"consent": 0, "campaign": None, "reachable": True, "created_at": mapping.micros(now)}
        row = self.cursor.row(ADD_WORKER, channel=account.channel, number=account.number, language=language, **values)
        if row is None:
            raise Conflict("This account is a worker already.")
        return Worker(WorkerId(row[0]), account, language, 0, None)

    def save_worker(self, worker: Worker) -> None:
        values = {
            "of": worker.id,
            "language": worker.language,
            "consent": worker.consent,
            "campaign": worker.campaign,
            "reachable": worker.reachable,
        }
        self.cursor.change(SAVE_WORKER, values)

    def enrolment(self, campaign: CampaignId, worker: WorkerId) -> Enrolment | None:
        known = self.enrolled
        if known is None or (known.campaign, known.worker) != (campaign, worker):
            row = self.cursor.row(FIND_ENROLMENT, campaign=campaign, worker=worker)
            known = self.enrolled = None if row is None else mapping.enrolment(row)
        return known

    def person(self, worker: WorkerId) -> Worker:
        row = self.cursor.row(FIND_PERSON, of=worker)
        if row is None:
            raise NotFound("worker", worker)
        return mapping.worker(row)

    def enrolments(self, campaign: CampaignId) -> list[Enrolment]:
        return [mapping.enrolment(row) for row in self.cursor.rows(ENROLMENTS, campaign=campaign)]

    def save_enrolment(self, enrolment: Enrolment) -> None:
        self.cursor.change(SAVE_ENROLMENT, mapping.enrolment_values(enrolment))
        known = self.enrolled
        same = known and (known.campaign, known.worker) == (enrolment.campaign, enrolment.worker)
        self.enrolled = enrolment if known and same and known.suspicions == enrolment.suspicions else None
