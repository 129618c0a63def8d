"""Pairs and sounds through Telegram's protocol: a file in, questions as they should look and sound, results out."""

from __future__ import annotations

import csv
import io
import math
import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox import ADMIN, Person, Sandbox, Shown, unique_id
from tests.bot.phone import archive
from tests.contracts.test_zips import picture
from tests.journeys.running import heard, running, told

BETTER = "/new teas\ntitle: Teas\nquestion: Which is better?\nlabels: A better, B better\noverlap: 2-3\naudit_share: 0"
VOICES = "/new voices\ntitle: Voices\nquestion: Who is it?\nlabels: cat, dog\noverlap: 2-3\naudit_share: 0"
PAIRS = """id,text,text2,id_a,id_b
p0,a green tea,a black tea,green,black
p1,a black tea,a white tea,black,white
p2,a green tea,a white tea,green,white
"""
LEFT = "Nothing is left"


def tone(hertz: float) -> bytes:
    """A twentieth of a second of it, as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setparams((1, 1, 8000, 0, "NONE", ""))
        made.writeframes(bytes(int(128 + 100 * math.sin(at * hertz * math.tau / 8000)) for at in range(400)))
    return out.getvalue()


@pytest.mark.timeout(120)
async def test_pairs_and_sounds_are_asked_and_exported(tmp_path: Path) -> None:
    async with Sandbox.started() as sandbox:
        bot = await running(sandbox, tmp_path)
        try:
            admin = sandbox.person(ADMIN.id, ADMIN.first_name)
            await _pairs(sandbox, admin)
            await _sounds(sandbox, admin)
        finally:
            await bot.kill()
    assert "Traceback" not in bot.log


async def _pairs(sandbox: Sandbox, admin: Person) -> None:
    await told(admin, BETTER, "teas", 60.0)
    await _file(admin, "pairs.csv", PAIRS.encode(), "teas", "3 items from pairs.csv")
    for number in (7000, 7001):
        asked = await _answered(sandbox.person(number), "teas", "A better")
        assert sorted(bubble.words.split("Which is better?\n\n")[1] for bubble in asked) == [
            "A\na black tea\n\nB\na white tea", "A\na green tea\n\nB\na black tea", "A\na green tea\n\nB\na white tea",
        ]  # fmt: skip
    files = await _export(admin, "teas", 3)
    ranks = list(csv.DictReader(io.StringIO(files["teas-ranking.csv"].decode())))
    assert [(row["name"], row["comparisons"]) for row in ranks] == [("green", "4"), ("black", "4"), ("white", "4")]
    assert float(ranks[0]["score"]) > 0.5 > -0.5 > float(ranks[2]["score"]), "numbers stay numbers below zero"
    rows = list(csv.DictReader(io.StringIO(files["teas-labels.csv"].decode())))
    assert [(row["task"], row["text2"], row["id_a"], row["label"], row["answers"]) for row in rows] == [
        ("p0", "a black tea", "green", "A better", "2"), ("p1", "a white tea", "black", "A better", "2"),
        ("p2", "a white tea", "green", "A better", "2"),
    ]  # fmt: skip
    await told(admin, BETTER.replace("teas", "again"), "again")
    await _file(admin, "labels.csv", files["teas-labels.csv"], "again", "3 items from labels.csv")


async def _sounds(sandbox: Sandbox, admin: Person) -> None:
    """A sound becomes the next one, or an image, in its place; words come in a bubble of their own.

    Seen to fail: updates that reach the handlers without the sound of the message that was tapped.
    """
    await told(admin, VOICES, "voices")
    low, high, image = tone(220), tone(880), picture(size=(60, 40))
    await _file(admin, "a.zip", archive(a__wav=low, b__png=image), "voices", "images and sounds")
    await _file(admin, "a.zip", archive(a__wav=low, b__wav=high), "voices", "2 items from a.zip")
    assert "No network learns from sounds yet" in admin.messages[-1].words
    await _file(admin, "b.zip", archive(c__png=image), "voices", "1 item from b.zip")
    await _file(admin, "c.csv", b"text\npurr\n", "voices", "1 item from c.csv")
    for number in (7100, 7101):  # the second hears what Telegram knows by then
        asked = await _answered(sandbox.person(number), "voices", "dog")
        files = {bubble.attachment.unique_id for bubble in asked if bubble.attachment}
        assert files == {unique_id(low), unique_id(high)} | {bubble.photo for bubble in asked if bubble.photo}
        assert [bubble.sound for bubble in asked].count(None) == 2 and len(asked) == 4
        for old, new in pairwise(asked):
            assert (old.id == new.id) == bool(old.attachment and new.attachment)
    rows = csv.DictReader(io.StringIO((await _export(admin, "voices"))["voices-labels.csv"].decode()))
    assert [(row["task"], row["label"]) for row in rows][:3] == [("a.wav", "dog"), ("b.wav", "dog"), ("c.png", "dog")]


async def _answered(person: Person, slug: str, wording: str) -> list[Shown]:
    """Joins and gives one answer to everything; the questions as they came."""
    await told(person, f"/start {slug}", "Stored are")
    await person.tap(person.messages[-1], "I agree")
    asked: list[Shown] = []
    while True:
        await person.wait(lambda seen: LEFT in seen[-1].words or (wording in _keys(seen) and seen[-1] not in asked), 30)
        if LEFT in (bubble := person.messages[-1]).words:
            return asked
        asked.append(bubble)
        await person.tap(bubble, wording)


def _keys(seen: Sequence[Shown]) -> list[str]:
    return [key.text for key in seen[-1].keys]


async def _file(admin: Person, name: str, content: bytes, slug: str, answer: str) -> None:
    since = len(admin.messages)
    await admin.send_document(name, content, slug)
    await heard(admin, answer, since)


async def _export(admin: Person, slug: str, files: int = 2) -> dict[str, bytes]:
    """The files of an export by name."""
    since = len(admin.messages)
    await admin.say(f"/export {slug}")
    await admin.wait(lambda seen: sum(bool(bubble.document) for bubble in seen[since:]) == files, 30)
    return {str(bubble.document): await admin.download(bubble) for bubble in admin.messages[since:] if bubble.document}
