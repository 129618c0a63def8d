"""What a version thought of an item when it was asked, and whether the worker was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("question", sa.Column("suggested", sa.BigInteger(), nullable=True))
    op.add_column("question", sa.Column("revealed", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("question", "revealed")
    op.drop_column("question", "suggested")
