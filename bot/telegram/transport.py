"""The wire to the Bot API: python-telegram-bot's request interface over one aiohttp session.

PTB's own httpx transport searches all its connections for every call and collapses under load; this one does
not. It also says of every failure whether Telegram can have got the call (`Sending`). One object may serve
API calls and getUpdates at once: a long poll holds one of `connections` places.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import aiohttp
import certifi
from telegram._utils.defaultvalue import DefaultValue
from telegram._utils.types import ODVInput
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.telegram.failures import (
    NotSent,
    NotSentInTime,
    Sending,
    Veil,
    failure_of,
    object_to,
    seconds_to_wait,
    surely_unsent,
    verdict_of,
)
from storage.quick_json import dumped

__all__ = [
    "AiohttpRequest",
    "NotSent",
    "NotSentInTime",
    "Patience",
    "Sending",
    "seconds_to_wait",
    "surely_unsent",
    "verdict_of",
]

PIECE = 65_536  # bytes written before the socket is asked whether it still takes them


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds allowed for each stage of a call; None waits for ever. Defaults are PTB's."""

    read: float | None = 5.0
    write: float | None = 5.0
    connect: float | None = 5.0
    pool: float | None = 1.0
    media_write: float | None = 20.0  # instead of `write` when files are uploaded


class AiohttpRequest(BaseRequest):
    """PTB's requests over aiohttp, `connections` at a time at most, through `proxy` (http://...) if named."""

    __slots__ = ("_connections", "_patience", "_places", "_proxy", "_session")

    def __init__(
        self, connections: int = 256, patience: Patience | None = None, proxy: str | None = None
    ) -> None:
        if connections < 1:
            raise ValueError(f"connections must be at least 1, not {connections}")
        self._connections = connections
        self._patience = patience or Patience()
        self._proxy = proxy
        self._places = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        """Seconds; getUpdates adds its own waiting time to it."""
        return self._patience.read

    async def initialize(self) -> None:
        """Open the session; a second call changes nothing."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The pool is `_places`: aiohttp's own cannot tell waiting for a place from connecting.
                connector=aiohttp.TCPConnector(limit=0, ssl=_trust()),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )

    async def shutdown(self) -> None:
        """Close every connection; calls under way fail as ambiguous, later ones as not sent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Make one call; HTTP status and body, or PTB's error with a verdict."""
        files = request_data is not None and request_data.contains_files
        write = self._patience.media_write if files else self._patience.write
        body = _body_of(request_data, _chosen(write_timeout, write))
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=_chosen(connect_timeout, self._patience.connect),
            sock_read=_chosen(read_timeout, self._patience.read),
        )
        async with self._place(_chosen(pool_timeout, self._patience.pool)):
            status, header, answer = await self._exchange(url, method, body, timeout)
        if status != 200 or (method == "POST" and b'"ok"' not in answer):
            veil = Veil(url, self._proxy)
            object_to(method, status, header, answer, veil)
            answer = veil.over(answer.decode("utf-8", "replace")).encode()
        return status, answer

    @asynccontextmanager
    async def _place(self, pool_timeout: float | None) -> AsyncIterator[None]:
        """A place among the connections, in order of asking."""
        try:
            async with asyncio.timeout(pool_timeout if self._places.locked() else None):
                await self._places.acquire()
        except TimeoutError as error:
            words = f"All {self._connections} connections stayed busy for {pool_timeout} s"
            raise NotSentInTime(words) from error
        try:
            yield
        finally:
            self._places.release()

    async def _exchange(
        self, url: str, method: str, body: _Body, timeout: aiohttp.ClientTimeout
    ) -> tuple[int, str | None, bytes]:
        """Send and read whole: status, the Retry-After header and the body."""
        if self._session is None:
            raise NotSent("The connection to Telegram is closed")
        try:
            async with (
                body.deadline,
                self._session.request(
                    method,
                    URL(url, encoded=True),
                    data=body.payload(),
                    headers=body.headers,
                    timeout=timeout,
                    allow_redirects=False,
                    proxy=self._proxy,
                ) as response,
            ):
                return response.status, response.headers.get("Retry-After"), await response.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            failure = failure_of(error, body.whole, Veil(url, self._proxy))
        raise failure  # outside the clause, so that no token hides in its context

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The Bot API's answer; TelegramError for anything that is not one."""
        try:
            answer = json.loads(payload)
        except ValueError as error:
            raise TelegramError("Invalid server response") from error
        if not isinstance(answer, dict) or not answer.keys() & {"result", "description"}:
            raise TelegramError("Invalid server response")
        return answer


class _Body:
    """What follows the headers; a long one is written piece by piece, each within `patience` seconds."""

    __slots__ = ("_content", "_patience", "deadline", "headers", "whole")

    def __init__(self, content: bytes, kind: str, patience: float | None) -> None:
        self._content = content
        self._patience = patience
        self.deadline = asyncio.timeout(None)
        self.headers = {"Content-Type": kind, "Content-Length": str(len(content))} if content else {}
        self.whole = len(content) <= PIECE  # may all have left? Half a call is never obeyed

    def payload(self) -> bytes | AsyncIterator[bytes] | None:
        return self._pieces() if len(self._content) > PIECE else self._content or None

    async def _pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), PIECE):
            self._allow(self._patience)
            self.whole = start + PIECE >= len(self._content)
            yield self._content[start : start + PIECE]
        self._allow(None)

    def _allow(self, seconds: float | None) -> None:
        with suppress(RuntimeError):  # the answer came before the last piece was taken
            self.deadline.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


def _body_of(call: RequestData | None, patience: float | None) -> _Body:
    """Parameters as JSON, which costs the least; with files as multipart/form-data (RFC 7578; names in raw UTF-8)."""
    if call is None or not call.contains_files:
        words = call.parameters if call else {}
        return _Body(dumped(words).encode() if words else b"", "application/json", patience)
    border = uuid4().hex
    opening = f"--{border}\r\nContent-Disposition: form-data; name="
    parts = [f'{opening}"{name}"\r\n\r\n{word}\r\n'.encode() for name, word in call.json_parameters.items()]
    for name, (filename, content, kind) in call.multipart_data.items():
        shown = " ".join(filename.splitlines()).replace('"', "'")
        parts.append(f'{opening}"{name}"; filename="{shown}"\r\nContent-Type: {kind}\r\n\r\n'.encode())
        parts += [content if isinstance(content, bytes) else content.read(), b"\r\n"]
    parts.append(f"--{border}--\r\n".encode())
    return _Body(b"".join(parts), f"multipart/form-data; boundary={border}", patience)


def _chosen(asked: ODVInput[float], default: float | None) -> float | None:
    return default if isinstance(asked, DefaultValue) else asked


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, and Mozilla's (certifi), for systems that come without any."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
