"""Names in sentences through Telegram's protocol: a campaign, a file, people who tap words, results out.

Planted bugs seen to fail: buttons of words in a grid of equal rows; an export without its CoNLL file.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from bot.sandbox import ADMIN, Person, Sandbox, Shown
from tests.journeys.running import heard, running, told

NEW = "/new people\ntitle: People\nquestion: Who is named?\nlabels: person\nkind: spans\noverlap: 2-3\naudit_share: 0"
NAMED = {"Then Angela Merkel, in Bonn, met Kofi Annan.": ["Angela", "Merkel,", "Kofi", "Annan."], "It rained.": []}
LEFT = "Nothing is left"


@pytest.mark.timeout(120)
async def test_people_mark_names_and_the_admin_gets_them(tmp_path: Path) -> None:
    async with Sandbox.started() as sandbox:
        bot = await running(sandbox, tmp_path)
        try:
            admin = sandbox.person(ADMIN.id, ADMIN.first_name)
            await told(admin, NEW.replace("labels: person", "labels: person, place"), "make a campaign for each", 60.0)
            await told(admin, NEW, "people", 60.0)
            rows = [f't{n},"{text}"' for n, text in enumerate(NAMED)]
            await _sent(admin, "items.csv", "\n".join(["id,text", *rows]), "2 items from items.csv")
            await _sent(admin, "long.csv", "text\n" + "w " * 61, "cut it into sentences")
            for number in (7000, 7001, 7002):
                await _marks(sandbox.person(number))
            await _exported(admin)
        finally:
            await bot.kill()
    assert "Traceback" not in bot.log


async def _sent(admin: Person, name: str, content: str, answer: str) -> None:
    since = len(admin.messages)
    await admin.send_document(name, content.encode(), "people")
    await heard(admin, answer, since)


async def _marks(person: Person) -> None:
    """Joins and marks every name."""
    await told(person, "/start people", "Stored are")
    await person.tap(person.messages[-1], "I agree")
    done: set[str] = set()
    while True:
        await person.wait(lambda seen: LEFT in seen[-1].words or _text(seen[-1]) not in {"", *done}, 30)
        if LEFT in person.messages[-1].words:
            return
        text = _text(person.messages[-1])
        assert [key.text for key in person.messages[-1].keys][: len(text.split())] == text.split()
        if NAMED[text]:
            rows = [[key.text for key in row] for row in person.messages[-1].buttons]
            assert rows[:3] == [["Then", "Angela", "Merkel,"], ["in", "Bonn,", "met", "Kofi"], ["Annan."]]
        for word in NAMED[text]:
            await person.tap(person.messages[-1], word)
            await person.wait(lambda seen, word=word: f"☑ {word}" in [key.text for key in seen[-1].keys], 30)
        done.add(text)
        await person.tap(person.messages[-1], "Done" if NAMED[text] else "Nothing to mark")


def _text(bubble: Shown) -> str:
    return next((text for text in NAMED if text in bubble.words and bubble.keys), "")


async def _exported(admin: Person) -> None:
    since = len(admin.messages)
    await admin.say("/export people")
    await admin.wait(lambda seen: sum(bool(bubble.document) for bubble in seen[since:]) == 3, 30)
    files = {
        str(bubble.document): (await admin.download(bubble)).decode()
        for bubble in admin.messages[since:]
        if bubble.document
    }
    rows = list(csv.DictReader(io.StringIO(files["people-labels.csv"])))
    assert [(row["task"], row["label"], row["words"], row["verdict"]) for row in rows] == [
        ("t0", "5-18|33-43", "Angela Merkel|Kofi Annan", "settled"), ("t1", "(none)", "", "settled"),
    ]  # fmt: skip
    said = list(csv.DictReader(io.StringIO(files["people-answers.csv"])))
    assert {row["label"] for row in said} == {"5-18|33-43", "(none)"} and len({row["worker"] for row in said}) >= 2
    assert files["people-words.conll"].startswith("Then\tO\nAngela\tB-person\nMerkel,\tI-person\nin\tO\n")
