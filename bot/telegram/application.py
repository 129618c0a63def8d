"""The bot as one thing that starts and stops: receiver or webhook, dispatch, sender, around PTB's application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from telegram import BotCommand, BotCommandScope, Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application, BaseHandler, ContextTypes, TypeHandler

from bot.metrics import Metrics
from bot.telegram.dispatch import Built, Dispatch
from bot.telegram.limits import Limits
from bot.telegram.paper import Block, note
from bot.telegram.receiver import KINDS, WRONG_TOKEN, Receiver, Reception
from bot.telegram.sender import Sender
from bot.telegram.transport import AiohttpRequest, Sending, verdict_of
from bot.telegram.words import Words
from core.errors import Refused
from core.ids import UpdateId
from core.ports import Ledger
from storage.inbox import Inbox, Incoming
from storage.ledger import SqlLedger
from storage.outbox import Outbox

Context = ContextTypes.DEFAULT_TYPE
T = TypeVar("T")
API = "https://api.telegram.org/bot"
FILES = "https://api.telegram.org/file/bot"
PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds between the first tries to reach Telegram

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.bot")


@dataclass(frozen=True, slots=True)
class Commands:
    """The menu of one scope in one language; the language "" is for all others."""

    commands: Sequence[tuple[str, str]]  # (name, what it does)
    language: str = ""
    scope: BotCommandScope | None = None  # everybody, where None


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Telegram shall post updates, and the word by which it is known."""

    url: str
    secret: str


def build(token: str, base_url: str = API, base_file_url: str = FILES, proxy: str | None = None) -> Built:
    """PTB's application over our transport, without its own poller, limiter and job queue."""
    return (
        Application.builder()
        .token(token)
        .base_url(base_url)
        .base_file_url(base_file_url)
        .request(AiohttpRequest(proxy=proxy))
        .get_updates_request(AiohttpRequest(connections=4, proxy=proxy))
        .updater(None)
        .job_queue(None)
        .build()
    )


async def greet(application: Built) -> str:
    """Reach Telegram, however long that takes; the bot's user name. Refused where the token is wrong."""
    await insisted(application.initialize)
    return str(application.bot.username)


async def insisted(call: Callable[[], Awaitable[T]]) -> T:
    """What a call to Telegram returns, however long Telegram is away. Refused where it will never return anything."""
    failures = 0
    while True:
        try:
            return await call()
        except InvalidToken as error:
            raise Refused(WRONG_TOKEN) from error
        except TelegramError as error:
            if verdict_of(error) is Sending.DECIDED:
                raise Refused(f"Telegram refuses: {error.message}.") from error
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            log.warning("telegram.unreached", reason=repr(error), again_in=pause)
            await asyncio.sleep(pause)


class BotLoop:
    """Everything between Telegram and the handlers, which are tried in their order. `application` has been greeted."""

    def __init__(
        self,
        application: Built,
        handlers: Sequence[BaseHandler[Update, Context, None]],
        ledger: SqlLedger,
        inbox: Inbox,
        outbox: Outbox,
        now: Callable[[], datetime],
        metrics: Metrics | None = None,
        limits: Limits | None = None,
        menus: Sequence[Commands] = (),
        hook: Hook | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self._application = application
        self._inbox = inbox
        self._ledger = ledger
        self._limits = limits or Limits()
        self._menus = menus
        self._hook = hook
        application.add_handlers([*handlers, unclaimed(ledger)])
        self.sender = Sender(application.bot, outbox, ledger, self._limits, self.metrics, now)
        self.dispatch = Dispatch(application, inbox, self.metrics, self._sorry)
        self.reception = Reception(inbox, self.dispatch.put)
        self._receiver = Receiver(application.bot, self.reception)
        self._receiving: asyncio.Task[None] | None = None
        self._setting: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        ledger.posted = self.sender.take

    @property
    def alive(self) -> bool:
        """Whether updates can come in."""
        receiving = self._receiving
        if receiving is None or (receiving.done() and (receiving.cancelled() or receiving.exception())):
            return False
        return receiving.done() if self._hook else self._receiver.alive

    async def start(self) -> None:
        """Send what is left over, work on what is left over, and only then receive."""
        await self._application.start()
        await self.sender.start()
        self.dispatch.start()
        pending = await self._inbox.pending()
        self.dispatch.put(pending)
        self.reception.open()
        self._receiving = asyncio.create_task(self._receive())
        self._setting = asyncio.create_task(self._set_menus())
        log.info("bot.started", pending=len(pending), webhook=self._hook is not None)

    async def run(self) -> None:
        """Returns when the bot is stopped; Refused when it cannot receive any more."""
        if self._receiving is not None:
            await asyncio.wait([self._receiving])
            if not self._receiving.cancelled():
                self._receiving.result()
        await self._stopped.wait()

    async def tidy(self) -> int:
        """Finishes updates that no handler finished; to be called every minute or so."""
        return await self.dispatch.tidy(self._ledger)

    async def stop(self) -> None:
        """Within ten seconds: take no more updates, end the work under way, send what can be sent. Nothing is lost."""
        self.reception.close()
        tasks = [task for task in (self._receiving, self._setting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.dispatch.drain()
        await self.sender.stop()
        self._limits.close()
        await self._application.stop()
        await self._application.shutdown()
        self._stopped.set()
        log.info("bot.stopped")

    async def _receive(self) -> None:
        """Tell Telegram how updates are to come, and ask for them; what waits there is never dropped."""
        bot, hook = self._application.bot, self._hook
        if hook is None:
            await insisted(lambda: bot.delete_webhook(drop_pending_updates=False))
            await self._receiver.run()
        else:
            set_it = partial(bot.set_webhook, hook.url, secret_token=hook.secret, allowed_updates=KINDS)
            await insisted(partial(set_it, max_connections=100))

    async def _set_menus(self) -> None:
        for menu in self._menus:
            commands = [BotCommand(name, words) for name, words in menu.commands]
            try:
                await self._application.bot.set_my_commands(commands, menu.scope, menu.language or None)
            except TelegramError as error:  # a menu is a convenience
                log.warning("menu.unset", language=menu.language, reason=repr(error))

    async def _sorry(self, update: Incoming) -> None:
        """One sentence for a person whose message has failed three times; the reason is in the log."""
        if update.person > 0:
            sentence = Words.of(language_in(update.body))(
                "That did not work, through no fault of yours. It has been noted; please go on with /next."
            )
            await self._ledger.transact(lambda tx: tx.post(note(update.person, [Block(sentence)])))


def unclaimed(ledger: Ledger) -> TypeHandler[Update, Context, None]:
    """The last handler: an update that nobody cares about is finished."""

    async def finish(update: Update, _: Context) -> None:
        await ledger.transact(lambda tx: tx.finish(UpdateId(update.update_id)))

    return TypeHandler(Update, finish)


def language_in(body: str) -> str:
    """The language code of the person behind an update's JSON, "" where there is none."""
    for part in json.loads(body).values():
        sender = part.get("from") if isinstance(part, dict) else None
        if isinstance(sender, dict) and isinstance(sender.get("language_code"), str):
            return str(sender["language_code"])
    return ""
