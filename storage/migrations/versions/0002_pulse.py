"""When the bot was last known to hear: after a longer gap, questions that were out are shown once more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EXPIRED = sa.text("state = 'expired'")


def upgrade() -> None:
    op.create_table(
        "pulse",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_pulse_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulse")),
    )
    op.create_index(
        "ix_question_expired", "question", ["expires_at"], sqlite_where=EXPIRED, postgresql_where=EXPIRED
    )


def downgrade() -> None:
    op.drop_index("ix_question_expired", "question")
    op.drop_table("pulse")
