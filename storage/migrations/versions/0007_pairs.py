"""Items that are pairs: a second text, and ids of the two things that an item compares."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("other", "sides"):
        op.add_column("item", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    for name in ("sides", "other"):
        op.drop_column("item", name)
