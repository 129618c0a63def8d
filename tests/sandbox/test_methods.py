"""Every method and every refusal, through the unmodified python-telegram-bot over loopback."""

from __future__ import annotations

import json

import aiohttp
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    MenuButtonCommands,
    ReplyParameters,
)
from telegram.error import BadRequest, Forbidden, InvalidToken

from bot.sandbox import Sandbox, unique_id

from .conftest import Clock, png, ptb_bot


def buttons(*texts: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=f"pick {text}") for text in texts]])


async def test_who_am_i(bot: Bot, sandbox: Sandbox) -> None:
    me = await bot.get_me()
    assert me.is_bot and me.username == "crowdloop_bot" and str(me.id) == sandbox.token.split(":")[0]


async def test_a_wrong_token_is_unauthorized(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidToken):
        await ptb_bot(sandbox, token="1:wrong").get_me()
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.base_url}1:wrong/getMe") as answer:
        assert await answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_an_unknown_method_is_not_found(sandbox: Sandbox) -> None:
    url = f"{sandbox.base_url}{sandbox.token}/sendDice"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404
        assert await answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_the_three_shapes_of_a_call(sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    fields = {"chat_id": str(ann.id), "text": "<b>hi</b>", "parse_mode": "HTML"}
    form = aiohttp.FormData(fields)
    multipart = aiohttp.FormData(fields, default_to_multipart=True)
    url = f"{sandbox.base_url}{sandbox.token}/SENDMESSAGE"
    async with aiohttp.ClientSession() as session:
        for shape in ({"json": fields | {"chat_id": ann.id}}, {"data": form}, {"data": multipart}, {"params": fields}):
            async with session.post(url, **shape) as answer:
                assert (await answer.json())["result"]["text"] == "hi"


async def test_a_message_with_buttons(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person(language_code="zh")
    await ann.say("/start demo")
    sent = await bot.send_message(
        ann.id, "  A <b>cat</b> 🐱 &amp; /next ", parse_mode="HTML", reply_markup=buttons("yes", "no")
    )
    assert sent.text == "A cat 🐱 & /next"
    assert [(e.type, sent.parse_entity(e)) for e in sent.entities] == [("bold", "cat"), ("bot_command", "/next")]
    assert sent.reply_markup == buttons("yes", "no")
    assert abs(sent.date.timestamp() - 1_800_000_000) < 1
    nested = await bot.send_message(ann.id, "<b>😀 <i>x &lt; y</i></b>&nbsp;<code>z</code>", parse_mode="HTML")
    assert nested.text == "😀 x < y&nbsp;z"
    found = [(entity.type, entity.offset, entity.length) for entity in nested.entities]
    assert found == [("bold", 0, 8), ("italic", 3, 5), ("code", 14, 1)]
    bubble = ann.messages[-2]
    assert (bubble.text, bubble.mine, [key.text for key in bubble.keys]) == ("A cat 🐱 & /next", False, ["yes", "no"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "message text is empty"),
        ("   ", "message text is empty"),
        ("x" * 4097, "message is too long"),
        ("😀" * 2049, "message is too long"),
        ("a < b", "can't parse entities: unclosed start tag at byte offset 2"),
        ("é <b>x", "can't parse entities: can't find end tag corresponding to start tag \"b\""),
        ("é <div>x</div>", 'can\'t parse entities: unsupported start tag "div" at byte offset 3'),
        ("<b>x</i>", 'expected "</b>", found "</i>"'),
        ("x</b>", "can't parse entities: unexpected end tag at byte offset 1"),
    ],
)
async def test_words_that_are_refused(bot: Bot, sandbox: Sandbox, text: str, words: str) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(ann.id, text, parse_mode="HTML")
    assert words.lower() in str(refused.value).lower()
    assert len(ann.messages) == 1


async def test_just_fitting_words_pass(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    await bot.send_message(ann.id, "x" * 4096)
    data = InlineKeyboardMarkup([[InlineKeyboardButton("b", callback_data="é" * 32)]])
    await bot.send_message(ann.id, f"<b>{'x' * 4096}</b>", parse_mode="HTML", reply_markup=data)


@pytest.mark.parametrize("data", ["x" * 65, "é" * 33])
async def test_button_data_has_64_bytes(bot: Bot, sandbox: Sandbox, data: str) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("b", callback_data=data)]])
        await bot.send_message(ann.id, "x", reply_markup=markup)


async def test_where_a_bot_may_not_write(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(ann.id, "before Start")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(987654, "to nobody")
    await ann.say("/start")
    await ann.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ann.id, "still there?")
    await ann.unblock()
    await bot.send_message(ann.id, "welcome back")


async def test_edits(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    own = await ann.say("/start")
    sent = await bot.send_message(ann.id, "one", reply_markup=buttons("a"))
    edited = await bot.edit_message_text("two", ann.id, sent.message_id, reply_markup=buttons("b"))
    assert edited is not True and edited.text == "two" and edited.edit_date is not None
    assert (ann.messages[-1].text, ann.messages[-1].edited, ann.messages[-1].keys[0].text) == ("two", True, "b")
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content and reply"):
        await bot.edit_message_text("two", ann.id, sent.message_id, reply_markup=buttons("b"))
    await bot.edit_message_reply_markup(ann.id, sent.message_id)
    assert ann.messages[-1].keys == ()
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ann.id, 999)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ann.id, own.id)
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await bot.edit_message_caption(ann.id, sent.message_id, caption="x")


async def test_deletion(bot: Bot, sandbox: Sandbox, clock: Clock) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sent = await bot.send_message(ann.id, "gone soon")
    assert await bot.delete_message(ann.id, sent.message_id)
    assert [bubble.text for bubble in ann.messages] == ["/start"]
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(ann.id, sent.message_id)
    old = await bot.send_message(ann.id, "old")
    clock.now += 49 * 3600
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(ann.id, old.message_id)


async def test_pictures_by_upload_and_by_id(bot: Bot, sandbox: Sandbox) -> None:
    ann, bob = sandbox.person(), sandbox.person()
    await ann.say("/start")
    await bob.say("/start")
    sent = await bot.send_photo(ann.id, png(), caption="<i>what?</i>", parse_mode="HTML", reply_markup=buttons("x"))
    assert (sent.photo[-1].width, sent.photo[-1].height, sent.caption) == (40, 30, "what?")
    assert sent.photo[-1].file_unique_id == unique_id(png()) == ann.messages[-1].photo
    again = await bot.send_photo(bob.id, sent.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == sent.photo[-1].file_unique_id
    file = await bot.get_file(sent.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == png()
    assert await ann.download(ann.messages[-1]) == png()


async def test_media_in_place(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sent = await bot.send_photo(ann.id, png("red"), caption="one")
    await bot.edit_message_media(InputMediaPhoto(png("blue"), caption="two"), ann.id, sent.message_id)
    assert (ann.messages[-1].photo, ann.messages[-1].caption) == (unique_id(png("blue")), "two")
    await bot.edit_message_caption(ann.id, sent.message_id, caption="three")
    assert ann.messages[-1].caption == "three"
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("x", ann.id, sent.message_id)
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.edit_message_caption(ann.id, sent.message_id, caption="x" * 1025)
    album = await bot.send_media_group(ann.id, [InputMediaPhoto(png("red")), InputMediaPhoto(png("green"))])
    assert len({message.media_group_id for message in album}) == 1 and len(ann.messages) == 4


async def test_other_files(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    document = await bot.send_document(ann.id, b"text,label\n", filename="answers.csv", caption="done")
    assert document.document is not None and document.document.file_name == "answers.csv"
    assert (ann.messages[-1].document, ann.messages[-1].caption) == ("answers.csv", "done")
    voice = await bot.send_voice(ann.id, b"OggS...", caption="v")
    audio = await bot.send_audio(ann.id, b"ID3...", filename="a.mp3")
    assert voice.voice is not None and audio.audio is not None
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type Document as Photo"):
        await bot.send_photo(ann.id, document.document.file_id)
    for wrong, words in ((b"not a picture", "(?i)image_process_failed"), (b"", "must be non-empty")):
        with pytest.raises(BadRequest, match=words):
            await bot.send_photo(ann.id, wrong)
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
        await bot.send_photo(ann.id, "AgACunknown")
    with pytest.raises(BadRequest, match="Wrong file_id"):
        await bot.get_file("nothing")


async def test_a_document_from_a_person(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.send_document("items.csv", b"id,text\n1,hello\n", caption="/import")
    (update,) = await bot.get_updates()
    assert update.message is not None and update.message.document is not None
    assert (update.message.document.file_name, update.message.caption) == ("items.csv", "/import")
    file = await update.message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"id,text\n1,hello\n"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{sandbox.base_file_url}1:wrong/documents/x") as answer:
            assert answer.status == 401
        async with session.get(f"{sandbox.base_file_url}{sandbox.token}/documents/x") as answer:
            assert answer.status == 404


async def test_taps_are_answered_once_and_in_time(bot: Bot, sandbox: Sandbox, clock: Clock) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    await bot.send_message(ann.id, "?", reply_markup=buttons("a", "b"))
    query = await ann.tap(ann.messages[-1], "b")
    (_, update) = await bot.get_updates()
    assert update.callback_query is not None and update.callback_query.data == "pick b"
    assert update.callback_query.chat_instance and update.callback_query.from_user.id == ann.id
    assert await update.callback_query.answer("thanks", show_alert=True)
    answer = await ann.answer_to(query)
    assert (answer.text, answer.alert) == ("thanks", True)
    too_old = "Query is too old and response timeout expired or query id is invalid"
    with pytest.raises(BadRequest, match=rf"(?i){too_old}"):
        await bot.answer_callback_query(query)
    late = await ann.tap(ann.messages[-1], 0)
    clock.now += 151
    with pytest.raises(BadRequest, match=rf"(?i){too_old}"):
        await bot.answer_callback_query(late)
    with pytest.raises(BadRequest, match=r"(?i)message_too_long"):
        await bot.answer_callback_query(late, text="x" * 201)


async def test_a_tap_on_a_deleted_message(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    await ann.say("/start")
    sent = await bot.send_message(ann.id, "?", reply_markup=buttons("a"))
    stale = ann.messages[-1]
    await bot.delete_message(ann.id, sent.message_id)
    await ann.tap(stale, "a")
    update = (await bot.get_updates())[-1]
    assert update.callback_query is not None and update.callback_query.message is not None
    assert not update.callback_query.message.is_accessible


async def test_typing_and_replies(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person()
    first = await ann.say("/start")
    assert await bot.send_chat_action(ann.id, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(ann.id, "dancing")
    sent = await bot.send_message(ann.id, "yes", reply_parameters=ReplyParameters(first.id))
    assert sent.reply_to_message is not None and sent.reply_to_message.text == "/start"
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ann.id, "yes", reply_parameters=ReplyParameters(999))


async def test_the_profile(bot: Bot, sandbox: Sandbox) -> None:
    ann = sandbox.person(username="ann")
    await ann.say("/start")
    assert await bot.set_my_name("Crowd") and (await bot.get_me()).first_name == "Crowd"
    assert await bot.set_my_description("d") and await bot.set_my_short_description("s")
    assert await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    commands = [BotCommand("next", "next question")]
    assert await bot.set_my_commands(commands, scope=BotCommandScopeDefault(), language_code="en")
    assert list(await bot.get_my_commands(language_code="en")) == commands
    assert await bot.set_my_commands(commands, scope=BotCommandScopeChat(ann.id))
    assert await bot.delete_my_commands(scope=BotCommandScopeChat(ann.id))
    assert await bot.get_my_commands(scope=BotCommandScopeChat(ann.id)) == ()
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([BotCommand("Not A Command", "x")])
    chat = await bot.get_chat(ann.id)
    assert (chat.first_name, chat.username, chat.type) == ("Ann", "ann", "private")
    assert (await bot.get_chat_member(ann.id, ann.id)).status == "member"
    assert await bot.log_out() and await bot.close()


async def test_counts_by_method(bot: Bot, sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest):
        await bot.send_message(1, "nobody")
    assert sandbox.counts.calls["sendmessage"] == sandbox.counts.refused["sendmessage"] == 1
    assert json.dumps(sandbox.counts.calls)
