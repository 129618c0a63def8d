"""Migrations and connections: the schema is what the models say, and what is unsafe is refused in words."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from core.errors import BadInput, Refused
from storage import migrations
from storage.engine import has_wal_reset_bug, parse, warnings
from storage.migrations import configured, keep_copy, migrate, opened
from storage.tables import APPEND_ONLY, METADATA, TABLES

NEWEST = max(path.stem[:4] for path in Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))
COLUMN = re.compile(r"CREATE TABLE \w+|(?:[^,()]|\([^()]*\))+")  # between the commas outside the inner brackets


def schema(path: Path) -> dict[str, set[str]]:
    """Name -> the pieces of its CREATE statement, whatever their order and spacing."""
    rows = sqlite3.connect(path).execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'"
    )
    pieces = {name: {piece.strip(" ,()") for piece in COLUMN.findall(" ".join(sql.split()))} for name, sql in rows}
    return {name: found - {""} for name, found in pieces.items() if name != "alembic_version"}


def test_models_and_migrations_agree_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    engine: Engine = create_engine(f"sqlite:///{tmp_path / 'models.db'}")
    METADATA.create_all(engine)
    engine.dispose()
    assert schema(sqlite_template) == schema(tmp_path / "models.db")


@pytest.mark.postgres
def test_models_and_migrations_agree_on_postgresql(postgres_url: str) -> None:
    engine = create_engine(parse(postgres_url).url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
        assert differences == []
        made = definitions(connection)
        connection.execute(text("CREATE SCHEMA twin"))
        connection.execute(text("SET search_path TO twin"))
        METADATA.create_all(connection, checkfirst=False)
        assert definitions(connection) == made
        connection.rollback()
    engine.dispose()


def definitions(connection: object) -> set[str]:
    """Every index and constraint of the current schema, as the server tells it."""
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'alembic_version'"
    checks = (
        "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace AND conname NOT LIKE 'alembic_version%'"
    )
    found = {row[0] for sql in (indexes, checks) for row in connection.execute(text(sql))}  # type: ignore[attr-defined]
    return {definition.replace("twin.", "").replace("public.", "") for definition in found}


def test_every_fact_table_has_its_triggers(sqlite_template: Path) -> None:
    rows = sqlite3.connect(sqlite_template).execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    assert {row[0] for row in rows} == {f"{table}_no_{verb}" for table in APPEND_ONLY for verb in ("UPDATE", "DELETE")}


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'down' / 'a.db'}"
    assert migrate(url) == migrate(url) == NEWEST
    assert [path.name for path in (tmp_path / "deep" / "down").iterdir() if "before" in path.name] == []


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = parse(f"sqlite:///{path}")
    with pytest.raises(ZeroDivisionError), opened(database) as connection:
        command.upgrade(configured(connection), "head")
        raise ZeroDivisionError
    assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert migrate(f"sqlite:///{path}") == NEWEST


def test_a_database_with_content_is_copied_before_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO media VALUES ('abc', 'image/png', x'00', NULL)")
    connection.execute("UPDATE alembic_version SET version_num = 'older'")
    connection.commit()
    copy = keep_copy(path, "older")
    assert copy.name == "a.db.before-older"
    assert sqlite3.connect(copy).execute("SELECT sha FROM media").fetchall() == [("abc",)]


def test_no_time_is_kept_as_text() -> None:
    kinds = {str(column.type) for table in TABLES.values() for column in table.columns}
    assert kinds == {"BIGINT", "TEXT", "BLOB", "FLOAT", "BOOLEAN"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "would forget"),
        ("sqlite:///:memory:", "would forget"),
        ("mysql://root@localhost/x", "mysql is not supported"),
        ("state/crowdloop.db", "no database URL"),
        ("", "no database URL"),
    ],
)
def test_a_wrong_url_is_named(url: str, words: str) -> None:
    with pytest.raises(BadInput, match=f"storage.url: .*{words}.* write sqlite:///state"):
        parse(url)


def test_a_database_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "a.db", tmp_path):
        with pytest.raises(Refused, match="cannot be opened"):
            parse(f"sqlite:///{path}").connect()
    (tmp_path / "b.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Refused, match="cannot be opened"):
        migrate(f"sqlite:///{tmp_path / 'b.db'}")
    with pytest.raises(Refused, match="no connection to postgresql") as refusal:
        parse("postgresql://user:secret@127.0.0.1:1/x").connect()
    assert "secret" not in str(refusal.value)


def test_a_connection_keeps_what_it_acknowledges(tmp_path: Path) -> None:
    connection = parse(f"sqlite:///{tmp_path / 'a.db'}").connect()
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.mark.postgres
def test_a_server_that_may_forget_is_refused(postgres_url: str) -> None:
    separator = "&" if "?" in postgres_url else "?"
    with pytest.raises(Refused, match="synchronous_commit=off"):
        parse(f"{postgres_url}{separator}options=-csynchronous_commit%3Doff").connect()


def test_the_wal_reset_bug_is_told_of(tmp_path: Path) -> None:
    bad = [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 50, 6), (3, 51, 2)]
    good = [(3, 6, 23), (3, 44, 6), (3, 44, 9), (3, 50, 7), (3, 51, 3), (3, 52, 0)]
    assert [has_wal_reset_bug(version) for version in bad + good] == [True] * 5 + [False] * 6
    database = parse(f"sqlite:///{tmp_path / 'a.db'}")
    assert "3.40.1" in warnings(database, (3, 40, 1))[0]
    assert warnings(database, (3, 51, 3)) == []
    assert migrations.HERE.joinpath("script.py.mako").read_text().count("import sqlmodel") == 1


def test_a_database_of_the_first_release_keeps_its_content(tmp_path: Path) -> None:
    """Every later migration runs over rows, not only over empty tables."""
    path = tmp_path / "a.db"
    with opened(parse(f"sqlite:///{path}")) as connection:
        command.upgrade(configured(connection), "0001")
    with sqlite3.connect(path) as old:
        old.execute(
            "INSERT INTO worker (channel, number, language, consent, campaign, reachable, created_at) "
            "VALUES ('telegram', 7, 'en', 1, NULL, 1, 0)"
        )
    assert migrate(f"sqlite:///{path}") == NEWEST
    assert sqlite3.connect(path).execute("SELECT number FROM worker").fetchall() == [(7,)]
    assert path.with_name("a.db.before-0001").exists()
