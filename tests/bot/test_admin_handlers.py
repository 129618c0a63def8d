"""An admin's way: describe a campaign, send a file, watch it; every mistake is one sentence and changes nothing."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.telegram.admin_handlers import commands
from bot.telegram.worker_handlers import commands as everybody
from core.campaign import CampaignState
from core.ports import Progress
from tests.bot.phone import ADMIN, ANN, Town, archive, texts, town

NEW = "/new pets\ntitle: Pets\nquestion: Which animal is it?\nlabels: cat, dog"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def file(here: Town, name: str, content: bytes, caption: str = "", person: int = ADMIN) -> str:
    """Sends a file; what the bot says to it."""
    here.wire.files[name] = content
    document = {"file_id": name, "file_unique_id": "u", "file_name": name, "file_size": len(content)}
    more = {"caption": caption} if caption else {}
    letters = await here.send(person, document=document, **more)
    assert len(letters) == 1
    return here.last(person).text


async def progress(here: Town, slug: str = "pets") -> Progress:
    return await here.store.ledger.transact(lambda tx: tx.progress(tx.campaign_named(slug).id))


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


async def test_a_campaign_is_made_in_one_message(here: Town) -> None:
    await here.send(ADMIN, NEW + "\noverlap: 3-4\nlabels.zh: 猫, 狗")
    text = here.last(ADMIN).text
    assert "“Pets” is open under the name pets." in text and "https://t.me/loop_bot?start=pets" in text
    campaign = await here.store.ledger.transact(lambda tx: tx.campaign_named("pets"))
    assert campaign.labels == ("cat", "dog") and campaign.policy.max_overlap == 4
    assert campaign.choices("zh") == ("猫", "狗")


async def test_bare_new_shows_an_example_that_works(here: Town) -> None:
    await here.send(ADMIN, "/new")
    text = here.last(ADMIN).text
    example = text.partition("<pre>")[2].partition("</pre>")[0]
    assert example.startswith("/new pets") and "labels.zh" in text
    await here.send(ADMIN, example)
    assert "is open" in here.last(ADMIN).text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/new pets\ntitle: Pets\nquestion: Which?", "labels: is missing; bare /new shows an example to copy."),
        (NEW + "\ncolour: red", "line 5, colour: is not a key; known keys: title, question"),
        ("/pause nowhere", "There is no campaign named nowhere."),
        ("/stats nowhere", "There is no campaign named nowhere."),
        ("/train", "There is no campaign yet. /new explains how to make one."),
        ("/campaigns", "There is no campaign yet. /new explains how to make one."),
        ("/frobnicate", "I do not know this command. /help lists those that I know."),
    ],
)
async def test_mistakes_are_one_sentence(here: Town, text: str, sentence: str) -> None:
    letters = await here.send(ADMIN, text)
    assert len(letters) == 1 and here.last(ADMIN).text.startswith(sentence)
    assert await here.store.ledger.transact(lambda tx: tx.campaigns()) == []


async def test_a_taken_name_is_refused_and_nothing_changes(here: Town) -> None:
    await here.send(ADMIN, NEW)
    await here.send(ADMIN, NEW.replace("Pets", "Others"))
    assert "pets" in here.last(ADMIN).text
    (campaign,) = await here.store.ledger.transact(lambda tx: tx.campaigns())
    assert campaign.draft.title == "Pets"


async def test_pause_and_resume(here: Town) -> None:
    await here.campaign(items=texts("one"))
    for command, state in (("/pause", CampaignState.PAUSED), ("/resume pets", CampaignState.OPEN)):
        await here.send(ADMIN, command)
        assert (await here.store.ledger.transact(lambda tx: tx.campaign_named("pets"))).state is state
    await here.campaign("cars")
    await here.send(ADMIN, "/pause")
    assert here.last(ADMIN).text == "Which campaign? Write its name behind the command: pets, cars."


async def test_campaigns_and_stats_show_progress(here: Town) -> None:
    await here.campaign(items=texts("one", "two"), policy={"confidence": 0.5, "pay": 20})
    for person in (ANN, ADMIN):
        await here.send(person, "/start pets")
        await here.tap(person, "I agree")
        await here.tap(person, "cat")
        await here.tap(person, "cat")
    await here.send(ADMIN, "/campaigns")
    assert "▓▓▓▓▓▓▓▓▓▓▓▓ 100%, 2 of 2 items settled" in here.last(ADMIN).text
    await here.send(ADMIN, "/stats pets")
    text = here.last(ADMIN).text
    assert "4 answers from 2 workers, 2 an item" in text and "€0.08" in text and "No version serves yet" in text
    await here.send(ADMIN, "/stats")
    assert "You have given 2 answers." in here.chats[ADMIN][-2].text and "?start=pets" in here.last(ADMIN).text


async def test_errands_are_started_and_answered_at_once(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await here.send(ADMIN, "/export")
    assert "Exporting pets" in here.last(ADMIN).text
    await here.send(ADMIN, "/train pets")
    assert "A night begins for pets" in here.last(ADMIN).text
    assert here.errands.asked == [("export", "pets", ADMIN), ("train", "pets", ADMIN)]
    await here.send(ADMIN, "/train cars")
    assert "no campaign named cars" in here.last(ADMIN).text and len(here.errands.asked) == 2


@pytest.mark.parametrize("text", ["/new", NEW, "/campaigns", "/pause", "/resume", "/export", "/train"])
async def test_others_have_no_such_commands(here: Town, text: str) -> None:
    await here.campaign("cars", texts("one"))
    await here.send(ANN, text)
    assert here.last(ANN).text == "I do not know this command. /help lists those that I know."
    assert len(await here.store.ledger.transact(lambda tx: tx.campaigns())) == 1 and not here.errands.asked


async def test_help_of_an_admin_has_both_lists(here: Town) -> None:
    await here.send(ADMIN, "/help")
    both = [*commands("en"), *everybody("en")]
    assert all(f"/{name} - {text}" in here.last(ADMIN).text for name, text in both)
    assert not {name for name, _ in commands("zh")} & {name for name, _ in everybody("zh")}


async def test_a_file_of_texts_becomes_items(here: Town) -> None:
    await here.send(ADMIN, NEW)
    text = await file(here, "items.csv", b"id,text\na,meow\nb,woof\n")
    assert text.startswith("2 items from items.csv are in pets.") and "?start=pets" in text
    assert (await progress(here)).items == 2
    text = await file(here, "more.jsonl", b'{"id": "c", "text": "moo"}\n', "pets")
    assert "1 item from more.jsonl is in pets" in text


async def test_labels_are_truths_only_where_the_caption_says_so(here: Town) -> None:
    await here.send(ADMIN, NEW)
    await file(here, "a.csv", b"id,text,label\na,meow,cat\n")
    assert (await progress(here)).controls == 0
    assert "1 is a control" in await file(here, "b.csv", b"id,text,label\nb,woof,dog\n", "pets controls")
    assert (await progress(here)).controls == 1


async def test_a_zip_of_pictures_becomes_items_with_pictures(here: Town) -> None:
    await here.send(ADMIN, NEW + "\naudit_share: 0")
    assert "1 item" in await file(here, "pictures.zip", archive(one__png=png()))
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    assert here.last(ANN).photo and "cat" in here.last(ANN).buttons


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("name", "content", "caption", "words"),
    [
        ("a.csv", b"id,words\n1,meow\n", "", ["a.csv", "text"]),
        ("a.csv", "id,text\n1,Gr\u00fc\u00dfe\n".encode("latin-1"), "", ["a.csv", "UTF-8"]),
        ("a.csv", b"", "", ["a.csv", "empty"]),
        ("a.csv", b"id,text\n1,meow\n1,woof\n", "", ["a.csv", "line 3", "1"]),
        ("a.csv", f"id,text\n1,meow\n2,{LONG}\n".encode(), "", ["a.csv", "line 3", "5,000"]),
        ("a.zip", archive(one__png=b"not a picture"), "", ["one.png"]),
        ("a.zip", b"not a zip", "", ["a.zip"]),
        ("a.jsonl", b'{"id": 1, "text": "meow"}\n{"id":\n', "", ["a.jsonl", "line 2"]),
        ("a.docx", b"whatever", "", ["a.docx"]),
        ("a.csv", b"id,text,label\n1,meow,bird\n", "controls", ["a.csv", "line 2", "bird"]),
        ("a.csv", b"id,text\n1,meow\n", "nowhere", ["There is no campaign named nowhere."]),
        ("a.csv", b"id,text\n1,meow\n", "pets and more", ["Below a file write"]),
        ("a.csv", b"id,text\n1,meow\n", "pets controls", ["a.csv"]),
    ],
)
async def test_a_bad_file_is_one_sentence_with_its_place_and_changes_nothing(
    here: Town, name: str, content: bytes, caption: str, words: list[str]
) -> None:
    await here.send(ADMIN, NEW)
    text = await file(here, name, content, caption)
    assert all(word in text for word in words), text
    assert "Traceback" not in text and "Error" not in text and len(text) < 300
    assert (await progress(here)).items == 0 and (await progress(here)).controls == 0


async def test_a_name_that_is_known_is_refused_with_all_of_its_file(here: Town) -> None:
    await here.send(ADMIN, NEW)
    await file(here, "a.csv", b"id,text\n1,meow\n")
    text = await file(here, "b.csv", b"id,text\n2,moo\n1,woof\n")
    assert "item '1' is in 'pets' already" in text and (await progress(here)).items == 1


async def test_a_file_that_telegram_does_not_hand_out_is_asked_for_again(here: Town) -> None:
    await here.send(ADMIN, NEW)
    document = {"file_id": "lost", "file_unique_id": "u", "file_name": "a.csv", "file_size": 10}
    await here.send(ADMIN, document=document)
    assert here.last(ADMIN).text == "a.csv could not be fetched from Telegram. Send it again."
    await here.send(ADMIN, document={**document, "file_size": 50_000_000})
    assert "50 MB" in here.last(ADMIN).text and "20 MB" in here.last(ADMIN).text


async def test_a_file_without_a_campaign_and_a_file_of_a_worker(here: Town) -> None:
    assert "There is no campaign yet" in await file(here, "a.csv", b"id,text\n1,meow\n")
    await here.campaign()
    here.wire.files["a.csv"] = b"id,text\n1,meow\n"
    document = {"file_id": "a.csv", "file_unique_id": "u", "file_name": "a.csv", "file_size": 5}
    await here.send(ANN, document=document)
    assert (await progress(here)).items == 0 and "buttons and commands only" in here.chats[ANN][0].text


async def test_chinese_admins_read_chinese(here: Town) -> None:
    here.languages[ADMIN] = "zh-hans"
    await here.send(ADMIN, "/new pets\ntitle: 宠物\nquestion: 是什么？\nlabels: 猫")
    assert here.last(ADMIN).text == "第 4 行，labels：至少需要两个标签。没有做任何改动。"
