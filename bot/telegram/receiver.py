"""Updates on their way in: into the inbox, durably, and only then is Telegram told that we have them.

python-telegram-bot's own poller confirms an update before anybody has looked at it; a kill then loses the backlog.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.telegram.transport import seconds_to_wait
from core.errors import Refused
from core.ids import UpdateId
from storage.inbox import Inbox, Incoming
from storage.quick_json import dumped

Raw = Mapping[str, Any]  # an Update object of the Bot API

KINDS = ("message", "edited_message", "callback_query", "my_chat_member")  # of updates that we ask for
LONGEST_POLL = 25  # seconds that Telegram may hold a call open
GRACE = 15.0  # seconds more until an unanswered call means that the line is dead
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds after the first, second... failure; a tap lives 150 on Telegram's side
WRONG_TOKEN = "Telegram does not know this bot token: get it from @BotFather and set it."
RIVAL = "Another process receives this bot's updates: stop that one, or give this one a bot of its own."

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.receiver")


def incoming(raw: Raw) -> Incoming:
    """The inbox's form of an update; ValueError where it is none."""
    number = raw.get("update_id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << 63:
        raise ValueError("an update has an update_id")
    return Incoming(UpdateId(number), person_of(raw), dumped(raw))


def person_of(raw: Raw) -> int:
    """The Telegram user behind an update, else its chat, else 0."""
    for body in raw.values():
        if isinstance(body, dict):
            for key in ("from", "user", "chat"):
                number = body[key].get("id") if isinstance(body.get(key), dict) else None
                if isinstance(number, int) and abs(number) < 1 << 63:
                    return number
    return 0


class Reception:
    """What the poller and the webhook share: new updates become durable, then they go to work.

    It is opened once what an earlier process left has gone to work, so that nobody's updates change places.
    """

    def __init__(self, inbox: Inbox, work: Callable[[Sequence[Incoming]], None]) -> None:
        self._inbox = inbox
        self._work = work
        self._opened = asyncio.Event()
        self._closed = False

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._opened.set()

    async def take(self, updates: Sequence[Incoming]) -> None:
        """Returns when all are durable; known ones do nothing. Raises what the store raises, Refused when closed."""
        await self._opened.wait()
        if self._closed:
            raise Refused("The bot is stopping.")
        if updates:
            by_id = {update.id: update for update in updates}
            self._work([by_id[number] for number in await self._inbox.accept(list(by_id.values()))])


class Receiver:
    """Asks Telegram for updates for as long as `run` is awaited."""

    def __init__(self, bot: Bot, reception: Reception) -> None:
        self._bot = bot
        self._reception = reception
        self._offset = 0
        self._failures = 0
        self._heard_at: float | None = None  # the loop's time of the last answer, while Telegram answers

    @property
    def alive(self) -> bool:
        """Whether Telegram's last answer was a good one, and not long ago."""
        now = asyncio.get_running_loop().time()
        return self._heard_at is not None and now - self._heard_at < LONGEST_POLL + GRACE

    async def run(self) -> None:
        """Receive until cancelled; Refused when only a person can mend what is wrong."""
        while True:
            try:
                await self._poll()
            except InvalidToken as error:
                raise Refused(WRONG_TOKEN) from error
            except Conflict as error:
                raise Refused(RIVAL) from error
            except RetryAfter as error:
                await self._pause(error, seconds_to_wait(error))
            except Exception as error:  # the outermost loop: Telegram or the store is away
                await self._pause(error, PAUSES[min(self._failures, len(PAUSES) - 1)])

    async def _poll(self) -> None:
        """One call: what it brings is durable before the offset moves."""
        wait = LONGEST_POLL if self._heard_at is not None else 0  # the first call is to find out whether all is well
        raws: list[Raw] = await self._bot._post(
            "getUpdates",
            {"offset": self._offset, "timeout": wait, "limit": 100, "allowed_updates": list(KINDS)},
            read_timeout=wait + GRACE,
        )
        await self._reception.take([incoming(raw) for raw in raws])
        if raws:
            self._offset = max(raw["update_id"] for raw in raws) + 1
        self._heard_at = asyncio.get_running_loop().time()
        if self._failures:
            log.info("receiving.resumed", after=self._failures)
        self._failures = 0

    async def _pause(self, error: Exception, seconds: float) -> None:
        self._heard_at = None
        self._failures += 1
        trace = None if isinstance(error, TelegramError) else error
        log.warning("receiving.failed", reason=repr(error), again_in=seconds, exc_info=trace)
        await asyncio.sleep(seconds)
