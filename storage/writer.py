"""The writer: units of work in, each all or nothing, each durable when its future resolves."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from storage.engine import Database
from storage.postgres_writer import PostgresThread
from storage.sql import Cursor, Kind
from storage.sqlite_writer import SqliteThread
from storage.unit import Unit

T = TypeVar("T")

WAITING = 2048  # units; more callers wait outside
POSTGRES_THREADS = 8


class Writer:
    """One thread with group commit for SQLite, a few for PostgreSQL; opened in the constructor, which may refuse."""

    def __init__(self, database: Database, threads: int = POSTGRES_THREADS) -> None:
        self.database = database
        self._units: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(WAITING)
        self._closed = False
        sqlite = database.kind is Kind.SQLITE
        kind = SqliteThread if sqlite else PostgresThread
        self._threads: list[threading.Thread] = [kind(database, self._units) for _ in range(1 if sqlite else threads)]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[Cursor], T]) -> T:
        """Runs `work`, maybe twice, in a transaction of its own. An error of `work` comes out and undoes it."""
        if self._closed:
            raise RuntimeError("the writer is closed")
        async with self._room:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[T] = loop.create_future()
            self._units.put(Unit(work, loop, future))
            return await future

    async def close(self) -> None:
        """Writes what has been handed in, then closes the connections."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._units.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
