"""Task chains, what they fed, and the words of written answers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REFUSE_SQLITE = """
CREATE TRIGGER written_no_{verb} BEFORE {verb} ON written
BEGIN SELECT RAISE(ABORT, 'written is append-only'); END
"""
REFUSE_POSTGRESQL = """
CREATE TRIGGER written_append_only BEFORE UPDATE OR DELETE ON written
FOR EACH ROW EXECUTE FUNCTION append_only()
"""


def whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def words(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "chain",
        sa.Column("id", number, autoincrement=True, nullable=False),
        whole("source"),
        whole("label"),
        whole("target"),
        flag("apart"),
        sa.CheckConstraint("source <> target", name=op.f("ck_chain_ends")),
        sa.ForeignKeyConstraint(["source"], ["campaign.id"], name=op.f("fk_chain_source")),
        sa.ForeignKeyConstraint(["target"], ["campaign.id"], name=op.f("fk_chain_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain")),
        sa.UniqueConstraint("source", "label", "target", name=op.f("uq_chain_source_label_target")),
    )
    op.create_table(
        "fed",
        whole("item"),
        whole("chain"),
        whole("source"),
        whole("target"),
        words("candidate"),
        flag("apart"),
        words("state"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name=op.f("fk_fed_item")),
        sa.ForeignKeyConstraint(["chain"], ["chain.id"], name=op.f("fk_fed_chain")),
        sa.ForeignKeyConstraint(["source"], ["item.id"], name=op.f("fk_fed_source")),
        sa.ForeignKeyConstraint(["target"], ["campaign.id"], name=op.f("fk_fed_target")),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_fed")),
        sa.UniqueConstraint("source", "target", "candidate", name=op.f("uq_fed_source_target_candidate")),
    )
    op.create_index("ix_fed_chain", "fed", ["chain"])
    op.create_table(
        "written",
        words("question"),
        whole("lease"),
        words("text"),
        sa.ForeignKeyConstraint(
            ["question", "lease"], ["answer.question", "answer.lease"], name=op.f("fk_written_question")
        ),
        sa.PrimaryKeyConstraint("question", "lease", name=op.f("pk_written")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(REFUSE_SQLITE.format(verb=verb))
    else:
        op.execute(REFUSE_POSTGRESQL)


def downgrade() -> None:
    for table in ("written", "fed", "chain"):
        op.drop_table(table)
