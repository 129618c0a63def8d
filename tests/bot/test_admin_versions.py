"""/versions and /rollback in the admin's chat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.phone import ADMIN, ANN, Town, texts, town


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def taught(here: Town, *versions: tuple[str, str]) -> None:
    """Versions in the database, a day apart, the last one serving."""

    def write(cursor: object) -> None:
        for at, (id_, state) in enumerate(versions):
            judged = '{"items": 40, "accuracy": 0.9, "low": 0.8, "high": 0.97, "log_loss": 0.3, "ece": 0.02}'
            values = (id_, 1, state, at * 86_400_000_000, 100 + at, judged)
            cursor.raw.execute("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, 0)", values)  # type: ignore[attr-defined]
        cursor.raw.execute("UPDATE campaign SET serving = ?, revision = revision + 1", (versions[-1][0],))  # type: ignore[attr-defined]

    await here.store.writer.run(write)


async def test_back_to_the_version_before(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await here.send(ADMIN, "/rollback pets")
    assert "nothing to go back to" in here.last(ADMIN).text
    await here.send(ADMIN, "/versions pets")
    assert "No version serves yet" in here.last(ADMIN).text
    await taught(here, ("aaaa1111", "retired"), ("bbbb2222", "candidate"), ("cccc3333", "serving"))
    await here.send(ADMIN, "/versions pets")
    lines = here.last(ADMIN).text.splitlines()
    assert lines[:3] == [
        "cccc3333: serves, 90%, taught 102 items",
        "bbbb2222: candidate, 90%, taught 101 items",
        "aaaa1111: has served, 90%, taught 100 items",
    ]
    await here.send(ADMIN, "/rollback pets")
    assert here.last(ADMIN).text.startswith("Version aaaa1111 serves again. 0 open items no longer hear cccc3333")
    await here.send(ADMIN, "/rollback pets bbb")
    assert here.last(ADMIN).text.startswith("Version bbbb2222 serves again.")


async def test_one_sentence_where_it_cannot_be(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await taught(here, ("aaaa1111", "retired"), ("aaab2222", "serving"))
    await here.send(ADMIN, "/rollback pets zz")
    assert here.last(ADMIN).text == "There is no version named zz."
    await here.send(ADMIN, "/rollback pets aaa")
    assert here.last(ADMIN).text == "Several versions begin with aaa: write more of its name."
    await here.send(ANN, "/rollback pets")
    assert "I do not know this command" in here.last(ANN).text


async def test_who_has_withdrawn_since_is_listed(here: Town) -> None:
    """Planted: the count beside every version."""
    await here.campaign(items=texts("one"))
    await taught(here, ("aaaa1111", "retired"), ("aaab2222", "serving"))
    change = "UPDATE version SET withdrawn = 2 WHERE id = 'aaaa1111'"
    await here.store.writer.run(lambda cursor: cursor.raw.execute(change))
    await here.send(ADMIN, "/versions pets")
    now, before = here.last(ADMIN).text.split("\n")[:2]
    assert "2 people whose answers it learned from have withdrawn them since" in before and "withdrawn" not in now
