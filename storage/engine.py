"""From a database's URL to connections that keep what they acknowledge, or a refusal in one sentence."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import BadInput, Refused
from storage.sql import Kind

PATIENCE_MS = 60_000  # how long SQLite waits for the other writer (the night)
PLACE = "storage.url"
EXAMPLE = "write sqlite:///state/crowdloop.db or postgresql://user@host/crowdloop."


@dataclass(frozen=True, slots=True)
class Database:
    """Where the facts are kept."""

    kind: Kind
    url: URL  # SQLAlchemy's, with its driver

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.database or "")

    def connect(self) -> Any:
        """A sqlite3 or psycopg connection, in autocommit (transactions begin by name); Refused where it is not safe."""
        return _sqlite(self.path) if self.kind is Kind.SQLITE else _postgresql(self.url)


def parse(url: str) -> Database:
    """BadInput for anything but a SQLite file or a PostgreSQL server."""
    try:
        found = make_url(url)
    except ArgumentError:
        raise BadInput(PLACE, f"is no database URL; {EXAMPLE}") from None
    name = found.get_backend_name()
    if name == "sqlite":
        if not found.database or found.database == ":memory:":
            raise BadInput(PLACE, "SQLite in memory would forget every answer; " + EXAMPLE)
        return Database(Kind.SQLITE, found.set(drivername="sqlite"))
    if name in ("postgresql", "postgres"):
        return Database(Kind.POSTGRESQL, found.set(drivername="postgresql+psycopg"))
    raise BadInput(PLACE, f"{name} is not supported; {EXAMPLE}")


def _sqlite(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=PATIENCE_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"{PLACE}: {path} cannot be opened ({error}).") from error
    if mode != "wal":
        connection.close()
        raise Refused(f"{PLACE}: {path} is in journal mode {mode}; keep it on a local disk where SQLite can use WAL.")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA recursive_triggers=ON")  # so that REPLACE cannot pass the append-only triggers
    connection.execute("PRAGMA cache_size=-65536")  # KiB
    connection.execute("PRAGMA temp_store=MEMORY")  # a savepoint's way back: each unit of a batch has one
    # 32 MB instead of 4: a page that many taps touch is copied once, and the file is synced less often.
    connection.execute("PRAGMA wal_autocheckpoint=8000")  # pages
    return connection


def _postgresql(url: URL) -> psycopg.Connection[Any]:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.Error as error:
        shown = url.render_as_string(hide_password=True)
        raise Refused(f"{PLACE}: no connection to {shown} ({str(error).strip().splitlines()[0]}).") from None
    connection.prepare_threshold = 2
    for setting in ("fsync", "synchronous_commit"):
        row = connection.execute(f"SHOW {setting}").fetchone()
        if row and row[0] == "off":
            connection.close()
            raise Refused(f"{PLACE}: the server runs with {setting}=off and could forget an answer; switch it on.")
    return connection


def warnings(database: Database, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> list[str]:
    """What `doctor` should say of a database that works; sentences."""
    if database.kind is Kind.SQLITE and has_wal_reset_bug(version):
        number = ".".join(map(str, version))
        return [
            f"SQLite {number} has the WAL-reset bug (fixed in 3.51.3, 3.50.7 and 3.44.6), which needs two writers at "
            "once to strike; one bot and one night are rarely that, but back up daily or use a newer SQLite."
        ]
    return []


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """3.7.0 to 3.51.2, except the backports 3.44.6+ and 3.50.7+ (https://sqlite.org/wal.html#walresetbug)."""
    fixed = (version[:2] == (3, 44) and version[2] >= 6) or (version[:2] == (3, 50) and version[2] >= 7)
    return (3, 7, 0) <= version <= (3, 51, 2) and not fixed
