"""What a failed call to the Bot API means: PTB's errors with a verdict, and no token in any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from urllib.parse import quote, unquote

import aiohttp
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from yarl import URL

EXCERPT = 200  # characters quoted from an answer that does not come from the Bot API
UNNAMED_WAIT = 5  # seconds, for a 429 that does not say how long
NEVER_EXECUTED = frozenset({405, 411, 413, 414, 415, 431})  # refused for their shape, before any method ran


class Sending(Enum):
    """What a failed call tells about the fate of what it carried."""

    UNSENT = "unsent"  # nothing was done with it: the same call may be made again
    DECIDED = "decided"  # Telegram has read it and said no: the same call would get the same no
    AMBIGUOUS = "ambiguous"  # it may or may not have been carried out


class NotSent(NetworkError):
    """The call never reached Telegram whole: no connection, no name, no room in the pool."""

    __slots__ = ()


class NotSentInTime(NotSent, TimedOut):
    """As `NotSent`, because connecting, waiting for a place or uploading took too long."""

    __slots__ = ()


def verdict_of(error: TelegramError) -> Sending:
    """The fate of the call that raised `error`.

    A wrong token (401, 404) and a rival poller (409) count as unsent: nothing was carried out, and what waits
    must outlive the operator's repair.
    """
    match error:
        case NotSent() | RetryAfter() | InvalidToken() | Conflict():
            return Sending.UNSENT
        case BadRequest() | Forbidden() | ChatMigrated() | EndPointNotFound():
            return Sending.DECIDED
        case _:  # read timeout, connection dropped after sending, 5xx, an answer nobody can read
            return Sending.AMBIGUOUS


def surely_unsent(error: TelegramError) -> bool:
    """Whether the call that raised `error` may be repeated without anything being done twice."""
    return verdict_of(error) is Sending.UNSENT


def seconds_to_wait(error: RetryAfter) -> float:
    """How long Telegram asks for silence, in seconds (PTB's own attribute warns on every reading)."""
    return error._retry_after.total_seconds()


class Veil:
    """Hides the token of a Bot API address, and a proxy's password, in any text that quotes them."""

    __slots__ = ("_secrets",)

    def __init__(self, url: str, proxy: str | None) -> None:
        found = re.search(r"/bot([^/]+)", url) or re.search(r"//[^/]+/(.+)", url)
        plain = [unquote(found[1])] if found else []
        password = URL(proxy).password if proxy else None
        plain += [password] if password else []
        self._secrets = [form for text in plain for form in (text, quote(text), quote(text, safe=""))]

    def over(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        return text

    def cause(self, error: BaseException) -> BaseException:
        """`error` itself when nothing in its chain holds a secret, else its words in a fresh exception."""
        words = " ".join(f"{link} {link!r}" for link in _chain(error))
        if words == self.over(words):
            return error
        kind = TimeoutError if isinstance(error, TimeoutError) else aiohttp.ClientError
        return kind(self.over(f"{type(error).__name__}: {error}"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


_NEVER_SENT = (
    aiohttp.ClientConnectorError,  # refused, unreachable, no such name, TLS
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.NonHttpUrlClientError,
    ValueError,  # an address that is none
)


def failure_of(error: Exception, sent_whole: bool, veil: Veil) -> NetworkError:
    """PTB's error for a call without answer; `sent_whole`: whether all of it may have left this machine."""
    late = isinstance(error, TimeoutError)
    if isinstance(error, _NEVER_SENT) or not sent_whole:
        kind: type[NetworkError] = NotSentInTime if late else NotSent
    else:
        kind = TimedOut if late else NetworkError
    failure = kind(veil.over(f"{type(error).__name__}: {error}"))
    failure.__cause__ = veil.cause(error)
    return failure


def object_to(method: str, status: int, header: str | None, answer: bytes, veil: Veil) -> None:
    """Raise where PTB would misread: 429 without its wait, a refused shape, a lost file, a proxy's words."""
    if status == 429:
        raise RetryAfter(_wait_asked(answer, header))
    if status in NEVER_EXECUTED:
        raise BadRequest(f"Refused by the server ({status})")
    if status == 404 and method == "GET":
        raise BadRequest("The file is not there (404)")
    if b'"ok"' not in answer:
        excerpt = veil.over(answer.decode("utf-8", "replace"))[:EXCERPT]
        raise NetworkError(f"Not an answer of the Bot API ({status}): {excerpt!r}")


def _wait_asked(answer: bytes, header: str | None) -> int:
    """Seconds of silence asked for by a 429: in its JSON, else in its header, else a guess."""
    with suppress(ValueError, TypeError, KeyError):
        return max(1, int(json.loads(answer)["parameters"]["retry_after"]))
    return int(header) if header and header.isdecimal() else UNNAMED_WAIT
