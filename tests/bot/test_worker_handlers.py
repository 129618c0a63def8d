"""A worker's way through the bot, on the real handlers, store and PTB application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.telegram.callbacks import pack
from bot.telegram.worker_handlers import commands
from core.campaign import CampaignState
from core.ids import Account, QuestionId
from core.item import Content, Medium, NewItem
from core.question import Tap
from core.service import expire
from core.worker import Worker
from tests.bot.phone import ANN, BOB, Town, texts, town


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def joined(here: Town, person: int = ANN) -> None:
    await here.send(person, "/start pets")
    await here.tap(person, "I agree")


async def worker(here: Town, number: int = ANN) -> Worker | None:
    return await here.store.ledger.transact(lambda tx: tx.worker(Account("telegram", number)))


async def test_a_deep_link_leads_to_consent_and_then_to_the_first_question(here: Town) -> None:
    await here.campaign(items=texts("meow <b>"))
    await here.send(ANN, "/start pets")
    screen = here.last(ANN)
    assert "Which animal is it?" in screen.text and "unpaid" in screen.text and "Telegram number" in screen.text
    assert not here.open_bubbles(ANN)
    await here.tap(ANN, "I agree")
    (bubble,) = here.open_bubbles(ANN)
    assert "<blockquote>meow &lt;b&gt;</blockquote>" in bubble.text
    assert list(bubble.buttons) == ["cat", "dog", "Not sure", "Skip", "Problem"]
    assert here.chats[ANN][0].buttons == {}


async def test_an_answer_edits_the_same_bubble_into_the_next_question(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    (first,) = here.open_bubbles(ANN)
    assert await here.tap(ANN, "cat") == "Saved: “cat”."
    (second,) = here.open_bubbles(ANN)
    assert second.number == first.number and second.text != first.text
    assert second.text.startswith("<i>Saved: “cat”.</i>") and "Undo" in second.buttons
    assert await here.answers(campaign.id) == 1


async def test_when_nothing_is_left_the_bubble_says_so_and_looks_again(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await joined(here)
    await here.tap(ANN, "cat")
    assert "Nothing is left" in here.last(ANN).text and list(here.last(ANN).buttons) == ["Look again", "Undo"]
    assert "Nothing is left" in await here.tap(ANN, "Look again")
    await here.tap(ANN, "Undo")
    assert "one" in here.last(ANN).text and len(here.open_bubbles(ANN)) == 1


async def test_undo_asks_the_same_item_again_and_takes_the_answer_out(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    first = here.open_bubbles(ANN)[0].text
    await here.tap(ANN, "cat")
    assert await here.tap(ANN, "Undo") == "Taken back. Here it is again."
    (bubble,) = here.open_bubbles(ANN)
    assert first in bubble.text and "Undo" not in bubble.buttons
    assert await here.answers(campaign.id) == 0


async def test_an_undo_that_comes_again_later_does_not_undo_the_new_answer(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    await here.tap(ANN, "cat")
    (bubble,) = here.open_bubbles(ANN)
    await here.tap(ANN, "Undo")
    await here.tap(ANN, "dog")
    assert "out of date" in await here.tap(ANN, "Undo", bubble)
    assert await here.answers(campaign.id) == 1


async def test_a_double_tap_changes_nothing(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    (bubble,) = here.open_bubbles(ANN)
    await here.tap(ANN, "cat", bubble)
    before = len(here.letters)
    assert "done already" in await here.tap(ANN, "cat", bubble)
    assert len(here.letters) == before and await here.answers(campaign.id) == 1


async def test_stale_and_foreign_and_forged_buttons_get_one_sentence_and_change_nothing(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    await joined(here, BOB)
    (hers,) = here.open_bubbles(ANN)
    before = len(here.letters)
    assert "somebody else" in await here.tap(BOB, "cat", hers)
    old = pack(Tap(QuestionId("nonexistent0"), 0, 1))
    assert "out of date" in await here.press(ANN, old, hers)
    for forged in ("", "a:x:0:0:0", "y:99999", "l:xx", "'; DROP TABLE item", hers.buttons["cat"][:-1] + "9"):
        assert "out of date" in await here.press(ANN, forged, hers)
    assert len(here.letters) == before and await here.answers(campaign.id) == 0


async def test_skip_problem_and_not_sure_move_on(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two", "three", "four"))
    await joined(here)
    assert "Skipped" in await here.tap(ANN, "Skip")
    assert "Reported" in await here.tap(ANN, "Problem")
    assert await here.tap(ANN, "Not sure") == "Saved: “not sure”."
    assert len(here.open_bubbles(ANN)) == 1 and await here.answers(campaign.id) == 1


async def test_typed_commands_leave_one_bubble_with_buttons(here: Town) -> None:
    await here.campaign(items=texts("one", "two", "three", "four"))
    await joined(here)
    for text in ("/next", "/skip", "hello", "/start", "/next"):
        await here.send(ANN, text)
        assert len(here.open_bubbles(ANN)) == 1, text
    await here.tap(ANN, "cat")
    await here.send(ANN, "/undo")
    assert len(here.open_bubbles(ANN)) == 1 and "Taken back" in here.last(ANN).text


async def test_nothing_to_skip_or_undo_is_said(here: Town) -> None:
    await here.campaign()
    await joined(here)
    await here.send(ANN, "/skip")
    assert "no open question" in here.last(ANN).text
    await here.send(ANN, "/undo")
    assert "nothing to take back" in here.last(ANN).text


async def test_a_missed_control_shows_the_label_and_the_reason_and_cannot_be_undone(here: Town) -> None:
    control = NewItem("c", Content(Medium.TEXT, "woof"), truth=1, reason="Dogs say woof.")
    await here.campaign(items=[control, *texts("one")], policy={"control_share": 1.0})
    await joined(here)
    assert "woof" in here.last(ANN).text
    assert await here.tap(ANN, "cat") == "The answer to this one is known: “dog”. Dogs say woof."
    assert "Dogs say woof." in here.last(ANN).text and "Undo" not in here.last(ANN).buttons
    await here.send(ANN, "/undo")
    assert "no longer" in here.last(ANN).text


async def test_an_item_settles_in_front_of_the_worker(here: Town) -> None:
    await here.campaign(items=texts("one"), policy={"confidence": 0.5})
    await joined(here)
    await here.tap(ANN, "cat")
    await joined(here, BOB)
    assert await here.tap(BOB, "cat") == "Saved: “cat”. That settled the item."


async def test_a_late_answer_counts(here: Town) -> None:
    campaign = await here.campaign(items=texts("one"))
    await joined(here)
    here.later(hours=5)
    assert "late" in await here.tap(ANN, "cat")
    assert await here.answers(campaign.id) == 1


async def test_text_and_pictures_take_turns_in_new_bubbles(here: Town) -> None:
    sha = await here.store.ledger.transact(lambda tx: tx.add_media(b"png", "image/png"))
    picture = NewItem("p", Content(Medium.IMAGE, "a picture", sha))
    await here.campaign(items=[picture, *texts("one", "two")])
    await joined(here)
    media = set()
    for _ in range(3):
        (bubble,) = here.open_bubbles(ANN)
        media.add(bool(bubble.photo))
        await here.tap(ANN, "cat")
    assert media == {True, False} and not here.open_bubbles(ANN)


async def test_stop_frees_the_seat_and_start_returns_it(here: Town) -> None:
    await here.campaign(items=texts("one"), policy={"max_overlap": 2})
    await joined(here)
    await here.send(ANN, "/stop")
    stopped = await worker(here)
    assert stopped and not stopped.reachable and not here.open_bubbles(ANN)
    await here.send(ANN, "/start")
    back = await worker(here)
    assert back and back.reachable and len(here.open_bubbles(ANN)) == 1


async def test_blocking_the_bot_is_noted_without_a_word(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await joined(here)
    before = len(here.letters)

    async def membership(status: str) -> None:
        chat = {"id": ANN, "type": "private", "first_name": "P"}
        member = {"user": {"id": 999, "is_bot": True, "first_name": "L"}}
        new = {**member, "status": status} | ({"until_date": 0} if status == "kicked" else {})
        change = {"chat": chat, "from": here.person(ANN), "date": 1, "new_chat_member": new}
        await here.update({"my_chat_member": {**change, "old_chat_member": {**member, "status": "left"}}})

    await membership("kicked")
    gone = await worker(here)
    await membership("member")
    back = await worker(here)
    assert gone and not gone.reachable and back and back.reachable
    assert len(here.letters) == before


async def test_the_language_is_kept(here: Town) -> None:
    await here.campaign(items=texts("one"))
    here.languages[BOB] = "zh-hans"
    await here.send(BOB, "/start pets")
    await here.tap(BOB, "我同意")
    assert list(here.last(BOB).buttons) == ["猫", "狗", "不确定", "跳过", "有问题"]
    await joined(here)
    await here.send(ANN, "/language")
    await here.tap(ANN, "中文")
    assert "猫" in here.last(ANN).buttons and "现在我说中文了。" in here.chats[ANN][-2].text
    await here.send(ANN, "/nonsense")
    assert "不认识" in here.last(ANN).text


async def test_unknown_commands_and_campaigns_get_one_sentence(here: Town) -> None:
    await here.send(ANN, "/frobnicate")
    assert here.last(ANN).text == "I do not know this command. /help lists those that I know."
    await here.send(ANN, "/new cats")
    assert here.last(ANN).text == "I do not know this command. /help lists those that I know."
    await here.send(ANN, "/start elsewhere")
    assert here.last(ANN).text == "There is no campaign named elsewhere."
    await here.send(ANN, "/start")
    assert "no open campaign" in here.last(ANN).text


async def test_several_campaigns_are_offered_also_where_one_is_empty(here: Town) -> None:
    await here.campaign("pets", title="Pets")
    await here.campaign("cars", texts("vroom"), title="Cars & vans")
    await here.send(ANN, "/start")
    await here.tap(ANN, "Pets")
    await here.tap(ANN, "I agree")
    assert "Nothing is left" in here.last(ANN).text
    await here.tap(ANN, "Cars & vans")
    assert "vroom" in here.last(ANN).text


async def test_a_paused_campaign_says_so_and_still_takes_answers(here: Town) -> None:
    campaign = await here.campaign(items=texts("one", "two"))
    await joined(here)
    await here.store.ledger.transact(lambda tx: tx.set_state(campaign.id, CampaignState.PAUSED))
    assert await here.tap(ANN, "cat") == "Saved: “cat”."
    assert "paused" in here.last(ANN).text and await here.answers(campaign.id) == 1


async def test_stats_tell_answers_money_and_reliability_with_its_doubt(here: Town) -> None:
    controls = [NewItem(f"c{n}", Content(Medium.TEXT, "woof"), truth=1) for n in range(6)]
    await here.campaign(items=[*controls, *texts("one")], policy={"control_share": 1.0, "pay": 20})
    await joined(here)
    await here.send(ANN, "/stats")
    assert "0 answers" in here.last(ANN).text and "After a few more" in here.last(ANN).text
    await here.send(ANN, "/next")
    for _ in range(6):
        await here.tap(ANN, "dog")
    await here.send(ANN, "/stats")
    text = here.last(ANN).text
    assert "6 answers" in text and "€0.12" in text and "right about" in text and "95% sure" in text
    assert "Of 6 questions with a known answer you got 6 right." in text


async def test_help_lists_commands_and_the_instructions(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await joined(here)
    await here.send(ANN, "/help")
    assert all(f"/{name}" in here.last(ANN).text for name, _ in commands("en"))
    assert "Which animal is it?" in here.last(ANN).text and "/new" not in here.last(ANN).text


async def test_an_expired_question_is_asked_again_after_a_gap(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await joined(here)
    here.later(hours=1)
    assert await here.store.ledger.transact(lambda tx: expire(tx, here.now)) == 1
    await here.send(ANN, "/next")
    assert len(here.open_bubbles(ANN)) == 1


async def test_groups_and_edited_messages_are_left_alone(here: Town) -> None:
    chat = {"id": -5, "type": "group", "title": "g"}
    body = {"message_id": 1, "date": 1, "chat": chat, "from": here.person(ANN), "text": "hi"}
    await here.update({"message": body})
    await here.update({"edited_message": {**body, "chat": {"id": ANN, "type": "private"}, "edit_date": 2}})
    assert not here.letters and await worker(here) is None


async def test_commands_have_words_in_each_language() -> None:
    assert [name for name, _ in commands("en")] == [name for name, _ in commands("zh")]
    assert all(0 < len(text) <= 256 for language in ("en", "zh") for _, text in commands(language))
