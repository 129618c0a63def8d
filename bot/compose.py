"""The only file that sees everything: builds the bot of `serve` out of its parts. Never loads torch."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from telegram import BotCommandScopeChat

from bot import log as logs
from bot.errands import Chores
from bot.metrics import Metrics
from bot.schedule import Job, Schedule, expire_leases
from bot.serving import serving_of
from bot.settings import Settings
from bot.telegram import admin_handlers, worker_handlers
from bot.telegram.application import BotLoop, Commands, Hook, build, greet
from bot.telegram.dispatch import Built
from bot.telegram.house import House
from bot.telegram.returned import beat
from bot.telegram.words import LANGUAGES
from bot.web.predict import Predict
from bot.web.server import Server
from bot.web.speech import Speech
from bot.web.webhook import PATH, Webhook
from core.errors import BadInput
from core.ports import Transaction
from storage import migrations
from storage.archive import SqlArchive
from storage.engine import parse, warnings
from storage.inbox import Inbox
from storage.ledger import SqlLedger
from storage.outbox import Outbox
from storage.writer import Writer

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.serve")


@dataclass(frozen=True, slots=True)
class Store:
    """The database with its doors."""

    writer: Writer
    ledger: SqlLedger
    inbox: Inbox
    outbox: Outbox
    archive: SqlArchive


def migrate(settings: Settings) -> str:
    """Brings the database to the newest schema; says where it is."""
    return f"The database is at revision {migrations.migrate(settings.storage.url)}."


def serve(settings: Settings, config: Path | None = None) -> None:
    """Runs the bot until SIGTERM or Ctrl-C."""
    token = settings.telegram.secret_token()
    secret = settings.telegram.webhook_secret.get_secret_value()
    door = settings.web.predict_token.get_secret_value()
    logs.set_up([word for word in (token, secret, door) if word])
    migrations.migrate(settings.storage.url)
    asyncio.run(_serve(settings, token, config))


async def _serve(settings: Settings, token: str, config: Path | None) -> None:
    store = open_store(settings)
    speech = Speech()
    chores = Chores(settings, store.ledger, store.archive, config, speech)
    application = build(token, settings.telegram.base_url, settings.telegram.base_file_url)
    house = House(
        ledger=store.ledger,
        errands=chores,
        admins=settings.telegram.admins,
        username=await greet(application),
        now=now,
        rng=random.SystemRandom(),
        figures=chores.figures.get,
    )
    loop = _bot(settings, application, house, store)
    server = _server(settings, loop, store, speech)
    schedule = Schedule(_jobs(settings, loop, store, chores))
    await server.start()
    await loop.start()
    schedule.start()
    gc.freeze()  # what start-up made stays: the collector need not look through it at every turn
    gc.set_threshold(20_000, 20, 20)
    log.info("serve.started", bot=house.username, pages=f"http://{server.host}:{server.port}")
    try:
        await _until_told(loop)
    finally:
        await asyncio.gather(schedule.stop(), chores.stop(), loop.stop())
        await asyncio.gather(speech.stop(), server.stop())
        await store.writer.close()


def open_store(settings: Settings) -> Store:
    """The database with its doors; Refused where it cannot keep what it acknowledges."""
    database = parse(settings.storage.url)
    for sentence in warnings(database):
        log.warning("storage.warning", reason=sentence)
    writer = Writer(database)
    return Store(writer, SqlLedger(writer), Inbox(writer), Outbox(writer), SqlArchive(database))


def _bot(settings: Settings, application: Built, house: House, store: Store) -> BotLoop:
    handlers = [
        *admin_handlers.admin_handlers(house, settings.policy.policy()),
        *worker_handlers.worker_handlers(house),
    ]
    menus = list(_menus(house))
    hook = _hook(settings)
    return BotLoop(
        application, handlers, store.ledger, store.inbox, store.outbox, now, Metrics(), menus=menus, hook=hook
    )


def _menus(house: House) -> Iterator[Commands]:
    for language in LANGUAGES:
        code = "" if language == next(iter(LANGUAGES)) else language
        everybody = worker_handlers.commands(language)
        yield Commands(everybody, code)
        for admin in sorted(house.admins):
            yield Commands([*everybody, *admin_handlers.commands(language)], code, BotCommandScopeChat(admin))


def _hook(settings: Settings) -> Hook | None:
    if settings.telegram.updates == "polling":
        return None
    secret = settings.telegram.webhook_secret.get_secret_value()
    if not secret:
        raise BadInput("telegram.webhook_secret", "is missing: set CROWDLOOP_TELEGRAM__WEBHOOK_SECRET.")
    if not settings.web.public_url:
        raise BadInput("web.public_url", "is missing: where shall Telegram post updates?")
    return Hook(settings.web.public_url.rstrip("/") + PATH, secret)


def _server(settings: Settings, loop: BotLoop, store: Store, speech: Speech) -> Server:
    hook = _hook(settings)

    async def database() -> bool:
        await store.ledger.transact(lambda tx: tx.campaigns())
        return True

    async def telegram() -> bool:
        return loop.alive

    async def measure() -> None:
        loop.metrics.answers.set(await store.ledger.transact(answers_in))
        loop.metrics.inbox.set(loop.dispatch.waiting)
        loop.metrics.outbox.set(loop.sender.waiting)

    routes = Webhook(loop.reception, hook.secret).routes() if hook else []
    if token := settings.web.predict_token.get_secret_value():
        routes += Predict(token, lambda slug: serving_of(store.archive, settings, slug), speech).routes()
    checks = {"database": database, "telegram": telegram}
    return Server(settings.web.host, settings.web.port, loop.metrics, checks, routes, measure)


def _jobs(settings: Settings, loop: BotLoop, store: Store, chores: Chores) -> list[Job]:
    async def pulse() -> None:
        if loop.alive:
            await store.ledger.transact(lambda tx: beat(tx, now()))

    return [
        Job("nights", timedelta(minutes=1), chores.due_nights),
        Job("refit", timedelta(minutes=settings.training.refit_minutes), chores.refit),
        Job("chains", timedelta(minutes=1), chores.feeder.feed),
        Job("leases", timedelta(seconds=15), lambda: expire_leases(store.ledger, now())),
        Job("tidy", timedelta(minutes=1), loop.tidy),
        Job("pulse", timedelta(seconds=15), pulse),
        Job("prune inbox", timedelta(hours=1), store.inbox.prune),
        Job("prune outbox", timedelta(hours=1), store.outbox.prune),
    ]


def answers_in(tx: Transaction) -> int:
    """Answers that stand, in all campaigns."""
    return sum(tx.progress(campaign.id).answers for campaign in tx.campaigns())


async def _until_told(loop: BotLoop) -> None:
    """Returns at SIGTERM or Ctrl-C; raises Refused where the bot cannot go on."""
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    running, waiting = asyncio.create_task(loop.run()), asyncio.create_task(told.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (running, waiting):
        task.cancel()
    if running.done() and not running.cancelled():
        running.result()


def now() -> datetime:
    """The time, for everybody who must not ask for it."""
    return datetime.now(UTC)
