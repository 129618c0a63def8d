"""The first schema; long because a migration keeps its own copy of every table."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ASKABLE = "verdict = 'open' AND role <> 'control' AND seats > answers + leases"
CONTROL = "role = 'control' AND verdict <> 'withdrawn'"
LIVE = "state = 'live'"
APPEND_ONLY = ("answer", "entry")
REFUSE_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
REFUSE_POSTGRESQL = """
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def number_of_its_own(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def whole(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def words(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def packed(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def real(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Float(), nullable=False)


def flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def index(name: str, table: str, columns: list[Any], where: str | None = None, unique: bool = False) -> None:
    clause = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def append_only(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(REFUSE_SQLITE.format(table=table, verb=verb))
    else:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION append_only()"
        )


def upgrade() -> None:
    campaigns_and_items()
    people_and_answers()
    letters_and_files()
    nights()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(REFUSE_POSTGRESQL)
    for table in APPEND_ONLY:
        append_only(table)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first schema: restore the copy that was kept")


def campaigns_and_items() -> None:
    op.create_table(
        "campaign",
        number_of_its_own("id"),
        words("slug"),
        words("draft"),
        words("state"),
        whole("created_at"),
        words("pool"),
        words("serving", nullable=True),
        whole("revision"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("slug", name=op.f("uq_campaign_slug")),
    )
    op.create_table(
        "item",
        number_of_its_own("id"),
        whole("campaign"),
        words("name"),
        words("medium"),
        words("text"),
        words("media"),
        words("role"),
        whole("truth", nullable=True),
        words("reason"),
        words("verdict"),
        packed("posterior"),
        whole("answers"),
        whole("leases"),
        whole("seats", nullable=True),
        whole("problems"),
        real("worth"),
        real("priority"),
        packed("suggestion", nullable=True),
        words("spoken", nullable=True),
        sa.CheckConstraint("role <> 'control' OR truth IS NOT NULL", name=op.f("ck_item_truth")),
        sa.CheckConstraint("answers + leases <= seats", name=op.f("ck_item_seats")),
        sa.CheckConstraint("answers >= 0", name=op.f("ck_item_answers")),
        sa.CheckConstraint("leases >= 0", name=op.f("ck_item_leases")),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_item_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("campaign", "name", name=op.f("uq_item_campaign_name")),
    )
    index("ix_item_control", "item", ["campaign", "id"], where=CONTROL)
    index("ix_item_queue", "item", ["campaign", sa.text("priority DESC"), "id"], where=ASKABLE)
    index("ix_item_progress", "item", ["campaign", "role", "verdict"])


def people_and_answers() -> None:
    op.create_table(
        "worker",
        number_of_its_own("id"),
        words("channel"),
        whole("number"),
        words("language"),
        whole("consent"),
        whole("campaign", nullable=True),
        flag("reachable"),
        whole("created_at"),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_worker_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sa.UniqueConstraint("channel", "number", name=op.f("uq_worker_channel_number")),
    )
    op.create_table(
        "enrolment",
        whole("campaign"),
        whole("worker"),
        packed("reliability"),
        whole("joined_at"),
        whole("answered"),
        whole("controls"),
        whole("controls_right"),
        whole("skipped"),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_enrolment_campaign")),
        sa.ForeignKeyConstraint(["worker"], ["worker.id"], name=op.f("fk_enrolment_worker")),
        sa.PrimaryKeyConstraint("campaign", "worker", name=op.f("pk_enrolment")),
    )
    op.create_table(
        "question",
        number_of_its_own("seq"),
        words("id"),
        whole("campaign"),
        whole("item"),
        whole("worker"),
        words("form"),
        words("shown"),
        real("p_select"),
        whole("lease"),
        words("state"),
        whole("asked_at"),
        whole("expires_at"),
        whole("bubble", nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_question_campaign")),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name=op.f("fk_question_item")),
        sa.ForeignKeyConstraint(["worker"], ["worker.id"], name=op.f("fk_question_worker")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_question")),
        sa.UniqueConstraint("id", name=op.f("uq_question_id")),
        sa.UniqueConstraint("worker", "item", name=op.f("uq_question_worker_item")),
    )
    index("ix_question_latest", "question", ["worker", "campaign", "state", "asked_at"])
    index("ix_question_overdue", "question", ["expires_at"], where=LIVE)
    index("uq_question_live", "question", ["worker", "campaign"], where=LIVE, unique=True)
    op.create_table(
        "answer",
        number_of_its_own("seq"),
        words("question"),
        whole("lease"),
        whole("campaign"),
        whole("item"),
        whole("worker"),
        words("evidence"),
        whole("answered_at"),
        whole("latency_ms"),
        flag("late"),
        flag("counted"),
        sa.ForeignKeyConstraint(["question"], ["question.id"], name=op.f("fk_answer_question")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_answer")),
        sa.UniqueConstraint("question", "lease", name=op.f("uq_answer_question_lease")),
    )
    index("ix_answer_campaign_seq", "answer", ["campaign", "seq"])
    index("ix_answer_item", "answer", ["item"])
    op.create_table(
        "entry",
        number_of_its_own("seq"),
        words("cause"),
        words("side"),
        words("holder"),
        whole("amount"),
        whole("at"),
        sa.CheckConstraint(
            "(side = 'source' AND amount < 0) OR (side = 'target' AND amount > 0)", name=op.f("ck_entry_side")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_entry")),
        sa.UniqueConstraint("cause", "side", name=op.f("uq_entry_cause_side")),
    )
    index("ix_entry_holder", "entry", ["holder", "amount"])


def letters_and_files() -> None:
    op.create_table(
        "inbox",
        number_of_its_own("seq"),
        whole("id"),
        whole("person"),
        words("body"),
        words("state"),
        whole("attempts"),
        words("reason"),
        whole("received_at"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_inbox")),
        sa.UniqueConstraint("id", name=op.f("uq_inbox_id")),
    )
    index("ix_inbox_new", "inbox", ["seq"], where="state = 'new'")
    op.create_table(
        "outbox",
        number_of_its_own("id"),
        whole("chat"),
        words("method"),
        words("body"),
        words("repeat"),
        flag("bulk"),
        words("media"),
        words("filename"),
        words("question", nullable=True),
        whole("message", nullable=True),
        words("state"),
        whole("due_at"),
        whole("attempts"),
        words("reason"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    index("ix_outbox_due", "outbox", ["bulk", "due_at", "id"], where="state = 'due'")
    index("ix_outbox_sending", "outbox", ["id"], where="state = 'sending'")
    op.create_table(
        "media",
        words("sha"),
        words("type"),
        packed("content"),
        words("file_id", nullable=True),
        sa.PrimaryKeyConstraint("sha", name=op.f("pk_media")),
    )


def nights() -> None:
    op.create_table(
        "version",
        words("id"),
        whole("campaign"),
        words("state"),
        whole("created_at"),
        whole("taught"),
        words("judgement", nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_version_campaign")),
        sa.PrimaryKeyConstraint("id", "campaign", name=op.f("pk_version")),
    )
    op.create_table(
        "night",
        whole("campaign"),
        words("night"),
        whole("fence"),
        whole("lease_until"),
        words("stage"),
        words("outcome"),
        words("report"),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_night_campaign")),
        sa.PrimaryKeyConstraint("campaign", "night", name=op.f("pk_night")),
    )
