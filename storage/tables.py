"""The schema. What must never happen is a constraint here, not a query elsewhere."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Float, Index, LargeBinary, Table, UniqueConstraint, text
from sqlmodel import Field

from storage.chain_tables import FACTS
from storage.columns import Row, counted_up, floats, int64, partial, string
from storage.forgetting_tables import BARS
from storage.review_tables import REVIEWS

# Word for word the same in index and query, the column on the left: else SQLite does not use the index.
ASKABLE = "verdict = 'open' AND role <> 'control' AND seats > answers + leases"
CONTROL = "role = 'control' AND verdict <> 'withdrawn'"
LIVE = "state = 'live'"
EXPIRED = "state = 'expired'"
BLANK = {"server_default": text("''")}


class CampaignRow(Row, table=True):
    __tablename__ = "campaign"
    id: int | None = counted_up()
    slug: str = string(unique=True)
    draft: str = string()  # JSON
    state: str = string()
    created_at: int = int64()
    pool: str = string()  # JSON
    serving: str | None = string(None)  # a version
    revision: int = int64(1)  # grows with each change, so that a cached copy knows that it is old


class ItemRow(Row, table=True):
    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("campaign", "name"),
        CheckConstraint("answers >= 0", "answers"),
        CheckConstraint("leases >= 0", "leases"),
        CheckConstraint("answers + leases <= seats", "seats"),
        CheckConstraint("role <> 'control' OR truth IS NOT NULL", "truth"),
        partial("ix_item_queue", "campaign", text("priority DESC"), "id", where=ASKABLE),
        partial("ix_item_control", "campaign", "id", where=CONTROL),
        Index("ix_item_progress", "campaign", "role", "verdict"),
    )
    id: int | None = counted_up()
    campaign: int = int64(foreign_key="campaign.id")
    name: str = string()
    medium: str = string()
    text: str = string()
    media: str = string("")
    role: str = string()
    truth: int | None = int64(None)
    reason: str = string("")
    verdict: str = string()
    posterior: bytes = floats()
    answers: int = int64(0)
    leases: int = int64(0)
    seats: int | None = int64(None)  # max_overlap; none for a control, which may be asked without end
    problems: int = int64(0)
    worth: float = Field(default=0.5, sa_type=Float)
    priority: float = Field(default=0.5, sa_type=Float)
    suggestion: bytes | None = floats(default=None)
    spoken: str | None = string(None)
    other: str = string("", sa_column_kwargs=BLANK)  # the second text of a pair
    sides: str = string("", sa_column_kwargs=BLANK)  # JSON: ids of what it compares


class WorkerRow(Row, table=True):
    __tablename__ = "worker"
    __table_args__ = (UniqueConstraint("channel", "number"),)
    id: int | None = counted_up()
    channel: str = string()
    number: int = int64()
    language: str = string()
    consent: int = int64(0)
    campaign: int | None = int64(None, foreign_key="campaign.id")
    reachable: bool = Field(default=True, sa_type=Boolean)
    created_at: int = int64()


class EnrolmentRow(Row, table=True):
    __tablename__ = "enrolment"
    campaign: int = int64(primary_key=True, foreign_key="campaign.id")
    worker: int = int64(primary_key=True, foreign_key="worker.id")
    reliability: bytes = floats()
    joined_at: int = int64()
    answered: int = int64(0)
    controls: int = int64(0)
    controls_right: int = int64(0)
    skipped: int = int64(0)
    admission: str = string("open", sa_column_kwargs={"server_default": text("'open'")})
    surprise: float = Field(default=0.0, sa_type=Float, sa_column_kwargs={"server_default": text("0")})
    suspicions: str = string("{}", sa_column_kwargs={"server_default": text("'{}'")})  # JSON: reason -> strength


class QuestionRow(Row, table=True):
    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("worker", "item"),
        partial("uq_question_live", "worker", "campaign", where=LIVE, unique=True),
        partial("ix_question_overdue", "expires_at", where=LIVE),
        partial("ix_question_expired", "expires_at", where=EXPIRED),
        Index("ix_question_latest", "worker", "campaign", "state", "asked_at"),
    )
    seq: int | None = counted_up()
    id: str = string(unique=True)
    campaign: int = int64(foreign_key="campaign.id")
    item: int = int64(foreign_key="item.id")
    worker: int = int64(foreign_key="worker.id")
    form: str = string()
    shown: str = string()  # labels, "0,3,7"
    p_select: float = Field(sa_type=Float)
    lease: int = int64()
    state: str = string()
    asked_at: int = int64()
    expires_at: int = int64()
    bubble: int | None = int64(None)  # the messenger's number of the message that shows it
    suggested: int | None = int64(None)  # label that a version thought likeliest
    revealed: bool | None = Field(default=None, sa_type=Boolean)  # the worker was told; none: no such arm


class AnswerRow(Row, table=True):
    """A fact: a trigger refuses every change."""

    __tablename__ = "answer"
    __table_args__ = (
        UniqueConstraint("question", "lease"),
        Index("ix_answer_campaign_seq", "campaign", "seq"),
        Index("ix_answer_item", "item"),
    )
    seq: int | None = counted_up()
    question: str = string(foreign_key="question.id")
    lease: int = int64()
    campaign: int = int64()
    item: int = int64()
    worker: int = int64()
    evidence: str = string()  # its bits as a decimal number: there may be more than 63 labels
    answered_at: int = int64()
    latency_ms: int = int64()
    late: bool = Field(sa_type=Boolean)
    counted: bool = Field(sa_type=Boolean)


class EntryRow(Row, table=True):
    """One leg of a transfer; a trigger refuses every change. Both legs of a cause come in one statement."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("cause", "side"),
        CheckConstraint("(side = 'source' AND amount < 0) OR (side = 'target' AND amount > 0)", "side"),
        Index("ix_entry_holder", "holder", "amount"),
    )
    seq: int | None = counted_up()
    cause: str = string()
    side: str = string()
    holder: str = string()
    amount: int = int64()  # thousandths of the currency's unit
    at: int = int64()


class InboxRow(Row, table=True):
    __tablename__ = "inbox"
    __table_args__ = (partial("ix_inbox_new", "seq", where="state = 'new'"),)
    seq: int | None = counted_up()
    id: int = int64(unique=True)  # the messenger's number of the update
    person: int = int64()
    body: str = string()
    state: str = string("new")
    attempts: int = int64(0)
    reason: str = string("")
    received_at: int = int64()


class OutboxRow(Row, table=True):
    __tablename__ = "outbox"
    __table_args__ = (
        partial("ix_outbox_due", "bulk", "due_at", "id", where="state = 'due'"),
        partial("ix_outbox_sending", "id", where="state = 'sending'"),
    )
    id: int | None = counted_up()
    chat: int = int64()
    method: str = string()
    body: str = string()  # JSON
    repeat: str = string()
    bulk: bool = Field(sa_type=Boolean)
    media: str = string("")
    filename: str = string("")
    question: str | None = string(None)
    message: int | None = int64(None)
    state: str = string("due")
    due_at: int = int64(0)
    attempts: int = int64(0)
    reason: str = string("")


class MediaRow(Row, table=True):
    __tablename__ = "media"
    sha: str = string(primary_key=True)
    type: str = string()
    content: bytes = Field(sa_type=LargeBinary)
    file_id: str | None = string(None)  # the messenger's own copy


class VersionRow(Row, table=True):
    __tablename__ = "version"
    id: str = string(primary_key=True)
    campaign: int = int64(primary_key=True, foreign_key="campaign.id")
    state: str = string()
    created_at: int = int64()
    taught: int = int64()
    judgement: str | None = string(None)  # JSON
    withdrawn: int = int64(0, sa_column_kwargs={"server_default": text("0")})  # people, since it was made


class NightRow(Row, table=True):
    __tablename__ = "night"
    campaign: int = int64(primary_key=True, foreign_key="campaign.id")
    night: str = string(primary_key=True)  # local date, 2026-11-22
    fence: int = int64()  # the highest of its campaign is the valid one
    lease_until: int = int64()
    stage: str = string("")
    outcome: str = string("running")
    report: str = string("")


class PulseRow(Row, table=True):
    """One row: when the bot was last known to hear Telegram."""

    __tablename__ = "pulse"
    __table_args__ = (CheckConstraint("id = 1", "one"),)
    id: int = int64(primary_key=True)
    at: int = int64()


METADATA = Row.metadata
TABLES: dict[str, Table] = dict(METADATA.tables)
assert TABLES.keys() >= set(BARS)
APPEND_ONLY = ("answer", "entry", *FACTS, *REVIEWS)
