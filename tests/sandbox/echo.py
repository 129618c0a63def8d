"""A tiny bot for tests: consent, then questions that are edited in place, on the unmodified library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes
from telegram.request import HTTPXRequest

from bot.sandbox import Sandbox

Context = ContextTypes.DEFAULT_TYPE
CHOICES = ("cat", "dog", "bird")
QUESTIONS = 12


def keys(number: int) -> InlineKeyboardMarkup:
    shift = number % 3  # the order of choices changes, as it does for real workers
    order = CHOICES[shift:] + CHOICES[:shift]
    row = [InlineKeyboardButton(f"✦ {choice.title()}", callback_data=f"{number}:{choice}") for choice in order]
    return InlineKeyboardMarkup([row, [InlineKeyboardButton("Not sure", callback_data=f"{number}:")]])


async def start(update: Update, _: Context) -> None:
    agree = InlineKeyboardMarkup([[InlineKeyboardButton("I agree", callback_data="agree")]])
    assert update.message is not None
    await update.message.reply_text("<b>Welcome</b> <a href='https://example.org'>here</a>", "HTML", reply_markup=agree)


async def pressed(update: Update, context: Context) -> None:
    query = update.callback_query
    assert query is not None and query.data is not None and query.from_user is not None
    answers = context.bot_data.setdefault(query.from_user.id, {})
    number, _, choice = query.data.partition(":")
    if query.data == "agree":
        await query.answer()
        await context.bot.send_message(query.from_user.id, "Item 0", reply_markup=keys(0))
        return
    if number in answers:
        await query.answer("Already saved")
        return
    answers[number] = choice
    await query.answer("Saved", show_alert=int(number) == 1)
    following = int(number) + 1
    markup = keys(following) if following < QUESTIONS else None
    await query.edit_message_text(f"Item {following}" if markup else "Thank you", reply_markup=markup)


@asynccontextmanager
async def echo_bot(sandbox: Sandbox) -> AsyncIterator[Application]:  # type: ignore[type-arg]
    """The bot, polling the sandbox, until the block ends; answers are in `bot_data[person id]`."""
    application = (
        Application.builder()
        .token(sandbox.token)
        .base_url(sandbox.base_url)
        .base_file_url(sandbox.base_file_url)
        .request(HTTPXRequest(connection_pool_size=16))
        .get_updates_request(HTTPXRequest())
        .build()
    )
    application.add_handler(CommandHandler(["start", "next"], start))
    application.add_handler(CallbackQueryHandler(pressed))
    async with application:
        await application.bot.set_my_commands([("next", "Next question"), ("help", "How it works")])
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(timeout=5)
        yield application
        await application.updater.stop()
        await application.stop()
