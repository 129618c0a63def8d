"""After /why and each card of /review the words come by which the network went: asked of the worker process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errands import Chores
from bot.telegram.views_telling import told_by
from bot.telegram.words import Words
from bot.web.speech import Speech
from core.ids import ItemId
from core.item import Content, Medium, NewItem, Role
from storage.engine import parse
from storage.ledger import SqlLedger
from storage.outbox import Outbox
from storage.writer import Writer
from tests.bot.phone import ADMIN, Town, texts, town
from tests.bot.served import Served, serve_tiny
from tests.bot.test_admin_reports import quarrel
from tests.training.conftest import World, base, recipe, world  # noqa: F401  # fixtures
from training.recipe import Recipe


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def test_why_and_every_card_ask_for_the_words(here: Town) -> None:
    """Saw: the card after a ruling, for which nobody asked; a second request where there is no item."""
    await quarrel(here, texts("tom", "rex"))
    await here.send(ADMIN, "/why pets i1")
    await here.send(ADMIN, "/review pets")
    await here.tap(ADMIN, "cat")
    await here.tap(ADMIN, "cat")
    await here.send(ADMIN, "/review pets")
    assert here.errands.shown == [(2, ADMIN), (1, ADMIN), (2, ADMIN)]


def test_words_for_and_against_are_told_apart_and_small_ones_not_at_all() -> None:
    """Saw: the sign lost."""
    say = Words.of("en")
    words = [("ATM", 1.5), ("not", -0.7), ("the", 0.05), ("card", 0.3)]
    [letter] = told_by(words, "lost card", "i7", say, ADMIN)
    assert letter.body["text"] == (
        "i7: for “lost card” the network goes by “ATM”, “card”.\ni7: against “lost card” it goes by “not”."
    )
    assert told_by([("the", 0.05)], "lost card", "i7", say, ADMIN) == [] == told_by([], "x", "i7", say, ADMIN)


@pytest.fixture
async def served(tmp_path: Path, world: World, recipe: Recipe) -> Served:  # noqa: F811
    return await serve_tiny(tmp_path, world, recipe)


async def test_the_words_come_as_a_letter(served: Served) -> None:
    """The real worker process and a real version. Saw: the letter posted for a campaign that has no version."""
    writer = Writer(parse(served.settings.storage.url))
    ledger, outbox, speech = SqlLedger(writer), Outbox(writer), Speech()
    for slug in ("topics", "fresh"):
        new = NewItem("i1", Content(Medium.TEXT, "some cheese"))
        campaign = served.archive.campaign_named(slug)
        await ledger.transact(lambda tx, c=campaign, n=new: tx.add_items(c.id, [(n, Role.PLAIN)], (0.2, 0.5, 0.3)))
    chores = Chores(served.settings, ledger, served.archive, None, speech)
    for item in (1, 2):
        await chores.telling(ItemId(item), ADMIN)
    while chores._running:
        await asyncio.sleep(0.05)
    letters = [posted.letter for posted in await outbox.due(datetime.now(UTC), 10)]
    assert len(letters) == 1 and "for “food” the network goes by “cheese”" in letters[0].body["text"]
    await asyncio.gather(chores.stop(), speech.stop())
    await writer.close()

