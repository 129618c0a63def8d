"""Updates on their way to the bot: getUpdates with offsets, or a webhook with one serial queue per person.

As in tdlib/telegram-bot-api: an offset confirms what lies below it, a newer getUpdates ends an older one
with 409, a webhook excludes getUpdates, a failing webhook blocks its own queue until the update expires.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import aiohttp

from bot.sandbox.records import Update
from bot.sandbox.wire import Json, Refusal, bad_request

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
ANOTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HAS_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where updates are posted, and how."""

    url: str
    secret: str = ""
    max_connections: int = 40


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a webhook may take and how retries are spaced, in seconds."""

    answer: float = 60.0
    first_retry: float = 1.0
    longest_retry: float = 60.0

    def after(self, attempts: int) -> float:
        return min(self.first_retry * 2.0 ** (attempts - 1), self.longest_retry)


class Delivery:
    """All updates ever accepted (`log`) and the unconfirmed ones (`pending`, by id, oldest first)."""

    def __init__(self, clock: Callable[[], float], patience: Patience) -> None:
        self.log: list[Update] = []
        self.pending: dict[int, Update] = {}
        self.webhook: Webhook | None = None
        self.last_error: tuple[int, str] | None = None
        self._allowed: frozenset[str] = frozenset()
        self._polled_at = float("-inf")
        self._clock = clock
        self._patience = patience
        self._arrived = asyncio.Event()
        self._poller = 0
        self._queues: dict[tuple[str, int], deque[Update]] = {}
        self._carriers: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(1)

    @property
    def listening(self) -> bool:
        """Is a bot there? It has a webhook, or it asked for updates within the last minute."""
        return self.webhook is not None or self._clock() - self._polled_at < 60

    def accept(self, update: Update) -> None:
        """Take an update into the log and towards the bot, unless the bot does not want its kind."""
        self.log.append(update)
        if not self._wanted(update.kind):
            update.dropped = True
            return
        self.pending[update.id] = update
        if self.webhook is None:
            self._arrived.set()
        else:
            self._enqueue(update)

    def _wanted(self, kind: str) -> bool:
        return kind in self._allowed if self._allowed else kind not in NOT_BY_DEFAULT

    def _confirm(self, update: Update) -> None:
        update.confirmed_at = self._clock()
        self.pending.pop(update.id, None)

    def _expired(self, update: Update) -> bool:
        if self._clock() - update.accepted_at <= update.lives:
            return False
        update.expired = True
        self.pending.pop(update.id, None)
        return True

    # --- getUpdates ---

    async def get_updates(self, offset: int, limit: int, timeout: float, allowed: Sequence[str] | None) -> list[Update]:
        """Confirm below `offset` (a negative one keeps the last), then wait `timeout` s for news."""
        if self.webhook is not None:
            raise Refusal(409, HAS_WEBHOOK)
        if allowed is not None:
            self._allowed = frozenset(allowed)
        self._polled_at = self._clock()
        self._move(offset)
        self._poller += 1
        mine = self._poller
        self._arrived.set()  # wakes an older poller, which then finds itself replaced
        ends = asyncio.get_running_loop().time() + min(timeout, 50)
        while True:
            if mine != self._poller:
                raise Refusal(409, ANOTHER_POLLER)
            if self.webhook is not None:
                raise Refusal(409, HAS_WEBHOOK)
            batch = self._batch(min(max(limit, 1), 100))
            left = ends - asyncio.get_running_loop().time()
            if batch or left <= 0:
                return batch
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                continue

    def _move(self, offset: int) -> None:
        ids = list(self.pending)[offset:] if offset < 0 else []
        below = ids[0] if ids else offset
        for update in tuple(takewhile(lambda update: update.id < below, self.pending.values())):
            self._confirm(update)

    def _batch(self, limit: int) -> list[Update]:
        alive = (update for update in tuple(self.pending.values()) if not self._expired(update))
        batch = list(islice(alive, limit))
        for update in batch:
            update.attempts += 1
        return batch

    # --- webhook ---

    async def set_webhook(self, webhook: Webhook | None, allowed: Sequence[str] | None, drop: bool) -> None:
        """Point updates at `webhook`, or at getUpdates again when None; `drop` forgets what is pending."""
        if webhook is not None and not webhook.url.startswith(("http://", "https://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        await self._stop_carriers()
        if allowed is not None:
            self._allowed = frozenset(allowed)
        if drop:
            for update in self.pending.values():
                update.dropped = True
            self.pending.clear()
        self.webhook, self.last_error = webhook, None
        self._arrived.set()
        if webhook is not None:
            self._slots = asyncio.Semaphore(webhook.max_connections)
            for update in tuple(self.pending.values()):
                self._enqueue(update)

    def info(self) -> Json:
        """The WebhookInfo object."""
        hook = self.webhook
        body: Json = {
            "url": hook.url if hook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if hook:
            body["max_connections"] = hook.max_connections
        if self._allowed:
            body["allowed_updates"] = sorted(self._allowed)
        if self.last_error:
            body["last_error_date"], body["last_error_message"] = self.last_error
        return body

    def _enqueue(self, update: Update) -> None:
        queue = self._queues.get(update.queue)
        if queue is not None:
            queue.append(update)
            return
        self._queues[update.queue] = deque([update])
        carrier = asyncio.get_running_loop().create_task(self._carry(update.queue))
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)

    async def _carry(self, key: tuple[str, int]) -> None:
        """Deliver one queue in order; a failing update is tried until it expires, and holds up no other."""
        queue = self._queues[key]
        while queue:
            update = queue[0]
            while not self._expired(update):
                update.attempts += 1
                async with self._slots:
                    taken = await self._post(update)
                if taken:
                    self._confirm(update)
                    break
                await asyncio.sleep(self._patience.after(update.attempts))
            queue.popleft()
        del self._queues[key]

    async def _post(self, update: Update) -> bool:
        assert self.webhook is not None
        self._session = self._session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        headers = {SECRET_HEADER: self.webhook.secret} if self.webhook.secret else {}
        timeout = aiohttp.ClientTimeout(total=self._patience.answer)
        try:
            async with self._session.post(
                self.webhook.url, json=update.as_json(), headers=headers, timeout=timeout
            ) as answer:
                if 200 <= answer.status < 300:
                    return True
                words = f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except TimeoutError:
            words = "Read timeout expired"
        except aiohttp.ClientError as error:
            words = f"Connection failed: {type(error).__name__}"
        self.last_error = int(self._clock()), words
        return False

    async def _stop_carriers(self) -> None:
        for carrier in tuple(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)
        self._queues.clear()

    async def close(self) -> None:
        await self._stop_carriers()
        self._poller += 1
        self._arrived.set()
        if self._session is not None:
            await self._session.close()
