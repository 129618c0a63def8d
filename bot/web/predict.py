"""`POST /v1/predict`: the token first, then the limits, then the worker process. No network speaks in here."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from bot.serving import Serving
from bot.web.speech import Busy, Speech
from core.errors import BadInput, CrowdloopError, NotFound
from core.item import TEXT_LIMIT, between

PATH = "/v1/predict"
MOST_TEXTS = 128  # of one request
SHORTEST = 16  # characters of a token
BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks."""

    campaign: str
    texts: tuple[str, ...]


class Predict:
    """Answers whoever knows the token; BadInput where that could be guessed."""

    def __init__(self, token: str, serving: Callable[[str], Serving], speech: Speech) -> None:
        if len(token) < SHORTEST:
            raise BadInput("web.predict_token", f"must have at least {SHORTEST} characters, and be hard to guess.")
        self._token, self._serving, self._speech = token.encode(), serving, speech

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        """200; 401 before the body is read; 400, 404 and 409 for what can never be granted; 503 while busy."""
        if not self._trusted(request):
            return _sorry(401, "The token is missing or wrong: send it as Authorization: Bearer TOKEN.")
        try:
            wanted = parsed(await request.read())
            serving = await asyncio.to_thread(self._serving, wanted.campaign)
            said = await self._speech.say(serving, wanted.texts)
        except BadInput as error:
            return _sorry(400, str(error))
        except NotFound as error:
            return _sorry(404, str(error))
        except Busy as error:
            return _sorry(503, str(error), {"Retry-After": "1"})
        except CrowdloopError as error:
            return _sorry(409, str(error))
        version = serving.version.encode()
        body = b'{"version":"%b","predictions":[%b]}' % (version, b",".join(said))
        return web.Response(body=body, content_type="application/json")

    def _trusted(self, request: web.Request) -> bool:
        """Whether the token is there once and right; compared as bytes, in constant time."""
        given = request.headers.getall("Authorization", [])
        if len(given) != 1 or not given[0].startswith(BEARER):
            return False
        return hmac.compare_digest(given[0][len(BEARER) :].encode("utf-8", "surrogateescape"), self._token)


def parsed(body: bytes) -> Wanted:
    """What a request's body asks; BadInput names what is wrong with it."""
    try:
        raw = orjson.loads(body)
    except ValueError:
        raise BadInput("body", "is not JSON.") from None
    if not isinstance(raw, dict) or set(raw) != {"campaign", "texts"}:
        raise BadInput("body", 'must be {"campaign": NAME, "texts": [TEXT, ...]}.')
    campaign, texts = raw["campaign"], raw["texts"]
    if not isinstance(campaign, str):
        raise BadInput("campaign", "must be a name.")
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_TEXTS:
        raise BadInput("texts", f"must be a list of 1 to {MOST_TEXTS} texts.")
    return Wanted(campaign, tuple(_words(f"texts[{at}]", text) for at, text in enumerate(texts)))


def _words(place: str, text: object) -> str:
    """A text, or the two of a pair as one."""
    parts = text if isinstance(text, list) else [text]
    known = [part for part in parts if isinstance(part, str) and part.strip()]
    if len(known) < len(parts) or len(parts) not in (1, 2) or sum(map(len, known)) > TEXT_LIMIT:
        raise BadInput(place, f"must be a text of 1 to {TEXT_LIMIT:,} characters, or [TEXT, TEXT] for a pair.")
    return between(*known)


def _sorry(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": sentence}, status=status, headers=headers)
