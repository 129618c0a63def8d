"""Names in a sentence on a phone: words that are tapped, "done", undo, controls, an admin's ruling, over the real
handlers and a store.

Planted bugs seen to fail: a mark refused beyond the campaign's only label; "nothing to mark" stored as "not sure"; a
ruling whose bits are cut at ten digits; a missed control that names the label and not the words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.telegram.callbacks import Mark
from bot.telegram.keyboards import Button, lines
from core.campaign import Campaign, Kind
from core.ids import QuestionId
from core.item import Content, Item, Medium, NewItem, Verdict
from core.marks import marked_by
from core.ports import Transaction
from storage.archive import SqlArchive
from storage.engine import parse
from storage.exchange.answers_csv import answers_csv, conll, consensus_csv
from tests.bot.phone import ADMIN, ANN, BOB, Town, town

EVE = 300

TEXT = "Yesterday Angela Merkel, in Berlin, met Bob."
WORDS = ["Yesterday", "Angela", "Merkel,", "in", "Berlin,", "met", "Bob."]
NEW = """/new people
title: People
question: Who is named?
labels: person
kind: spans
overlap: 2-4
control_share: 0
newcomer_controls: 0
audit_share: 0"""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def opened(here: Town, *items: NewItem, **more: object) -> Campaign:
    made = await here.campaign(items=items, labels=("person",), wordings={}, kind=Kind.SPANS, policy=more)
    for person in (ANN, BOB, EVE):
        await here.send(person, "/start pets")
        await here.tap(person, "I agree")
    return made


async def item(here: Town, name: str, slug: str = "pets") -> Item:
    return await here.store.ledger.transact(lambda tx: tx.item_named(tx.campaign_named(slug).id, name))


async def said(here: Town, of: Item) -> list[tuple[int, ...] | None]:
    def work(tx: Transaction) -> list[tuple[int, ...] | None]:
        return [marked_by(answer.evidence, len(of.posterior)) for answer, _ in tx.answers_of(of.id)]

    return await here.store.ledger.transact(work)


def a_text(text: str, name: str = "i0", **more: object) -> NewItem:
    return NewItem(name, Content(Medium.TEXT, text), **more)  # type: ignore[arg-type]


async def test_words_are_marked_and_done_answers(here: Town) -> None:
    of = await opened(here, a_text(TEXT))
    shown = here.last(ANN)
    assert "Tap each word that belongs to “person”" in shown.text and TEXT in shown.text
    assert list(shown.buttons) == [*WORDS, "Nothing to mark", "Not sure", "Skip", "Problem"]
    letters = len(here.letters)
    await here.tap(ANN, "Angela")
    assert [letter.method for letter in here.letters[letters:]] == ["editMessageReplyMarkup"], "only the buttons change"
    await here.tap(ANN, "met")
    await here.tap(ANN, "Merkel,")
    await here.tap(ANN, "☑ met")
    await here.tap(ANN, "Bob.")
    assert await here.answers(of.id) == 0, "marks answer nothing"
    assert await here.tap(ANN, "Done") == "Saved: “Angela Merkel, Bob”."
    assert await said(here, await item(here, "i0")) == [(1, 2, 6)]
    assert await here.tap(ANN, "Undo") == "Taken back. Here it is again."
    assert list(here.last(ANN).buttons)[:3] == ["Yesterday", "☑ Angela", "☑ Merkel,"]


async def test_nothing_to_mark_and_not_sure_are_answers(here: Town) -> None:
    await opened(here, a_text("It rained all day."))
    assert await here.tap(ANN, "Nothing to mark") == "Saved: “nothing”."
    assert await here.tap(BOB, "Not sure") == "Saved: “not sure”."
    found = await item(here, "i0")
    assert await said(here, found) == [(), None] and len(found.posterior) == 4


async def test_a_missed_control_shows_the_right_words(here: Town) -> None:
    of = await opened(here, a_text(TEXT, "c", truth=0b1000110, reason="Two are named."), control_share=1.0)
    await here.tap(ANN, "Angela")
    missed = await here.tap(ANN, "Done")
    assert missed == "The answer to this one is known: “Angela Merkel, Bob”. Two are named."
    for word in ("Angela", "Merkel,", "Bob."):
        await here.tap(BOB, word)
    assert await here.tap(BOB, "Done") == "Saved: “Angela Merkel, Bob”."
    assert await here.answers(of.id) == 0 and (await item(here, "c")).posterior == (0, 1, 1, 0, 0, 0, 1)


async def test_an_admin_settles_a_text_of_sixty_words(here: Town) -> None:
    words = [f"w{n}" for n in range(60)]
    await opened(here, a_text(" ".join(words)), max_overlap=2)
    assert len(here.last(ANN).buttons) == 64
    await here.tap(ANN, "w59")
    await here.tap(ANN, "Done")
    await here.tap(BOB, "Nothing to mark")
    assert (await item(here, "i0")).verdict is Verdict.DISPUTED
    await here.send(ADMIN, "/review pets")
    card = here.last(ADMIN)
    assert "Least sure: that the word “w59” is" in card.text and "says w59: " in card.text, card.text
    for word in ("w59", "w0"):
        if word in here.last(ADMIN).buttons:
            await here.tap(ADMIN, word)
    assert await here.tap(ADMIN, "Settle it so") == "Settled: “w0, w59”."
    found = await item(here, "i0")
    assert (found.verdict, found.truth) == (Verdict.SETTLED, 1 << 59 | 1) and sum(found.posterior) == 2.0
    await here.send(ADMIN, "/why pets i0")
    assert "An admin ruled: “w0, w59”." in here.last(ADMIN).text


async def test_from_new_to_the_export(here: Town, tmp_path: Path) -> None:
    """An admin's journey: the campaign by one message, a CoNLL file of controls, sentences, three people, the files."""
    await here.send(ADMIN, NEW)
    here.wire.files["f"] = f'id,text\na,"{TEXT}"\nb,All is well.\n'.encode()
    here.wire.files["g"] = b"Bob\tB-PER\nslept\tO\n.\tO\n"
    for file, name, below in (("f", "items.csv", "people"), ("g", "known.conll", "people controls")):
        await here.send(ADMIN, caption=below, document={"file_id": file, "file_unique_id": file, "file_name": name})
    for person in (ANN, BOB, EVE, 400):
        await here.send(person, "/start people")
        await here.tap(person, "I agree")
        while "Skip" in here.last(person).buttons:
            names = ["Angela", "Merkel,", "Bob."] if TEXT in here.last(person).text else ["Bob"]
            marked = [word for word in names if word in here.last(person).buttons]
            for word in marked:
                await here.tap(person, word)
            await here.tap(person, "Done" if marked else "Nothing to mark")
    found = [await item(here, name, "people") for name in ("a", "b")]
    assert [one.verdict for one in found] == [Verdict.SETTLED] * 2
    archive = SqlArchive(parse(f"sqlite:///{tmp_path / 'crowdloop.db'}"))
    campaign = archive.campaign_named("people")
    lines_ = "".join(consensus_csv(campaign, archive.consensus(campaign.id))).splitlines()
    assert lines_[0].endswith("network,words")
    assert lines_[1].startswith(f'a,"{TEXT}",10-23|40-43,0.9') and lines_[1].endswith("Angela Merkel|Bob")
    assert lines_[2].startswith("b,All is well.,(none),0.9") and lines_[3].endswith("Bob")
    shown = {one.name: one.content.text for one in archive.consensus(campaign.id)}
    answers = "".join(answers_csv(campaign, archive.answers(campaign.id), shown=shown)).splitlines()[1:]
    assert {(one.split(",")[0], one.split(",")[2], one.split(",")[-1]) for one in answers if one[0] in "ab"} == {
        ("a", "10-23|40-43", "Angela Merkel|Bob"), ("b", "(none)", ""),
    }  # fmt: skip
    tags = "".join(conll(campaign, archive.consensus(campaign.id))).split("\n\n")
    assert tags[0].splitlines()[:4] == ["Yesterday\tO", "Angela\tB-person", "Merkel,\tI-person", "in\tO"]
    assert tags[2] == "Bob\tB-person\nslept\tO\n.\tO"


def test_rows_keep_the_order_of_the_text_and_fit_a_phone() -> None:
    text = "The former chancellor Angela Merkel met representatives of the international community in Bonn ."
    words = text.split()
    keys = [Button(word, Mark(QuestionId("q"), 0, at, True)) for at, word in enumerate(words)]
    rows = lines(keys)
    assert [key.text for row in rows for key in row] == words and max(map(len, rows)) <= 5 and len(rows) <= 8
    marked = [Button("☑ " + key.text, key.pressed) for key in keys]
    assert [len(row) for row in lines(marked)] == [len(row) for row in rows], "no word moves when it is marked"
