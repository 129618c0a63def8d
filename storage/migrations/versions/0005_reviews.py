"""What admins say of items."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REFUSE_SQLITE = """
CREATE TRIGGER review_no_{verb} BEFORE {verb} ON review
BEGIN SELECT RAISE(ABORT, 'review is append-only'); END
"""
REFUSE_POSTGRESQL = """
CREATE TRIGGER review_append_only BEFORE UPDATE OR DELETE ON review
FOR EACH ROW EXECUTE FUNCTION append_only()
"""


def whole(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "review",
        sa.Column("seq", number, autoincrement=True, nullable=False),
        whole("campaign"),
        whole("item"),
        whole("admin"),
        sa.Column("ruling", sa.Text(), nullable=False),
        whole("label", nullable=True),
        sa.Column("posterior", sa.LargeBinary(), nullable=False),
        whole("at"),
        sa.CheckConstraint("(ruling = 'label') = (label IS NOT NULL)", name=op.f("ck_review_label")),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_review_campaign")),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name=op.f("fk_review_item")),
        sa.ForeignKeyConstraint(["admin"], ["worker.id"], name=op.f("fk_review_admin")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_review")),
    )
    op.create_index("ix_review_item", "review", ["item"])
    op.create_index("ix_review_campaign", "review", ["campaign"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(REFUSE_SQLITE.format(verb=verb))
    else:
        op.execute(REFUSE_POSTGRESQL)


def downgrade() -> None:
    op.drop_table("review")
