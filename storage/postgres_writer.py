"""PostgreSQL's writers: a few threads, each with a connection; a unit is a transaction."""

from __future__ import annotations

import queue
import threading
from typing import Any

import psycopg
from psycopg import errors

from core.errors import Conflict
from storage.engine import Database
from storage.sql import Cursor, Kind
from storage.unit import Unit, settle

TRIES = 8  # of a unit that met a deadlock or a serialization failure
CLASHES = (errors.DeadlockDetected, errors.SerializationFailure)
REFUSALS = (psycopg.IntegrityError,)


class PostgresThread(threading.Thread):
    """Takes one unit at a time; the server commits those of several threads together."""

    def __init__(self, database: Database, units: queue.SimpleQueue[Unit | None]) -> None:
        super().__init__(name="writer", daemon=True)
        self._database = database
        self._connection: psycopg.Connection[Any] = database.connect()
        self._units = units

    def run(self) -> None:
        while (unit := self._units.get()) is not None:
            if not unit.future.cancelled():
                self._write(unit)
                settle([unit])
        self._connection.close()

    def _write(self, unit: Unit) -> None:
        try:
            if self._connection.closed:
                self._connection = self._database.connect()
            for attempt in range(1, TRIES + 1):
                try:
                    with self._connection.transaction(), self._connection.cursor() as raw:
                        unit.result = unit.work(Cursor(raw, Kind.POSTGRESQL))
                    return
                except CLASHES:
                    if attempt == TRIES:
                        raise
        except REFUSALS as error:
            unit.error = Conflict(f"Somebody else was first ({str(error).strip().splitlines()[0]}).")
            unit.error.__cause__ = error
        except Exception as error:  # the outermost loop of the writer: whatever it is belongs to the caller
            unit.error = error
