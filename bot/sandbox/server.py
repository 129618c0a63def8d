"""The Bot API over HTTP: /bot<token>/<method> in JSON, form and multipart, /file/bot<token>/<path>."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import BodyPartReader, web
from multidict import MultiMapping

from bot.sandbox.delivery import Delivery, Webhook
from bot.sandbox.faults import Faults, FloodLimits, Kind, server_error
from bot.sandbox.methods import SENDING, MessageMethods, Method, not_found
from bot.sandbox.profile import ProfileMethods
from bot.sandbox.telegram import Telegram
from bot.sandbox.wire import Call, Json, Refusal, Upload, bad_request, too_many_requests

SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")
LARGEST_CALL = 50 * 2**20  # bytes
dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Counts:
    """Calls and refusals by method, in lower case."""

    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class BotApi:
    """The routes that a bot talks to."""

    def __init__(self, token: str, telegram: Telegram, delivery: Delivery, faults: Faults) -> None:
        self.token = token
        self.limits: FloodLimits | None = None
        self.counts = Counts()
        self._telegram = telegram
        self._delivery = delivery
        self._faults = faults
        self._methods: dict[str, Method] = (
            MessageMethods(telegram).table() | ProfileMethods(telegram).table() | {"getwebhookinfo": self._webhook_info}
        )
        self._waiting_methods = {
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/file/bot{token}/{path:.+}", self._file),
            web.route("*", "/bot{token}/{method}", self._call),
        ]

    async def _call(self, request: web.Request) -> web.Response:
        """Answer one call; a planned fault may come before or after the work."""
        method = request.match_info["method"].lower()
        self.counts.calls[method] += 1
        fault = self._faults.take(method)
        try:
            self._known(request)
            call = await read_call(request, method)
            if fault is not None:
                await _before(fault.kind, fault.seconds, fault.code, request)
            body: Json = {"ok": True, "result": await self._result(call)}
            status = 200
        except Refusal as refusal:
            self.counts.refused[method] += 1
            body, status = refusal.as_json(), refusal.code
        except ConnectionResetError:  # the bot died while it was speaking
            return web.Response(status=400)
        if fault is not None and fault.kind is Kind.DROP_ANSWER:
            _break(request)
        return web.Response(text=dumps(body), status=status, content_type="application/json")

    def _known(self, request: web.Request) -> None:
        if request.match_info["token"] != self.token:
            raise Refusal(401, "Unauthorized")

    async def _result(self, call: Call) -> Any:
        if self.limits is not None and call.method in SENDING:
            self.limits.admit(call.number("chat_id") or 0)
        waiting = self._waiting_methods.get(call.method)
        if waiting is not None:
            return await waiting(call)
        method = self._methods.get(call.method)
        if method is None:
            raise not_found()
        return method(call)

    async def _get_updates(self, call: Call) -> list[Json]:
        limit = call.number("limit")
        updates = await self._delivery.get_updates(
            offset=call.number("offset") or 0,
            limit=100 if limit is None else limit,
            timeout=call.number("timeout") or 0,
            allowed=_kinds(call),
        )
        return [update.as_json() for update in updates]

    async def _set_webhook(self, call: Call) -> bool:
        url, secret = call.text("url") or "", call.text("secret_token") or ""
        if not SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        most = min(max(call.number("max_connections") or 40, 1), 100)
        hook = Webhook(url, secret, most) if url else None
        await self._delivery.set_webhook(hook, _kinds(call), call.flag("drop_pending_updates"))
        return True

    async def _delete_webhook(self, call: Call) -> bool:
        await self._delivery.set_webhook(None, None, call.flag("drop_pending_updates"))
        return True

    def _webhook_info(self, _: Call) -> Json:
        return self._delivery.info()

    async def _file(self, request: web.Request) -> web.Response:
        try:
            self._known(request)
        except Refusal as refusal:
            return web.json_response(refusal.as_json(), status=refusal.code)
        file = self._telegram.files.by_path(request.match_info["path"])
        if file is None:
            return web.json_response(not_found().as_json(), status=404)
        return web.Response(body=file.content, content_type="application/octet-stream")


def _kinds(call: Call) -> list[str] | None:
    kinds = call.parsed("allowed_updates", "allowed updates")
    return None if kinds is None else [str(kind) for kind in kinds]


async def _before(kind: Kind, seconds: float, code: int, request: web.Request) -> None:
    """What a fault does before the call is executed; raises Refusal where the call is not executed at all."""
    match kind:
        case Kind.TOO_MANY:
            raise too_many_requests(int(seconds))
        case Kind.SERVER_ERROR:
            raise server_error(code)
        case Kind.STALL:
            await asyncio.sleep(seconds)
        case Kind.DROP_CALL:
            _break(request)
            raise server_error(502)
        case Kind.DROP_ANSWER:
            return


def _break(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def read_call(request: web.Request, method: str) -> Call:
    """The parameters of a call from its query string and its body, whichever of the three shapes that has."""
    fields: Json = dict(request.query)
    uploads: dict[str, Upload] = {}
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except json.JSONDecodeError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(body, dict):
            raise bad_request("object expected")
        fields |= body
    elif request.content_type == "multipart/form-data":
        await _read_parts(request, fields, uploads)
    else:
        form: MultiMapping[Any] = await request.post()
        fields |= dict(form)
    return Call(method, fields, uploads)


async def _read_parts(request: web.Request, fields: Json, uploads: dict[str, Upload]) -> None:
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        content = bytes(await part.read(decode=True))
        size += len(content)
        if size > LARGEST_CALL:
            raise Refusal(413, "Request Entity Too Large")
        if part.filename is None:
            fields[part.name] = content.decode()
        else:
            mime = part.headers.get("Content-Type", "application/octet-stream")
            uploads[part.name] = Upload(part.filename, mime, content)
