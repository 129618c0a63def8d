"""Forgetting people: who was kept out, by a keyed hash; who withdrew from a version; words that may be blanked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Written words stay as they are, save that those of a withdrawn question may become empty.
WORDS_STAY_SQLITE = """
CREATE TRIGGER written_no_UPDATE BEFORE UPDATE ON written
WHEN NOT (
    NEW.text = '' AND NEW.question = OLD.question AND NEW.lease = OLD.lease
    AND EXISTS (SELECT 1 FROM question WHERE id = OLD.question AND state = 'withdrawn')
)
BEGIN SELECT RAISE(ABORT, 'written is append-only'); END
"""
WORDS_STAY_POSTGRESQL = """
CREATE FUNCTION words_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.text = '' AND NEW.question = OLD.question AND NEW.lease = OLD.lease
        AND EXISTS (SELECT 1 FROM question WHERE id = OLD.question AND state = 'withdrawn')
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'written is append-only' USING ERRCODE = 'restrict_violation';
END $$
"""
NOW_POSTGRESQL = (
    "DROP TRIGGER written_append_only ON written",
    WORDS_STAY_POSTGRESQL,
    "CREATE TRIGGER written_no_delete BEFORE DELETE ON written FOR EACH ROW EXECUTE FUNCTION append_only()",
    "CREATE TRIGGER written_no_update BEFORE UPDATE ON written FOR EACH ROW EXECUTE FUNCTION words_stay()",
)


def upgrade() -> None:
    op.add_column("version", sa.Column("withdrawn", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "bar",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("admission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_bar_campaign")),
        sa.PrimaryKeyConstraint("digest", "campaign", name=op.f("pk_bar")),
    )
    op.create_table(
        "secret",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_secret_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in ("DROP TRIGGER written_no_UPDATE", WORDS_STAY_SQLITE) if sqlite else NOW_POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("who was forgotten stays forgotten: restore the copy that was kept")
