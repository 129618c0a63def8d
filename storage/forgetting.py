"""Forgetting a person, over SQL."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

from sqlalchemy import delete, select, text, update

from core.ids import Account, CampaignId, UpdateId, WorkerId
from core.question import Answer
from core.worker import Admission, Enrolment, Worker
from storage import mapping
from storage.part import Part
from storage.questions import ANSWER, ENROLMENT, QUESTION, stands
from storage.sql import Statement, fixed, given, insert
from storage.tables import TABLES

WORKER, INBOX, OUTBOX, VERSION, BAR, SECRET, WRITTEN = (
    TABLES[name] for name in ("worker", "inbox", "outbox", "version", "bar", "secret", "written")
)
CHANNEL = "forgotten"  # of accounts that are none: their number is the worker's own

ENROLMENTS_OF = Statement(select(ENROLMENT).where(ENROLMENT.c.worker == given("worker")).order_by(ENROLMENT.c.campaign))
ANSWERS_BY = Statement(
    select(ANSWER)
    .join(QUESTION, stands)
    .where(QUESTION.c.worker == given("worker"), QUESTION.c.campaign == given("campaign"))
    .order_by(ANSWER.c.item)
)
ANONYMISE = Statement(
    update(WORKER)
    .where(WORKER.c.id == given("of"))
    .values(
        channel=fixed(f"'{CHANNEL}'"), number=WORKER.c.id, language=fixed("''"), consent=fixed("0"),
        campaign=fixed("NULL"), reachable=fixed("false"),
    )
)  # fmt: skip
BLANK_WORDS = Statement(
    update(WRITTEN)
    .where(
        WRITTEN.c.question.in_(
            select(QUESTION.c.id).where(QUESTION.c.worker == given("worker"), text("state = 'withdrawn'"))
        )
    )
    .values(text=fixed("''"))
)
LETTERS = Statement(delete(OUTBOX).where(OUTBOX.c.chat == given("number")))
CLEARED = {"person": fixed("0"), "body": fixed("''"), "reason": fixed("''")}
UPDATE = Statement(update(INBOX).where(INBOX.c.id == given("of")).values(**CLEARED))
UPDATES = Statement(update(INBOX).where(INBOX.c.person == given("number"), text("state <> 'new'")).values(**CLEARED))
COUNT = Statement(
    update(VERSION)
    .where(VERSION.c.campaign == given("campaign"), VERSION.c.created_at > given("since"))
    .values(withdrawn=fixed("withdrawn + 1"))
)
ADD_KEY = Statement(insert("secret").on_conflict_do_nothing())
KEY = Statement(select(SECRET.c.key))
_bar = insert("bar")
KEEP_BAR = Statement(
    _bar.on_conflict_do_update(
        index_elements=[BAR.c.digest, BAR.c.campaign], set_={"admission": _bar.excluded.admission}
    )
)
RECALL_BAR = Statement(
    delete(BAR).where(BAR.c.digest == given("digest"), BAR.c.campaign == given("campaign")).returning(BAR.c.admission)
)


class Forgetting(Part):
    __slots__ = ()

    def enrolments_of(self, worker: WorkerId) -> list[Enrolment]:
        return [mapping.enrolment(row) for row in self.cursor.rows(ENROLMENTS_OF, worker=worker)]

    def answers_by(self, campaign: CampaignId, worker: WorkerId) -> list[Answer]:
        return [mapping.answer(row) for row in self.cursor.rows(ANSWERS_BY, campaign=campaign, worker=worker)]

    def anonymise(self, worker: Worker) -> Worker:
        self.cursor.change(ANONYMISE, {"of": worker.id})
        return nobody(worker)

    def blank_words(self, worker: WorkerId) -> None:
        self.cursor.change(BLANK_WORDS, {"worker": worker})

    def clear_letters(self, account: Account) -> None:
        self.cursor.change(LETTERS, {"number": account.number})

    def clear_update(self, update: UpdateId) -> None:
        self.cursor.change(UPDATE, {"of": update})

    def clear_updates(self, account: Account) -> None:
        self.cursor.change(UPDATES, {"number": account.number})

    def count_withdrawal(self, campaign: CampaignId, since: datetime) -> None:
        self.cursor.change(COUNT, {"campaign": campaign, "since": mapping.micros(since)})

    def keep_bar(self, campaign: CampaignId, account: Account, admission: Admission) -> None:
        self.cursor.change(ADD_KEY, {"id": 1, "key": secrets.token_bytes(32)})
        values = {"digest": self._digest(account), "campaign": campaign, "admission": admission.value}
        self.cursor.change(KEEP_BAR, values)

    def recall_bar(self, campaign: CampaignId, account: Account) -> Admission | None:
        digest = self._digest(account)
        row = self.cursor.row(RECALL_BAR, digest=digest, campaign=campaign) if digest else None
        return None if row is None else Admission(row[0])

    def _digest(self, account: Account) -> str:
        """Empty as long as nobody was ever kept out and then forgotten."""
        row = self.cursor.row(KEY)
        return digest(bytes(row[0]), account) if row else ""


def digest(key: bytes, account: Account) -> str:
    """A name for an account that tells nothing to whoever lacks the key."""
    return hmac.digest(key, f"{account.channel}:{account.number}".encode(), "sha256").hex()


def known(number: str) -> str:
    """A condition: this column is the number of somebody whom we know."""
    return f"EXISTS (SELECT 1 FROM worker WHERE worker.channel = 'telegram' AND worker.number = {number})"


def nobody(worker: Worker) -> Worker:
    """The worker without a person; no messenger has such an account."""
    return Worker(worker.id, Account(CHANNEL, worker.id), "", 0, None, reachable=False)
