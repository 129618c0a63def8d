"""Statements, written once, compiled once for each database, run on the driver's own cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import BindParameter, ColumnElement, Dialect, bindparam, literal_column
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as insert_row
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement

from storage.tables import TABLES

DbRow = tuple[Any, ...]
CHUNK = 10_000  # rows


class Kind(Enum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


DIALECTS: dict[Kind, Dialect] = {
    Kind.SQLITE: SQLiteDialect_pysqlite(paramstyle="named"),
    Kind.POSTGRESQL: PGDialect_psycopg(),  # type: ignore[no-untyped-call]
}


class Statement:
    """One statement with named values; its text is compiled at first use."""

    def __init__(self, construct: ClauseElement) -> None:
        self._construct = construct

    @cached_property
    def sqlite(self) -> str:
        return self._text(Kind.SQLITE)

    @cached_property
    def postgresql(self) -> str:
        return self._text(Kind.POSTGRESQL)

    def _text(self, kind: Kind) -> str:
        compiled = self._construct.compile(dialect=DIALECTS[kind])
        preset = {name: value for name, value in compiled.params.items() if value is not None}
        if preset:
            raise ValueError(f"{preset} would be lost: write it as a literal")
        return str(compiled)


class RawCursor(Protocol):
    """What sqlite3's and psycopg's cursors have in common."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, text: Any, values: Any = ..., /) -> Any: ...
    def executemany(self, text: Any, values: Any, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def fetchmany(self, size: int, /) -> list[Any]: ...
    def close(self) -> None: ...


class Cursor:
    """Runs statements inside the transaction that somebody else began."""

    __slots__ = ("_attribute", "kind", "raw")

    def __init__(self, raw: RawCursor, kind: Kind) -> None:
        self.raw, self.kind, self._attribute = raw, kind, kind.value

    def rows(self, statement: Statement, **values: Any) -> list[DbRow]:
        self.raw.execute(getattr(statement, self._attribute), values)
        return self.raw.fetchall()

    def chunks(self, statement: Statement, **values: Any) -> Iterator[list[DbRow]]:
        """Many rows, some thousands at a time: a million tuples at once are slow to make and to clear away."""
        self.raw.execute(getattr(statement, self._attribute), values)
        while some := self.raw.fetchmany(CHUNK):
            yield some

    def row(self, statement: Statement, **values: Any) -> DbRow | None:
        """The first row; for a statement that has one at most."""
        self.raw.execute(getattr(statement, self._attribute), values)
        found = self.raw.fetchall()
        return found[0] if found else None

    def change(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """How many rows it changed."""
        self.raw.execute(getattr(statement, self._attribute), values)
        return self.raw.rowcount

    def changes(self, statement: Statement, values: Iterable[Mapping[str, Any]]) -> int:
        """The same statement for each of many values; how many rows changed in all."""
        every = list(values)
        if not every:
            return 0
        self.raw.executemany(getattr(statement, self._attribute), every)
        return self.raw.rowcount


def given(name: str) -> BindParameter[Any]:
    """A value that comes with the call."""
    return bindparam(name)


def fixed(sql: str) -> ColumnElement[Any]:
    """A constant, as SQL, so that partial indexes recognise it."""
    return literal_column(sql)


def insert(table: str, *without: str, **constants: ColumnElement[Any]) -> Insert:
    """Inserts a row whose values come by the columns' names; `without` those that the database gives."""
    target = TABLES[table]
    values: dict[str, Any] = {
        column.name: constants.get(column.name, bindparam(column.name, type_=column.type))
        for column in target.columns
        if column.name not in without
    }
    return insert_row(target).values(values).inline()


START = fixed("0")  # said aloud, as SQLite's dialect would bind it otherwise
