"""Brings a database to the schema of this release: all of it or nothing, with a copy kept before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from storage.engine import Database, parse
from storage.sql import Kind

HERE = Path(__file__).parent
LOCK = 0x63726F77  # of PostgreSQL's advisory lock: one replica migrates


def migrate(url: str) -> str:
    """Runs the missing migrations in one transaction; the revision reached. Refused where there is no way in."""
    database = parse(url)
    database.connect().close()  # refuses in words
    with opened(database) as connection:
        config = configured(connection)
        head = ScriptDirectory.from_config(config).get_current_head() or ""
        current = MigrationContext.configure(connection).get_current_revision()
        if current == head:
            return head
        if current is not None and database.kind is Kind.SQLITE:
            keep_copy(database.path, current)
        command.upgrade(config, "head")
        return head


def pending(url: str) -> bool:
    """Whether migrations are missing; Refused where there is no way in."""
    database = parse(url)
    database.connect().close()
    with opened(database) as connection:
        head = ScriptDirectory.from_config(configured(connection)).get_current_head()
        return MigrationContext.configure(connection).get_current_revision() != head


def configured(connection: Connection) -> Config:
    """Alembic's configuration, which needs no file."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["batch"] = connection.dialect.name == "sqlite"
    return config


@contextmanager
def opened(database: Database) -> Iterator[Connection]:
    """One transaction, locked against other migrators; begun by name, or SQLite's driver would not."""
    engine = create_engine(database.url, creator=database.connect, poolclass=NullPool)
    with engine.connect() as connection:
        if database.kind is Kind.SQLITE:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        try:
            yield connection
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


def keep_copy(path: Path, revision: str) -> Path:
    """The file as it was, beside it."""
    copy = path.with_name(f"{path.name}.before-{revision}")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy
