"""Several labels on a phone: ticks, "done", old screens, undo, an admin's ruling, over the real handlers and a store.

Planted bugs seen to fail: a button that flips its label instead of saying what it shall be; "none of these" that
answers with the marks; an undo that forgets them; a ruling that takes the set for a label's number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.campaign import Campaign, Kind
from core.item import Content, Item, Medium, NewItem, Verdict
from core.marks import marked_by
from core.ports import Transaction
from storage.archive import SqlArchive
from storage.engine import parse
from storage.exchange.answers_csv import answers_csv, consensus_csv
from tests.bot.phone import ADMIN, ANN, BOB, Town, texts, town

LABELS = ("noise", "smell", "rude staff", "price")
EVE = 300
NEW = """/new visits
title: Complaints
question: What does the guest complain about?
labels: noise, smell, rude staff, price
kind: multi
overlap: 2-4
control_share: 0
newcomer_controls: 0
audit_share: 0"""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def opened(here: Town, *items: NewItem, **more: object) -> Campaign:
    made = await here.campaign(items=items, labels=LABELS, wordings={}, kind=Kind.MULTI, policy=more)
    for person in (ANN, BOB, EVE):
        await here.send(person, "/start pets")
        await here.tap(person, "I agree")
    return made


async def item(here: Town, name: str, slug: str = "pets") -> Item:
    return await here.store.ledger.transact(lambda tx: tx.item_named(tx.campaign_named(slug).id, name))


async def said(here: Town, of: Item) -> list[tuple[int, ...] | None]:
    def work(tx: Transaction) -> list[tuple[int, ...] | None]:
        return [marked_by(answer.evidence, len(LABELS)) for answer, _ in tx.answers_of(of.id)]

    return await here.store.ledger.transact(work)


async def test_labels_are_ticked_and_done_answers(here: Town) -> None:
    of = await opened(here, *texts("loud and smelly"))
    shown = here.last(ANN)
    assert "Mark all that hold" in shown.text
    assert list(shown.buttons) == [
        "☐ noise", "☐ smell", "☐ rude staff", "☐ price", "None of these", "Not sure", "Skip", "Problem",
    ]  # fmt: skip
    letters = len(here.letters)
    await here.tap(ANN, "☐ noise")
    assert [letter.method for letter in here.letters[letters:]] == ["editMessageReplyMarkup"], "only the buttons change"
    await here.tap(ANN, "☐ price")
    await here.tap(ANN, "☐ smell")
    await here.tap(ANN, "☑ price")
    assert await here.answers(of.id) == 0, "ticks answer nothing"
    assert list(here.last(ANN).buttons)[:5] == ["☑ noise", "☑ smell", "☐ rude staff", "☐ price", "Done"]
    assert await here.tap(ANN, "Done") == "Saved: “noise, smell”."
    assert await said(here, await item(here, "i0")) == [(0, 1)]


async def test_taps_on_an_old_screen_say_what_they_mean(here: Town) -> None:
    """Two labels tapped before the first edit arrives both count; one tapped twice counts once."""
    await opened(here, *texts("loud and smelly"))
    old = here.last(ANN)
    for label in ("☐ noise", "☐ smell", "☐ smell"):
        await here.press(ANN, old.buttons[label], old)
    toast = await here.press(ANN, old.buttons["None of these"], old)
    assert toast == "Your marks had changed: look once more, then tap again."
    assert list(here.last(ANN).buttons)[:5] == ["☑ noise", "☑ smell", "☐ rude staff", "☐ price", "Done"]
    ticked = here.last(ANN)
    assert await here.tap(ANN, "Done") == "Saved: “noise, smell”."
    assert await here.press(ANN, ticked.buttons["☑ noise"], ticked) == (
        "This is done already. /next shows the open question."
    )
    assert await here.press(BOB, ticked.buttons["☑ noise"], ticked) != "", "somebody else's button"
    assert await said(here, await item(here, "i0")) == [(0, 1)]


async def test_nothing_holds_and_not_sure_are_answers_and_undo_keeps_the_ticks(here: Town) -> None:
    await opened(here, *texts("fine", "loud"))
    assert await here.tap(ANN, "None of these") == "Saved: “none of these”."
    assert await here.tap(BOB, "Not sure") == "Saved: “not sure”."
    await here.tap(EVE, "☐ noise")
    await here.tap(EVE, "Done")
    assert await here.tap(EVE, "Undo") == "Taken back. Here it is again."
    assert list(here.last(EVE).buttons)[:2] == ["☑ noise", "☐ smell"]
    first, second = [await said(here, await item(here, name)) for name in ("i0", "i1")]
    assert sorted([*first, *second], key=str) == [(), None]


async def test_a_missed_control_names_the_set(here: Town) -> None:
    known = NewItem("c", Content(Medium.TEXT, "loud, and dear"), truth=0b1001, reason="It says both.")
    of = await opened(here, known, control_share=1.0)
    await here.tap(ANN, "☐ noise")
    assert await here.tap(ANN, "Done") == "The answer to this one is known: “noise, price”. It says both."
    await here.tap(BOB, "☐ price")
    await here.tap(BOB, "☐ noise")
    assert await here.tap(BOB, "Done") == "Saved: “noise, price”."
    assert await here.answers(of.id) == 0, "answers to controls are counted apart"
    assert (await item(here, "c")).posterior == (1.0, 0.0, 0.0, 1.0)


async def test_an_admin_settles_a_disputed_set(here: Town) -> None:
    await opened(here, *texts("hm"), max_overlap=2)
    await here.tap(ANN, "☐ noise")
    await here.tap(ANN, "Done")
    await here.tap(BOB, "☐ smell")
    await here.tap(BOB, "Done")
    assert (await item(here, "i0")).verdict is Verdict.DISPUTED
    await here.send(ADMIN, "/review pets")
    card = here.last(ADMIN)
    assert "Least sure: that “" in card.text and "says “noise”" not in card.text and "says noise: " in card.text
    wanted = {"noise": True, "smell": True, "price": False, "rude staff": False}
    for label, on in wanted.items():
        if (now := f"{'☐' if on else '☑'} {label}") in here.last(ADMIN).buttons:
            await here.tap(ADMIN, now)
    assert await here.tap(ADMIN, "Settle it so") == "Settled: “noise, smell”."
    found = await item(here, "i0")
    assert (found.verdict, found.truth, found.posterior) == (Verdict.SETTLED, 0b11, (1.0, 1.0, 0.0, 0.0))
    await here.press(ADMIN, card.buttons["Settle it so"], card)
    assert (await item(here, "i0")).truth == 0b11, "ruled once"
    await here.send(ADMIN, "/why pets i0")
    assert "An admin ruled: “noise, smell”." in here.last(ADMIN).text


async def test_from_new_to_the_export(here: Town, tmp_path: Path) -> None:
    """An admin's journey: the campaign by one message, a file of items, three people, settled sets, the files."""
    await here.send(ADMIN, NEW)
    here.wire.files["f"] = b"id,text\na,loud and smelly\nb,all fine\n"
    await here.send(ADMIN, caption="visits", document={"file_id": "f", "file_unique_id": "u", "file_name": "items.csv"})
    truth = {"loud and smelly": ("noise", "smell"), "all fine": ()}
    for person in (ANN, BOB, EVE, 400):
        await here.send(person, "/start visits")
        await here.tap(person, "I agree")
        while "Skip" in here.last(person).buttons:
            for label in next(marks for text, marks in truth.items() if text in here.last(person).text):
                await here.tap(person, f"☐ {label}")
            await here.tap(person, "Done" if "Done" in here.last(person).buttons else "None of these")
    found = [await item(here, name, "visits") for name in ("a", "b")]
    assert [one.verdict for one in found] == [Verdict.SETTLED] * 2
    archive = SqlArchive(parse(f"sqlite:///{tmp_path / 'crowdloop.db'}"))
    campaign = archive.campaign_named("visits")
    lines = "".join(consensus_csv(campaign, archive.consensus(campaign.id))).splitlines()
    assert lines[0].endswith("chance of noise,chance of smell,chance of rude staff,chance of price")
    assert lines[1].startswith("a,loud and smelly,noise|smell,0.9") and lines[2].startswith("b,all fine,(none),0.9")
    answers = "".join(answers_csv(campaign, archive.answers(campaign.id))).splitlines()[1:]
    assert {tuple(one.split(",")[0:3:2]) for one in answers} == {("a", "noise|smell"), ("b", "(none)")}
    assert {one.split(",")[5] for one in answers} == {"toggle"}
