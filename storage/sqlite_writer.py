"""SQLite's one writer: a batch of units is one transaction and one fsync."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Sequence

from core.errors import Conflict
from storage.engine import Database
from storage.sql import Cursor, Kind
from storage.unit import Unit, settle

BATCH = 128  # units in one commit


class SqliteThread(threading.Thread):
    """Takes what waits, runs each unit under a savepoint of its own, commits once, wakes the callers."""

    def __init__(self, database: Database, units: queue.SimpleQueue[Unit | None]) -> None:
        super().__init__(name="writer", daemon=True)
        self._connection: sqlite3.Connection = database.connect()
        self._units = units

    def run(self) -> None:
        cursor = Cursor(self._connection.cursor(), Kind.SQLITE)
        open_ = True
        while open_:
            batch, open_ = self._waiting()
            if batch:
                self._write(batch, cursor)
                settle(batch)
        self._connection.close()

    def _waiting(self) -> tuple[list[Unit], bool]:
        """At least one unit, and whether more may come."""
        first = self._units.get()
        batch: list[Unit] = []
        while first is not None:
            if not first.future.cancelled():
                batch.append(first)
            if len(batch) >= BATCH:
                return batch, True
            try:
                first = self._units.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write(self, batch: Sequence[Unit], cursor: Cursor) -> None:
        execute = cursor.raw.execute
        try:
            execute("BEGIN IMMEDIATE")
            if len(batch) == 1:
                self._alone(batch[0], cursor)
            else:
                for unit in batch:
                    execute("SAVEPOINT unit")
                    if not _attempt(unit, cursor):
                        execute("ROLLBACK TO unit")
                    execute("RELEASE unit")
            if self._connection.in_transaction:
                execute("COMMIT")
        except sqlite3.Error as error:  # a full disk, a database away: nobody in this batch has been written
            if self._connection.in_transaction:
                self._connection.rollback()
            for unit in batch:
                unit.result, unit.error = None, unit.error or error

    def _alone(self, unit: Unit, cursor: Cursor) -> None:
        if not _attempt(unit, cursor) and self._connection.in_transaction:
            cursor.raw.execute("ROLLBACK")


def _attempt(unit: Unit, cursor: Cursor) -> bool:
    try:
        unit.result = unit.work(cursor)
    except sqlite3.IntegrityError as error:
        unit.error = Conflict(f"Somebody else was first ({error}).")
        unit.error.__cause__ = error
    except Exception as error:  # the outermost loop of the writer: whatever it is belongs to the caller
        unit.error = error
    return unit.error is None
