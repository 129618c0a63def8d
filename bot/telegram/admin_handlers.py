"""Which reply belongs to which update of an admin. Everybody else gets what an unknown command gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from telegram import Document, Update
from telegram.error import TelegramError
from telegram.ext import CommandHandler, MessageHandler, filters

from bot.telegram import (
    admin_chains,
    admin_glossary,
    admin_replies,
    admin_reports,
    admin_versions,
    admin_workers,
    views_admin,
)
from bot.telegram.house import House
from bot.telegram.visit import Reply, Visit, Work, answer, apologise
from bot.telegram.words import Words, noted
from bot.telegram.worker_handlers import PRIVATE, Callback, Context, Handler, always
from core.campaign import Policy
from core.errors import BadInput, CrowdloopError, Refused
from storage.exchange.glossary_csv import read_glossary
from storage.exchange.items import read_items

MOST = 20_000_000  # bytes of a file that Telegram lets a bot fetch
CONTROLS = "controls"  # below a file: its labels are truths
GLOSSARY = "glossary"  # below a file: it has terms and meanings


def admin_handlers(house: House, policy: Policy | None = None) -> list[Handler]:
    """For the ids in `house.admins`, before everybody's; `policy` holds where /new says nothing."""
    policy = policy or Policy()
    admins = PRIVATE & filters.User(house.admins)
    return [
        CommandHandler("new", _new(house, policy), admins),
        CommandHandler("campaigns", always(house, admin_replies.campaigns), admins),
        CommandHandler("pause", _named(house, partial(admin_replies.pause, paused=True)), admins),
        CommandHandler("resume", _named(house, partial(admin_replies.pause, paused=False)), admins),
        CommandHandler("stats", _named(house, admin_replies.stats), admins),
        CommandHandler("export", _errand(house, house.errands.export, EXPORTING), admins),
        CommandHandler("train", _errand(house, house.errands.train, TRAINING), admins),
        CommandHandler("versions", _named(house, admin_versions.versions), admins),
        CommandHandler("rollback", _named(house, admin_versions.rollback), admins),
        CommandHandler("then", _then(house), admins),
        CommandHandler("glossary", _named(house, admin_glossary.glossary), admins),
        CommandHandler("workers", _named(house, admin_workers.workers), admins),
        CommandHandler("ban", _named(house, admin_workers.ban), admins),
        CommandHandler("unban", _named(house, admin_workers.unban), admins),
        CommandHandler("cost", _named(house, admin_reports.cost), admins),
        CommandHandler("review", _named(house, admin_reports.disputed), admins),
        CommandHandler("why", _named(house, admin_reports.why), admins),
        CommandHandler("help", always(house, admin_replies.helping), admins),
        MessageHandler(admins & filters.Document.ALL, _document(house)),
    ]


EXPORTING = noted("Exporting {name}. The files come when they are ready.")
TRAINING = noted("A night begins for {name}. I report here when it is over.")


def commands(language: str) -> list[tuple[str, str]]:
    """(command, what it does) in a language: what an admin's menu has beside everybody's."""
    return views_admin.commands(Words.of(language))


def _new(house: House, policy: Policy) -> Callback:
    async def callback(update: Update, context: Context) -> None:
        text = update.message.text if update.message else ""
        await answer(house, update, partial(admin_replies.create, text=text or "", policy=policy))

    return callback


def _then(house: House) -> Callback:
    async def callback(update: Update, context: Context) -> None:
        text = update.message.text if update.message else ""
        await answer(house, update, partial(admin_chains.then, text=text or ""))

    return callback


def _named(house: House, work: Callable[..., Reply]) -> Callback:
    """Work on the campaign that is named behind the command."""

    async def callback(update: Update, context: Context) -> None:
        await answer(house, update, partial(work, names=context.args or []))

    return callback


def _errand(house: House, errand: Callable[[str, int], Awaitable[None]], sentence: str) -> Callback:
    """Starts a long errand, then says so: a crash between the two starts it again."""

    async def callback(update: Update, context: Context) -> None:
        visit, names = Visit.of(house, update), context.args or []
        try:
            campaign = await house.ledger.transact(lambda tx: admin_replies.chosen(tx, names))
        except CrowdloopError as error:
            await apologise(visit, error)
            return
        await errand(campaign.slug, visit.chat)
        await answer(house, update, partial(admin_replies.started, sentence=sentence, slug=campaign.slug))

    return callback


def _document(house: House) -> Callback:
    """A file: fetched, read beside the loop, and added whole or not at all."""

    async def callback(update: Update, context: Context) -> None:
        message = update.message
        if message is None or message.document is None:
            raise ValueError(f"update {update.update_id} has no document")
        try:
            work = await _import(house, message.document, message.caption or "")
        except CrowdloopError as error:
            await apologise(Visit.of(house, update), error)
        else:
            await answer(house, update, work)

    return callback


async def _import(house: House, document: Document, caption: str) -> Work:
    """The work that adds a document's items; CrowdloopError where it cannot be read."""
    name, kind = _directions(caption)
    place, controls = document.file_name or "file", kind == CONTROLS
    campaign = await house.ledger.transact(lambda tx: admin_replies.newest(tx, name))
    content = await _fetch(document, place)
    if kind == GLOSSARY:
        terms = await asyncio.to_thread(read_glossary, place, content)
        return partial(admin_glossary.set_glossary, slug=campaign.slug, terms=terms)
    kind = campaign.draft.kind
    found = await asyncio.to_thread(read_items, place, content, campaign.labels, controls, kind)
    return partial(admin_replies.add_items, slug=campaign.slug, place=place, items=found.items, media=found.media)


def _directions(caption: str) -> tuple[str | None, str]:
    """(campaign's name or None, what the file holds: "" for items, or one of the words) from the words below a file."""
    words = caption.split()
    kinds = {word.lower() for word in words} & {CONTROLS, GLOSSARY}
    names = [word for word in words if word.lower() not in kinds]
    if len(names) > 1 or len(kinds) > 1:
        raise Refused("Below a file write the campaign's name, and “controls” if its labels are known; nothing else.")
    return (names[0] if names else None), (kinds.pop() if kinds else "")


async def _fetch(document: Document, place: str) -> bytes:
    size = document.file_size or 0
    if size > MOST:
        raise BadInput(place, f"has {size / 1e6:.0f} MB; Telegram hands at most 20 MB to a bot. Split the file.")
    try:
        file = await document.get_file()
        return bytes(await file.download_as_bytearray())
    except TelegramError as error:
        raise Refused(f"{place} could not be fetched from Telegram. Send it again.") from error
