"""One update from one person: who and where they are, and the one transaction that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from telegram import CallbackQuery, Message, Update
from telegram.error import TelegramError

from bot.telegram.calls import call
from bot.telegram.house import House
from bot.telegram.paper import TOAST, Block, Bubble, note, shortened
from bot.telegram.views import sorry
from bot.telegram.words import Tongue, Words
from core.errors import CrowdloopError
from core.ids import Account, ItemId, UpdateId
from core.ports import Letter, Transaction
from core.service import arrive, back
from core.worker import Worker


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person gets back."""

    letters: Sequence[Letter] = ()
    toast: str = ""  # over the chat, where a button was pressed
    alert: bool = False  # the toast stays until it is closed
    shown: ItemId | None = None  # an item whose reasons it gives: the words that the network went by follow


@dataclass(frozen=True, slots=True)
class Visit:
    """An update of a private chat."""

    house: House
    update: UpdateId
    account: Account
    chat: int
    language: str  # Telegram's guess
    now: datetime
    bubble: Bubble | None  # whose button was pressed, where it can still be rewritten
    speaks: bool = True  # a message: whoever writes one is a worker from now on

    @classmethod
    def of(cls, house: House, update: Update) -> Visit:
        """ValueError where the update has no person."""
        person = update.effective_user
        if person is None:
            raise ValueError(f"update {update.update_id} comes from nobody")
        query = update.callback_query
        return cls(
            house,
            UpdateId(update.update_id),
            house.account(person.id),
            update.effective_chat.id if update.effective_chat else person.id,
            person.language_code or "",
            house.now(),
            _bubble(query) if query else None,
            speaks=update.message is not None,
        )


Work = Callable[[Transaction, Visit, Worker, Tongue], Reply]


async def answer(house: House, update: Update, work: Work) -> None:
    """Does the work in one transaction; where it is refused, nothing has changed and one sentence says why."""
    visit = Visit.of(house, update)
    try:
        reply = await house.ledger.transact(lambda tx: _worked(tx, visit, work))
    except CrowdloopError as error:
        reply = Reply(toast=await apologise(visit, error, quietly=update.callback_query is not None))
    if reply.shown is not None:
        await house.errands.telling(reply.shown, visit.chat)
    if update.callback_query is not None:
        await _stop_spinner(update.callback_query, reply.toast, reply.alert)


def _worked(tx: Transaction, visit: Visit, work: Work) -> Reply:
    known = tx.worker(visit.account)
    if known is None and not visit.speaks:
        return _stranger(tx, visit)
    worker = back(tx, known) if known else arrive(tx, visit.account, visit.language, visit.now)
    reply = work(tx, visit, worker, Words.of(worker.language))
    tx.post(reply.letters)
    tx.finish(visit.update)
    return reply


def _stranger(tx: Transaction, visit: Visit) -> Reply:
    """A button or a block of somebody who was forgotten makes nobody known again, and is forgotten too."""
    tx.finish(visit.update)
    tx.clear_update(visit.update)
    return Reply(toast=Words.of(visit.language)("This button is out of date. /start begins anew."))


async def apologise(visit: Visit, error: CrowdloopError, quietly: bool = False) -> str:
    """Says what went wrong, in the person's language: as a letter, or `quietly` only over the chat."""

    def work(tx: Transaction) -> str:
        worker = tx.worker(visit.account)
        sentence = sorry(error, Words.of(worker.language if worker else visit.language))
        tx.post([] if quietly else note(visit.chat, [Block(sentence)]))
        tx.finish(visit.update)
        return sentence

    return await visit.house.ledger.transact(work)


async def _stop_spinner(query: CallbackQuery, toast: str, alert: bool = False) -> None:
    with suppress(TelegramError):  # too old, or lost on the way: a spinner is all that is lost
        shown = {"callback_query_id": query.id, "text": shortened(toast, TOAST) or None, "show_alert": alert or None}
        await call(query.get_bot(), "answerCallbackQuery", shown)


def _bubble(query: CallbackQuery) -> Bubble | None:
    message = query.message
    if not isinstance(message, Message):  # gone, or too old for Telegram to show us
        return None
    return Bubble(message.message_id, file=message.effective_attachment is not None)
