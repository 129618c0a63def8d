"""Answers in words and chains through the real handlers: what is written is kept, judged by others, and exported."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.feeder import Feeder
from core.campaign import TEXT_LABELS, Campaign, Kind
from core.chains import FedState
from core.feeding import Link, add_chain
from core.item import Content, Medium, NewItem, Verdict
from core.service import expire
from core.writing import cleaned
from storage.archive import SqlArchive
from storage.exchange.answers_csv import answers_csv, consensus_csv, provenance_csv
from tests.bot.phone import ADMIN, ANN, BOB, Town, texts, town

CYD, DAN = 300, 400
QUICK = {"min_overlap": 2, "max_overlap": 3, "confidence": 0.6}
WRITING: dict[str, Any] = {"kind": Kind.TEXT, "labels": TEXT_LABELS, "wordings": {}, "instructions": "Write a caption."}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def captions(here: Town, items: Sequence[NewItem] = (), pay: int = 0) -> tuple[Campaign, Campaign]:
    """A campaign of texts, and the one that judges them."""
    check = await here.campaign("check", labels=("good", "bad"), wordings={}, policy=QUICK)
    made = await here.campaign("captions", items or texts("a dog <b>"), **WRITING, policy={**QUICK, "pay": pay})
    await here.store.ledger.transact(lambda tx: add_chain(tx, Link("captions", "", "check")))
    return made, check


async def joined(here: Town, person: int, slug: str = "captions") -> None:
    await here.send(person, f"/start {slug}")
    if "I agree" in here.last(person).buttons:
        await here.tap(person, "I agree")


async def wrote(here: Town, person: int, text: str) -> str:
    """The bot's words right after a message."""
    here.later(seconds=5)
    before = len(here.chats[person])
    await here.send(person, text)
    return here.chats[person][before].text


async def test_a_message_is_the_answer_to_a_question_of_words(here: Town) -> None:
    made, check = await captions(here, texts("one", "two"))
    await here.send(ANN, "/start captions")
    assert "up to 500 letters" in here.last(ANN).text and "nothing personal" in here.last(ANN).text
    await here.tap(ANN, "I agree")
    first = here.last(ANN)
    assert "✍ Write your answer as a message." in first.text and list(first.buttons) == ["Skip", "Problem"]
    assert await wrote(here, ANN, "  A <b>good</b>   dog & more ") == here.last(ANN).text
    assert here.last(ANN).text.startswith("<i>Saved: “A &lt;b&gt;good&lt;/b&gt; dog &amp; more”.</i>")
    assert list(here.last(ANN).buttons) == ["Skip", "Problem", "Undo"]
    assert here.chats[ANN][-2].buttons == {}, "the old bubble has lost its buttons"
    assert await here.answers(made.id) == 1 and await here.answers(check.id) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("…!?", "no words in this"),
        ("😀", "no words in this"),
        ("\u200b\u202e", "no words in this"),
        ("x" * 501, "501 letters; at most 500"),
        ("buy at https://evil.example/x now", "Links and addresses are not taken: “https://evil.example/x”"),
        ("write to @some_channel", "“@some_channel”"),
        ("mail me: a.b@example.org", "“a.b@example.org”"),
        ("see evil-shop.com/1", "“evil-shop.com/1”"),
    ],
)
async def test_what_is_no_answer_is_refused_in_one_sentence_and_the_question_stays(
    here: Town, text: str, words: str
) -> None:
    made, _ = await captions(here)
    await joined(here, ANN)
    assert words in await wrote(here, ANN, text)
    assert await here.answers(made.id) == 0
    assert "Saved" in await wrote(here, ANN, "better words")


async def test_a_link_that_the_item_shows_may_be_written(here: Town) -> None:
    made, _ = await captions(here, texts("translate: voir https://example.org/a"))
    await joined(here, ANN)
    assert "Saved" in await wrote(here, ANN, "see https://example.org/a")
    assert await here.answers(made.id) == 1


async def test_ordinary_dots_and_numbers_are_no_links() -> None:
    for text in ("e.g. this one", "v1.2 costs 3.50 EUR", "Yes.No.Maybe", "it is 10:30 a.m.", "你好。世界"):
        assert cleaned(text, "") == text


async def test_pictures_and_commands_are_no_words(here: Town) -> None:
    made, _ = await captions(here)
    await joined(here, ANN)
    here.later(seconds=5)
    await here.send(ANN, sticker={"file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1,
                                  "is_animated": False, "is_video": False})  # fmt: skip
    assert "Only words count here" in here.last(ANN).text
    await here.send(ANN, "/nonsense")
    assert "do not know this command" in here.last(ANN).text
    assert await here.answers(made.id) == 0


async def test_the_second_half_of_a_message_does_not_answer_the_next_question(here: Town) -> None:
    """Two messages in one second, and what waited while the bot was away: written before the question was put."""
    made, _ = await captions(here, texts("one", "two", "three"))
    await joined(here, ANN)
    await wrote(here, ANN, "first half")
    await here.send(ANN, "second half")
    assert "came before the question" in here.last(ANN).text
    here.later(minutes=10)
    long_ago = int((here.now - timedelta(minutes=11)).timestamp())
    await here.send(ANN, "third part", date=long_ago)
    assert "came before the question" in here.last(ANN).text
    assert await here.answers(made.id) == 1
    assert "Saved" in await wrote(here, ANN, "an answer of its own")


async def test_undo_skip_problem_and_pay(here: Town) -> None:
    made, _ = await captions(here, texts("one", "two", "three", "four"), pay=20)
    await joined(here, ANN)
    await wrote(here, ANN, "words")
    await here.send(ANN, "/stats")
    assert "€0.02" in here.last(ANN).text
    assert await here.tap(ANN, "Undo") == "Taken back. Here it is again."
    assert await here.answers(made.id) == 0
    await here.send(ANN, "/stats")
    assert "€0.00" in here.last(ANN).text and "how often you are right" not in here.last(ANN).text
    await here.send(ANN, "/next")
    assert "Saved" in await wrote(here, ANN, "other words")
    assert "Skipped" in await here.tap(ANN, "Skip")
    assert "Reported" in await here.tap(ANN, "Problem")
    assert await here.answers(made.id) == 1


async def test_a_late_answer_is_taken(here: Town) -> None:
    made, _ = await captions(here)
    await joined(here, ANN)
    here.later(hours=2)
    await here.store.ledger.transact(lambda tx: expire(tx, here.now))
    assert "came late and still counts" in await wrote(here, ANN, "late words")
    assert await here.answers(made.id) == 1
    before = len(here.letters)
    await here.send(ANN, "more words")
    assert len(here.letters) > before and await here.answers(made.id) == 1


async def judged(here: Town, person: int, verdicts: dict[str, str]) -> None:
    """Taps through all candidates that a person gets."""
    await joined(here, person, "check")
    while (open_ := here.open_bubbles(person)) and "good" in open_[-1].buttons:
        text = next(text for text in verdicts if f"✎ {text}" in open_[-1].text)
        await here.tap(person, verdicts[text], open_[-1])


async def test_texts_are_judged_by_others_and_the_best_one_is_exported(here: Town) -> None:
    made, check = await captions(here, texts("a dog <b>"))
    for person, text in ((ANN, "=A dog"), (BOB, "cat")):
        await joined(here, person)
        await wrote(here, person, text)
    for person in (ANN, BOB):
        await joined(here, person, "check")
        assert "Nothing is left for you here" in here.last(person).text
    for person in (CYD, DAN):
        await judged(here, person, {"=A dog": "good", "cat": "bad"})
    archive = SqlArchive(here.store.writer.database)
    found = await asyncio.to_thread(archive.texts, made.id)
    rows = list(csv.DictReader(io.StringIO("".join(consensus_csv(made, archive.consensus(made.id), found)))))
    assert [(row["task"], row["label"], row["verdict"]) for row in rows] == [("i0", "'=A dog", "settled")]
    assert float(rows[0]["confidence"]) > 0.6
    written = list(csv.DictReader(io.StringIO("".join(answers_csv(made, archive.answers(made.id), found)))))
    assert [(row["label"], row["form"]) for row in written] == [("'=A dog", "text"), ("cat", "text")]
    labels = {one.slug: one.labels for one in (made, check)}
    came = list(csv.DictReader(io.StringIO("".join(provenance_csv(archive.provenance(check.id), labels)))))
    assert [tuple(row.values()) for row in came] == [
        ("captions", "i0", "text", "check", "captions/i0#1", "fed"),
        ("captions", "i0", "text", "check", "captions/i0#2", "fed"),
    ]


async def test_where_no_text_is_good_the_item_is_disputed_in_the_export(here: Town) -> None:
    made, _ = await captions(here)
    for person, text in ((ANN, "one"), (BOB, "two")):
        await joined(here, person)
        await wrote(here, person, text)
    for person in (CYD, DAN):
        await judged(here, person, {"one": "bad", "two": "bad"})
    archive = SqlArchive(here.store.writer.database)
    rows = list(csv.DictReader(io.StringIO("".join(
        consensus_csv(made, archive.consensus(made.id), archive.texts(made.id))
    ))))  # fmt: skip
    assert [(row["label"], row["verdict"]) for row in rows] == [("", "disputed")]


async def test_an_admin_makes_chains_and_sees_them(here: Town) -> None:
    await here.send(ADMIN, "/new products\ntitle: Products\nquestion: Which product?\nlabels: phone, lamp\noverlap: 2")
    await here.send(
        ADMIN,
        "/new reviews\ntitle: Reviews\nquestion: What is it?\nlabels: praise, complaint\noverlap: 2-3\n"
        "confidence: 0.6\nthen: complaint -> products, others",
    )
    assert "settled on “complaint” in reviews goes on into products" in here.last(ADMIN).text
    assert "Nobody gets an item twice on its way." in here.last(ADMIN).text
    await here.send(ADMIN, "/then")
    assert "reviews: complaint -&gt; products (0 fed, other workers)" in here.chats[ADMIN][-1].text
    await here.send(ADMIN, "/stats reviews")
    assert "complaint -&gt; products (0 fed" in here.last(ADMIN).text
    await here.send(ADMIN, "/campaigns")
    assert "complaint -&gt; products (0 fed" in here.last(ADMIN).text
    for text, words in (
        ("/then products: phone -> reviews", "would run in a circle: products -&gt; reviews -&gt; products"),
        ("/then reviews: complaint -> products", "This chain is there already"),
        ("/then reviews: boring -> products", "has no label “boring”; it has: praise, complaint"),
        ("/then reviews: praise -> nowhere", "no campaign named nowhere"),
        ("/then reviews", "Write it as “/then reviews"),
        ("/then reviews: praise -> reviews", "cannot feed itself"),
    ):
        await here.send(ADMIN, text)
        assert words in here.last(ADMIN).text, text
    here.languages[ADMIN] = "zh"
    await here.send(ADMIN, "/then reviews: praise -> products")
    assert "goes on into" in here.last(ADMIN).text
    await here.send(ANN, "/then reviews: praise -> products")
    assert "do not know this command" in here.last(ANN).text


async def test_a_new_of_texts_needs_no_labels_and_refuses_controls(here: Town) -> None:
    await here.send(ADMIN, "/new check\ntitle: Check\nquestion: Is it good?\nlabels: good, bad")
    await here.send(ADMIN, "/new words\nkind: text\ntitle: W\nquestion: Which word is wrong?\nthen: -> check")
    assert "the text that is likeliest “good” wins" in here.last(ADMIN).text
    here.wire.files["f1"] = b"id,text,label\n1,x,text\n"
    document = {"file_id": "f1", "file_unique_id": "u", "file_name": "c.csv", "file_size": 20}
    await here.send(ADMIN, document=document, caption="words controls")
    assert "are written" in here.last(ADMIN).text
    await here.send(ADMIN, "/new bad\nkind: text\ntitle: W\nquestion: Q\nthen: -> words")
    assert "needs a campaign with labels to judge it" in here.last(ADMIN).text


async def test_a_label_chain_through_the_chat(here: Town) -> None:
    items = [NewItem("i0", Content(Medium.TEXT, "it broke"))]
    await here.campaign("products", labels=("phone", "lamp"), wordings={}, policy=QUICK)
    await here.campaign("reviews", items, labels=("praise", "complaint"), wordings={}, policy=QUICK)
    await here.send(ADMIN, "/then reviews: complaint -> products, others")
    for person in (ANN, BOB):
        await joined(here, person, "reviews")
        await here.tap(person, "complaint")
    await joined(here, ANN, "products")
    assert "Nothing is left for you here" in here.last(ANN).text
    await joined(here, CYD, "products")
    assert "it broke" in here.open_bubbles(CYD)[-1].text and "phone" in here.open_bubbles(CYD)[-1].buttons
    await here.tap(BOB, "Undo")
    await here.send(ADMIN, "/stats products")
    assert "complaint -&gt; products (0 fed" in here.last(ADMIN).text


async def test_the_feeder_sends_on_what_a_refit_settled(here: Town) -> None:
    products = await here.campaign("products", labels=("phone", "lamp"), wordings={}, policy=QUICK)
    reviews = await here.campaign("reviews", texts("one", "two"), labels=("praise", "complaint"), wordings={})
    ledger, archive = here.store.ledger, SqlArchive(here.store.writer.database)
    feeder = Feeder(ledger, archive)
    assert await feeder.feed() == 0

    async def believe(name: str, verdict: Verdict) -> None:
        def work(tx: Any) -> None:
            item = tx.item_named(reviews.id, name)
            tx.save_item(replace(item, posterior=(0.01, 0.99), verdict=verdict))

        await ledger.transact(work)

    await believe("i0", Verdict.SETTLED)
    await ledger.transact(lambda tx: add_chain(tx, Link("reviews", "complaint", "products")))
    assert await feeder.feed() == 1
    assert await feeder.feed() == 0
    await believe("i1", Verdict.SETTLED)
    assert await Feeder(ledger, archive).feed() == 1, "a new process looks at everything once"
    await believe("i0", Verdict.OPEN)
    assert await feeder.mend(reviews.id) == 1
    head = await ledger.transact(lambda tx: tx.head(products.id, -1, 9))  # type: ignore[arg-type]
    assert len(head.items) == 1
    states = await ledger.transact(lambda tx: [f.state for f in tx.fed(tx.item_named(reviews.id, "i0").id)])
    assert states == [FedState.WITHDRAWN]
