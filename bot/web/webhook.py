"""Where Telegram posts updates: the secret first, then the inbox, then 200. No work is done here."""

from __future__ import annotations

import hmac
import json
import re

import structlog
from aiohttp import web

from bot.telegram.receiver import Reception, incoming
from core.errors import BadInput
from storage.inbox import Incoming

PATH = "/telegram/updates"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
LARGEST_UPDATE = 1 << 20  # bytes

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.webhook")


class Webhook:
    """Takes updates from whoever knows the secret; BadInput where there is none."""

    def __init__(self, reception: Reception, secret: str) -> None:
        if not SECRET.fullmatch(secret):
            raise BadInput("telegram.webhook_secret", "must be 1-256 of A-Z, a-z, 0-9, _ and -, and hard to guess.")
        self._reception = reception
        self._secret = secret.encode()

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        """200 once the update is durable; 403 before the body is read; 503 makes Telegram bring it again."""
        if not self._trusted(request):
            return web.Response(status=403)
        try:
            update = parsed(await request.read())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        try:
            await self._reception.take([update])
        except Exception as error:  # the outermost loop of a request: the store is away
            log.error("webhook.failed", reason=repr(error), exc_info=error)
            return web.Response(status=503)
        return web.Response()

    def _trusted(self, request: web.Request) -> bool:
        """Whether the secret is there once and right; compared as bytes, in constant time."""
        given = request.headers.getall(SECRET_HEADER, [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "surrogateescape"), self._secret)


def parsed(body: bytes) -> Incoming:
    """The update in a request's body; ValueError where it is none."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(raw, dict):
        raise ValueError("an update is a JSON object")
    return incoming(raw)
