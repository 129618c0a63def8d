"""The kinds of columns that the tables are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Text, text
from sqlmodel import Field, SQLModel

KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only a column named INTEGER
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """A row of a table; it never leaves storage."""

    metadata = MetaData(naming_convention=NAMES)


def counted_up() -> Any:
    """A number that the database gives out."""
    return Field(default=None, sa_column=Column(KEY, primary_key=True, autoincrement=True))


def int64(default: Any = ..., **more: Any) -> Any:
    """64 bits; a time is microseconds since 1970, UTC."""
    return Field(default=default, sa_type=BigInteger, **more)


def string(default: Any = ..., **more: Any) -> Any:
    return Field(default=default, sa_type=Text, **more)


def floats(**more: Any) -> Any:
    """64-bit floats, little-endian, packed."""
    return Field(sa_type=LargeBinary, **more)


def partial(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
