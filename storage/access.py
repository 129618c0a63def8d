"""Synchronous reads and writes on connections of their own, opened for each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

from core.errors import Conflict
from storage.engine import Database
from storage.postgres_writer import CLASHES, REFUSALS, TRIES
from storage.sql import Cursor, DbRow, Kind, Statement

T = TypeVar("T")

BEGIN_READING = {Kind.SQLITE: "BEGIN", Kind.POSTGRESQL: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
BEGIN_WRITING = {Kind.SQLITE: "BEGIN IMMEDIATE", Kind.POSTGRESQL: "BEGIN"}
AT_ONCE = 2000  # rows of a stream


class Access:
    """One transaction for each call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, work: Callable[[Cursor], T]) -> T:
        """All that `work` reads is of one moment."""
        return self._once(work, BEGIN_READING)

    def write(self, work: Callable[[Cursor], T]) -> T:
        """All or nothing; Conflict where a constraint says that somebody else was first."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(work, BEGIN_WRITING)
            except CLASHES:
                if attempt == TRIES:
                    raise
            except (sqlite3.IntegrityError, *REFUSALS) as error:
                raise Conflict(f"Somebody else was first ({str(error).strip().splitlines()[0]}).") from error
        raise AssertionError("unreachable")

    def stream(self, statement: Statement, **values: Any) -> Iterator[DbRow]:
        """Rows as they come, of one moment, without holding them all."""
        with closing(self._database.connect()) as connection:
            connection.execute(BEGIN_READING[self._database.kind])
            if self._database.kind is Kind.POSTGRESQL:
                raw = connection.cursor("stream")  # on the server's side
                raw.execute(statement.postgresql, values)
            else:
                raw = connection.execute(statement.sqlite, values)
            while rows := raw.fetchmany(AT_ONCE):
                yield from rows

    def _once(self, work: Callable[[Cursor], T], begin: dict[Kind, str]) -> T:
        kind = self._database.kind
        with closing(self._database.connect()) as connection:
            connection.execute(begin[kind])
            with closing(connection.cursor()) as raw:
                result = work(Cursor(raw, kind))
            connection.execute("COMMIT")  # an error closes the connection, which rolls back
            return result
