"""From a written caption to the one that won, through Telegram's protocol, with the bot killed on the way."""

from __future__ import annotations

import asyncio
import csv
import io
import random
import sqlite3
from pathlib import Path

import pytest

from bot.sandbox import ADMIN, Person, Sandbox, Shown
from tests.journeys.killing import INVARIANTS
from tests.journeys.running import RunningBot, heard, running, told

CHECK = "/new check\ntitle: Check\nquestion: Is this caption good?\nlabels: good, bad\noverlap: 2-3\nconfidence: 0.6"
CAPTIONS = (
    "/new captions\nkind: text\ntitle: Captions\nquestion: Write a caption.\noverlap: 2-3\npay: 0.05\nthen: -> check"
)
ITEMS = "id,text\ni0,a dog in the snow\ni1,a cat on a roof\n"
MORE = {
    "an item went on twice": "SELECT 1 FROM fed GROUP BY source, target, candidate HAVING COUNT(*) > 1",
    "somebody judged what they wrote": """
        SELECT 1 FROM fed JOIN question wrote ON wrote.item = fed.source
        JOIN question judged ON judged.item = fed.item AND judged.worker = wrote.worker""",
    "an answer lost its words": """
        SELECT 1 FROM answer a JOIN campaign c ON c.id = a.campaign AND c.slug = 'captions'
        LEFT JOIN written w ON w.question = a.question AND w.lease = a.lease WHERE w.text IS NULL""",
    "an item with its texts has not gone on": """
        SELECT 1 FROM item i JOIN campaign c ON c.id = i.campaign AND c.slug = 'captions'
        WHERE i.verdict = 'settled' AND NOT EXISTS (SELECT 1 FROM fed WHERE fed.source = i.id AND fed.state = 'fed')""",
}


@pytest.mark.timeout(200)
async def test_captions_are_written_judged_and_exported_through_kills(tmp_path: Path) -> None:
    dice = random.Random(4)
    async with Sandbox.started() as sandbox:
        bot = await running(sandbox, tmp_path)
        try:
            admin = await _campaigns(sandbox)
            writers = [sandbox.person(7000 + n) for n in range(2)]
            await asyncio.gather(*(_join(person, "captions") for person in writers))
            for turn in range(2):  # both items
                await asyncio.sleep(1.1)  # Telegram dates messages by the second
                for person in writers:
                    await _write(bot, person, f"caption {turn} of {person.id}", dice)
            for person in writers:
                assert "Nothing is left for you" in await told(person, "/start check", "Nothing is left")
            judges = [sandbox.person(7100 + n) for n in range(2)]
            await asyncio.gather(*(_judge(person) for person in judges))
            labels, _, chains = await _export(admin)
            stats = await told(admin, "/stats captions", "fed")
        finally:
            await bot.kill()
    assert "captions: -> check (4 fed, other workers)" in stats
    assert [row["verdict"] for row in labels] == ["settled", "settled"]
    assert all(row["label"].endswith("of 7000") and float(row["confidence"]) > 0.6 for row in labels)
    assert sorted(row["became"] for row in chains) == [f"captions/i{i}#{n}" for i in (0, 1) for n in (1, 2)]
    assert len(chains) == 4 and {row["state"] for row in chains} == {"fed"}
    with sqlite3.connect(bot.database) as database:
        skipped = ("an answer was paid twice or not at all", "an item was over-asked")  # check pays nothing
        queries = {**{name: query for name, query in INVARIANTS.items() if name not in skipped}, **MORE}
        assert [name for name, query in queries.items() if database.execute(query).fetchone()] == []
        paid = database.execute("SELECT COUNT(*), SUM(amount) FROM entry WHERE amount > 0").fetchone()
        assert paid == (4, 200)
    assert "Traceback" not in bot.log


async def _campaigns(sandbox: Sandbox) -> Person:
    admin = sandbox.person(ADMIN.id, ADMIN.first_name)
    await told(admin, CHECK, "check", 60.0)
    since = len(admin.messages)
    await told(admin, CAPTIONS, "the text that is likeliest “good” wins", 60.0)
    await admin.send_document("items.csv", ITEMS.encode(), "captions")
    await heard(admin, "2 items from items.csv", since, 60.0)
    return admin


async def _join(person: Person, slug: str) -> None:
    await told(person, f"/start {slug}", "Stored are")
    since = len(person.messages)
    await person.tap(person.messages[-1], "I agree")
    await heard(person, "", since)


async def _write(bot: RunningBot, person: Person, text: str, dice: random.Random) -> None:
    """Writes while the bot is killed: the message waits at Telegram or in the inbox, and counts once."""
    since = len(person.messages)
    await person.say(text)
    await asyncio.sleep(dice.random() * 0.05)
    await bot.kill()
    await bot.start()
    await heard(person, "Saved", since, 60.0)


async def _judge(person: Person) -> None:
    """Praises what person 7000 wrote, and nothing else, until nothing is left."""
    await _join(person, "check")
    for _ in range(20):
        bubble = person.messages[-1]
        if not any(key.text == "good" for key in bubble.keys):
            break
        version = bubble.version
        await person.tap(bubble, "good" if "of 7000" in bubble.words else "bad")
        await person.wait(lambda seen, was=(bubble.id, version): _moved(seen, was), 30)
    assert "Nothing is left for you" in person.messages[-1].words


def _moved(seen: list[Shown], was: tuple[int, int]) -> bool:
    return (seen[-1].id, seen[-1].version) != was


async def _export(admin: Person) -> list[list[dict[str, str]]]:
    since = len(admin.messages)
    await admin.say("/export captions")
    await admin.wait(lambda seen: sum(bool(bubble.document) for bubble in seen[since:]) == 3, 30)
    files = [bubble for bubble in admin.messages[since:] if bubble.document]
    assert [bubble.document for bubble in files] == [f"captions-{name}.csv" for name in ("labels", "answers", "chains")]
    contents = await asyncio.gather(*(admin.download(bubble) for bubble in files))
    return [list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))) for content in contents]
