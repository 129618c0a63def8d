"""/privacy and /forget_me on the real handlers. Each docstring names planted bugs that were caught."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.telegram.worker_handlers import commands
from core.admission import ban
from core.campaign import Campaign
from core.ids import Account, UpdateId
from core.worker import Worker
from storage.archive import SqlArchive
from storage.exchange.answers_csv import NOTHING_WRITTEN, answers_csv, consensus_csv
from storage.inbox import Incoming
from storage.tables import TABLES
from tests.bot.phone import ADMIN, BOB, Town, texts, town

ANN = 700_123_456_789  # a number that nothing else has
NAME = "Annabella Quux"
KEEP, ALL = "Forget me, keep my answers without my name", "Forget me and my answers"


class Named(Town):
    """Everybody's updates carry the name."""

    def person(self, number: int) -> dict[str, object]:
        return super().person(number) | ({"first_name": NAME, "username": "quux"} if number == ANN else {})


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        found.__class__ = Named
        yield found


async def working(here: Town, pay: int = 5, answers: int = 2) -> None:
    """Ann and Bob answer a few items of a paid campaign."""
    await here.campaign(items=texts("one", "two", "three", "four"), policy={"pay": pay})
    for person in (ANN, BOB):
        await here.send(person, "/start pets")
        await here.tap(person, "I agree")
        for _ in range(answers):
            await here.tap(person, "cat")


async def worker(here: Town, number: int = ANN) -> Worker | None:
    return await here.store.ledger.transact(lambda tx: tx.worker(Account("telegram", number)))


async def everything(here: Town) -> dict[str, list[tuple[object, ...]]]:
    """Every column of every row of every table."""

    def read(cursor: object) -> dict[str, list[tuple[object, ...]]]:
        raw = cursor.raw  # type: ignore[attr-defined]
        return {name: raw.execute(f'SELECT * FROM "{name}"').fetchall() for name in TABLES}

    return await here.store.writer.run(read)


async def tidied(here: Town) -> None:
    """What the clock does every hour."""
    await here.store.outbox.prune()
    await here.store.inbox.prune()


def traces(here: Town, tables: dict[str, list[tuple[object, ...]]]) -> list[str]:
    """Where the number or the name still stands."""
    marks = (str(ANN), NAME, "quux")
    rows = [(table, row) for table, found in tables.items() for row in found]
    return [f"{table}: {row}" for table, row in rows if any(mark in str(cell) for cell in row for mark in marks)]


async def test_privacy_and_the_way_out_are_listed_and_told(here: Town) -> None:
    """Planted: no word of who sees it."""
    await working(here)
    await here.send(ANN, "/privacy")
    told = here.last(ANN).text
    for words in ("Telegram number", "until you ask", "Admins see", "Files of results", "/forget_me", "scrambled form"):
        assert words in told
    await here.send(ANN, "/help")
    assert "/privacy" in here.last(ANN).text and "/forget_me" in here.last(ANN).text
    assert {"privacy", "forget_me"} <= {name for name, _ in commands("zh")}


async def test_it_asks_first_and_says_what_is_owed(here: Town) -> None:
    """Planted: the command forgets at once; the pay of an undone answer is counted."""
    await working(here)
    await here.send(ANN, "/forget_me")
    assert "owed €0.01" in here.last(ANN).text
    assert list(here.last(ANN).buttons) == [KEEP, ALL, "Cancel"]
    await here.tap(ANN, "Cancel")
    assert "not forgotten" in here.last(ANN).text and not here.last(ANN).buttons
    assert await worker(here) is not None and await here.answers((await pets(here)).id) == 4


async def pets(here: Town) -> Campaign:
    return await here.store.ledger.transact(lambda tx: tx.campaign_named("pets"))


@pytest.mark.parametrize(("wording", "left"), [(KEEP, 4), (ALL, 2)])
async def test_nothing_names_the_person_afterwards_and_all_else_stays(here: Town, wording: str, left: int) -> None:
    """Planted: the update that asked for it stays in the inbox; letters that were sent stay; the account is kept under
    its number in another channel; a late tap of an old button makes them known again."""
    await working(here)
    campaign = await pets(here)
    before = await everything(here)
    assert traces(here, before)
    with capture_logs() as logs:
        await here.send(ANN, "/forget_me")
        old = here.open_bubbles(ANN)[0]
        await here.tap(ANN, wording)
        goodbye, at_once = here.last(ANN), traces(here, await everything(here))
        await here.press(ANN, old.buttons["cat"], old)
        await here.update({"my_chat_member": membership()})
        assert traces(here, await everything(here)) == at_once
        await tidied(here)
    assert [trace.split(":")[0] for trace in at_once] == ["outbox"] * 2  # the goodbye, and the buttons taken away
    assert traces(here, after := await everything(here)) == []
    assert str(ANN) not in str(logs) and NAME not in str(logs)
    for same in ("answer", "entry", "campaign", "version", "media"):
        assert after[same] == before[same]
    assert [row[:10] for row in after["item"]] == [row[:10] for row in before["item"]]
    assert await here.answers(campaign.id) == left
    bobs = [row for row in before["enrolment"] if row[1] == 2]
    assert bobs and [row for row in after["enrolment"] if row[1] == 2] == bobs
    exported = "".join(files(here))
    assert str(ANN) not in exported and NAME not in exported and exported.count("cat") >= left
    assert "€0.01" in goodbye.text and "pets w" in goodbye.text


def files(here: Town) -> list[str]:
    """What /export writes."""
    archive = SqlArchive(here.store.writer.database)
    campaign = archive.campaign_named("pets")
    answers = answers_csv(campaign, archive.answers(campaign.id), NOTHING_WRITTEN)
    return [*answers, *consensus_csv(campaign, archive.consensus(campaign.id), NOTHING_WRITTEN)]


def membership() -> dict[str, object]:
    """They block the bot."""
    person = {"id": ANN, "is_bot": False, "first_name": NAME}
    bot = {"id": 999, "is_bot": True, "first_name": "Loop"}
    states = [{"status": status, "user": bot} for status in ("member", "left")]
    chat = {"id": ANN, "type": "private", "first_name": NAME}
    return {"chat": chat, "from": person, "date": 1, "old_chat_member": states[0], "new_chat_member": states[1]}


async def test_the_code_leads_an_admin_to_the_place_and_the_pay(here: Town) -> None:
    """Planted: the code is made anew at the goodbye; the pay goes with the person."""
    await working(here)
    known = await worker(here)
    assert known is not None
    await here.send(ANN, "/forget_me")
    await here.tap(ANN, ALL)
    code = here.last(ANN).text.split("pets w")[1][:8]
    await here.send(ADMIN, "/workers pets")
    assert f"w{code}: 0 answers, asked to be forgotten, with all answers" in here.last(ADMIN).text
    assert await here.store.ledger.transact(lambda tx: tx.balance(f"worker:{known.id}")) == 10
    await here.send(ADMIN, f"/ban pets w{code}")
    assert "asked to be forgotten" in here.last(ADMIN).text


async def test_double_taps_and_old_buttons_change_nothing(here: Town) -> None:
    """Planted: a tap makes a stranger known; the button says nothing of whom it asked, or of when;
    updates are deleted, so that Telegram's second delivery is news."""
    await working(here)
    await here.send(ANN, "/forget_me")
    asked = here.last(ANN)
    here.later(hours=2)
    assert "asks again" in await here.tap(ANN, ALL, asked)
    await here.send(ANN, "/forget_me")
    asked = here.last(ANN)
    await here.tap(ANN, KEEP, asked)
    once = await everything(here)
    assert "/start begins anew" in await here.tap(ANN, ALL, asked)
    assert await worker(here) is None
    again = await everything(here)
    assert {name for name in once if again[name] != once[name]} == {"inbox"}
    seen = [Incoming(UpdateId(int(str(row[1]))), ANN, "{}") for row in again["inbox"]]
    assert len(seen) > 4 and await here.store.inbox.accept(seen) == []  # Telegram delivers all of them once more
    await here.send(ANN, "/start pets")
    assert "I agree" in here.last(ANN).buttons
    assert "asks again" in await here.tap(ANN, ALL, asked)
    assert await worker(here) is not None
    assert await here.answers((await pets(here)).id) == 4


async def test_the_goodbye_itself_is_forgotten_once_it_was_sent(here: Town) -> None:
    """Planted: letters to strangers are pruned before they are sent, so that nobody reads the code."""
    await working(here)
    await here.send(ANN, "/forget_me")
    here.store.ledger.posted = lambda _: None  # the sender is away
    await here.tap(ANN, KEEP)
    await tidied(here)
    letters = [row for row in (await everything(here))["outbox"] if row[1] == ANN and row[10] == "due"]
    assert len([row for row in letters if "pets w" in json.loads(row[3]).get("text", "")]) == 1


async def test_a_banned_worker_who_comes_back_is_banned_still(here: Town) -> None:
    """Planted: the new place is open."""
    await working(here)
    known, campaign = await worker(here), await pets(here)
    assert known is not None
    place = await here.store.ledger.transact(lambda tx: tx.enrolment(campaign.id, known.id))
    assert place is not None
    await here.store.ledger.transact(lambda tx: ban(tx, "pets", place.pseudonym))
    await here.send(ANN, "/forget_me")
    await here.tap(ANN, ALL)
    await tidied(here)
    assert traces(here, await everything(here)) == []
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    assert "An admin has ended your work" in here.last(ANN).text
