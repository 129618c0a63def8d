"""Who may be asked, and why somebody is suspected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW = (
    ("admission", sa.Text(), "'open'"),
    ("surprise", sa.Float(), "0"),
    ("suspicions", sa.Text(), "'{}'"),
)


def upgrade() -> None:
    for name, kind, start in NEW:
        op.add_column("enrolment", sa.Column(name, kind, nullable=False, server_default=sa.text(start)))


def downgrade() -> None:
    for name, _, _ in reversed(NEW):
        op.drop_column("enrolment", name)
