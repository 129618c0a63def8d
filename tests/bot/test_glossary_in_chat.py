"""A glossary on a phone: an admin's file, the "?" of a question, and how it goes away again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.telegram.callbacks import Turn, pack
from bot.telegram.choices import MEANINGS
from tests.bot.phone import ADMIN, ANN, Town, texts, town
from tests.bot.test_admin_handlers import file

CSV = b"term,meaning\nATM,a machine that pays out\nIBAN,the number of an account"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def test_the_question_mark_is_there_where_a_term_is(here: Town) -> None:
    """Saw: the button below every question; a tap on it taken for another page."""
    of = await here.campaign(items=texts("The ATM ate my card"))
    said = await file(here, "bank.csv", CSV, "glossary pets")
    assert said.startswith("2 terms for pets.")
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    assert list(here.last(ANN).buttons) == ["cat", "dog", "Not sure", "Skip", "Problem", "?"]
    bubble = here.last(ANN)
    assert await here.tap(ANN, "?") == "ATM: a machine that pays out"
    assert here.wire.calls[-1][1]["show_alert"] is True
    assert here.last(ANN) == bubble and await here.answers(of.id) == 0
    assert await here.tap(ANN, "cat") == "Saved: “cat”."
    assert here.wire.calls[-1][1].get("show_alert") is None
    assert "done already" in await here.press(ANN, bubble.buttons["?"], bubble)


async def test_what_is_too_long_for_an_alert_comes_as_a_message(here: Town) -> None:
    """Saw: 200 letters of it and an ellipsis."""
    await here.campaign(items=texts("The ATM ate my card"))
    await file(here, "bank.csv", b"term,meaning\nATM," + b"money " * 40, "pets Glossary")
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    bubble = here.last(ANN)
    assert await here.tap(ANN, "?") == ""
    assert here.last(ANN).text.startswith("ATM: money money") and len(here.last(ANN).text) > 200
    assert here.chats[ANN][-2] == bubble


async def test_a_text_without_terms_has_no_question_mark(here: Town) -> None:
    await here.campaign(items=texts("A card"))
    await file(here, "bank.csv", CSV, "glossary")
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    shown = here.last(ANN)
    assert "?" not in shown.buttons
    carried = shown.buttons["Skip"].split(":")
    forged = pack(Turn(carried[1], int(carried[2]), MEANINGS))  # type: ignore[arg-type]
    assert "out of date" in await here.press(ANN, forged, shown)


async def test_an_admin_sees_replaces_and_removes_it(here: Town) -> None:
    """Saw: the cached campaign, which still had the old glossary."""
    await here.campaign(items=texts("The ATM"))
    await here.send(ADMIN, "/glossary pets")
    assert "has no glossary" in here.last(ADMIN).text
    await file(here, "bank.csv", CSV, "glossary pets")
    await here.send(ADMIN, "/glossary pets")
    assert "IBAN: the number of an account" in here.last(ADMIN).text
    assert "g.csv, line 2: meaning must have" in await file(here, "g.csv", b"term,meaning\nATM,\n", "glossary pets")
    await file(here, "new.csv", b"term;meaning\nPIN;four digits", "glossary pets")
    await here.send(ADMIN, "/glossary pets")
    assert "PIN: four digits" in here.last(ADMIN).text and "IBAN" not in here.last(ADMIN).text
    await here.send(ADMIN, "/glossary pets off")
    assert "is removed" in here.last(ADMIN).text
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    assert "?" not in here.last(ANN).buttons


async def test_a_worker_cannot_set_one(here: Town) -> None:
    await here.campaign(items=texts("The ATM"))
    await here.send(ANN, "/glossary pets off")
    assert "do not know this command" in here.last(ANN).text
