"""Which reply belongs to which update of a worker: one transaction each, and no state but the ledger's."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from telegram import Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.ext import (
    BaseHandler,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot.telegram import views_worker, worker_privacy, worker_replies
from bot.telegram.callbacks import unpack
from bot.telegram.house import House
from bot.telegram.visit import Work, answer
from bot.telegram.words import Words
from core.ids import UpdateId

Context = ContextTypes.DEFAULT_TYPE
Callback = Callable[[Update, Context], Coroutine[Any, Any, None]]
Handler = BaseHandler[Update, Context, None]

PRIVATE = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE  # a message as first sent; an edit asks for nothing
COMMANDS: dict[str, Work] = {
    "next": worker_replies.enter,
    "skip": worker_replies.skip,
    "undo": worker_replies.undo,
    "stats": worker_replies.stats,
    "help": worker_replies.helping,
    "stop": worker_replies.stop,
    "language": worker_replies.language,
    "privacy": worker_privacy.privacy,
    "forget_me": worker_privacy.forget_me,
}


def worker_handlers(house: House) -> list[Handler]:
    """For everybody; an admin's handlers go before these."""
    return [
        CommandHandler("start", _start(house), PRIVATE),
        *(CommandHandler(name, always(house, work), PRIVATE) for name, work in COMMANDS.items()),
        MessageHandler(PRIVATE & filters.COMMAND, always(house, worker_replies.unknown)),
        MessageHandler(PRIVATE & ~filters.StatusUpdate.ALL, _words(house)),
        CallbackQueryHandler(_press(house)),
        ChatMemberHandler(_membership(house), ChatMemberHandler.MY_CHAT_MEMBER),
    ]


def commands(language: str) -> list[tuple[str, str]]:
    """(command, what it does) in a language, for setMyCommands."""
    return views_worker.commands(Words.of(language))


def always(house: House, work: Work) -> Callback:
    """The callback that does the same work whatever the update says."""

    async def callback(update: Update, context: Context) -> None:
        await answer(house, update, work)

    return callback


def _start(house: House) -> Callback:
    async def callback(update: Update, context: Context) -> None:
        slug = context.args[0].lower() if context.args else ""
        await answer(house, update, partial(worker_replies.enter, slug=slug))

    return callback


def _words(house: House) -> Callback:
    async def callback(update: Update, context: Context) -> None:
        message = update.message
        text, sent = (message.text or "", message.date) if message else ("", None)
        await answer(house, update, partial(worker_replies.chat, text=text, sent=sent))

    return callback


def _press(house: House) -> Callback:
    async def callback(update: Update, context: Context) -> None:
        query = update.callback_query
        pressed = unpack(query.data or "") if query else None
        await answer(house, update, partial(worker_replies.press, pressed=pressed))

    return callback


def _membership(house: House) -> Callback:
    gone = {ChatMemberStatus.BANNED, ChatMemberStatus.LEFT}

    async def callback(update: Update, context: Context) -> None:
        change = update.my_chat_member
        if change is None or change.chat.type != ChatType.PRIVATE:
            await house.ledger.transact(lambda tx: tx.finish(UpdateId(update.update_id)))
            return
        blocked = change.new_chat_member.status in gone
        await answer(house, update, worker_replies.leave if blocked else worker_replies.come_back)

    return callback
