"""Alembic's environment: `storage.migrations.migrate` brings the connection, and the transaction around everything."""

from __future__ import annotations

from alembic import context

from storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=context.config.attributes.get("batch", False),
)
with context.begin_transaction():
    context.run_migrations()
