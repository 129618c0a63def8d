"""Texts of many requests to one worker process and back: the loop only carries bytes, so that no tap ever waits."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import structlog

from bot.serving import Serving
from core.campaign import Kind
from core.errors import CrowdloopError, Refused

BATCH = 256  # texts of one go in the worker
MOST_WAITING = 2048  # texts that may wait for it
PATIENCE = 120.0  # seconds for one go; the first one loads torch and the version
COMMAND = (sys.executable, "-m", "bot.speaking")

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.speech")


class Busy(CrowdloopError):
    """Too much waits already, or the worker has just broken off: later is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One request that waits."""

    serving: Serving
    texts: Sequence[str]
    answer: asyncio.Future[list[bytes]]
    label: int | None = None  # whose words are wanted, of one text, instead of probabilities


class Speech:
    """Asks the worker, one batch at a time; requests that come meanwhile share the next one."""

    def __init__(self, most_waiting: int = MOST_WAITING, command: Sequence[str] = COMMAND) -> None:
        self._most, self._command = most_waiting, command
        self._waiting: deque[Wish] = deque()
        self._texts = 0  # that wait or are with the worker
        self._process: Process | None = None
        self._work: asyncio.Task[None] | None = None
        self.batches = 0  # so far

    async def telling(self, serving: Serving, text: str, label: int) -> list[tuple[str, float]]:
        """The words of a text that told most for or against a label, in nats. Raises Busy, Refused."""
        (said,) = await self.say(serving, [text], label)
        return [(word, nats) for word, nats in orjson.loads(said)]

    async def say(self, serving: Serving, texts: Sequence[str], label: int | None = None) -> list[bytes]:
        """A JSON object for each text. Raises Busy; Refused where the version cannot speak."""
        if self._texts + len(texts) > self._most:
            raise Busy(f"{self._texts} texts wait already: ask again in a moment.")
        self._texts += len(texts)
        wish = Wish(serving, texts, asyncio.get_running_loop().create_future(), label)
        self._waiting.append(wish)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._empty())
        try:
            return await wish.answer
        finally:
            self._texts -= len(texts)

    async def stop(self) -> None:
        """Ends the worker; who still waits hears Busy."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._end()
        self._fail(list(self._waiting), Busy("The bot is stopping."))
        self._waiting.clear()

    async def _empty(self) -> None:
        while self._waiting:
            wishes = self._batch()
            try:
                parts = await asyncio.wait_for(self._ask(wishes), PATIENCE)
            except Refused as error:
                self._fail(wishes, error)
            except asyncio.CancelledError:
                self._fail(wishes, Busy("The bot is stopping."))
                raise
            except (OSError, EOFError, TimeoutError, ValueError) as error:  # the worker broke off or hangs
                log.error("speech.broken", reason=repr(error))
                await self._end()
                self._fail(wishes, Busy("The worker broke off: ask again in a moment."))
            else:
                for wish in wishes:
                    mine, parts = parts[: len(wish.texts)], parts[len(wish.texts) :]
                    if not wish.answer.done():
                        wish.answer.set_result(mine)

    def _batch(self) -> list[Wish]:
        """The request that waits longest, and others for the same version up to a batch; who has left is dropped."""
        chosen: list[Wish] = []
        rest: deque[Wish] = deque()
        size = 0
        for wish in self._waiting:
            if wish.answer.done():
                continue
            alike = not chosen or wish.serving.folder == chosen[0].serving.folder
            alone = bool(chosen) and (wish.label is not None or chosen[0].label is not None)
            if alike and not alone and (not chosen or size + len(wish.texts) <= BATCH):
                chosen.append(wish)
                size += len(wish.texts)
            else:
                rest.append(wish)
        self._waiting = rest
        return chosen

    async def _ask(self, wishes: Sequence[Wish]) -> list[bytes]:
        texts = [text for wish in wishes for text in wish.texts]
        if not texts:
            return []
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        serving = wishes[0].serving
        asked: dict[str, object] = {"folder": str(serving.folder), "labels": serving.campaign.labels, "texts": texts}
        if serving.campaign.draft.glossary:
            asked["glossary"] = serving.campaign.draft.glossary  # read by the worker: the loop has no time to look
        if serving.campaign.draft.kind is Kind.SPANS:
            asked["words"] = True
        if wishes[0].label is not None:
            asked["telling"] = wishes[0].label
        process.stdin.write(orjson.dumps(asked) + b"\n")
        await process.stdin.drain()
        head = orjson.loads(await process.stdout.readline() or b"")
        if "refused" in head:
            raise Refused(head["refused"])
        body = await process.stdout.readexactly(head["bytes"])
        self.batches += 1
        parts = body.split(b"\n")
        if len(parts) != len(texts):
            raise ValueError(f"{len(parts)} answers for {len(texts)} texts")
        return parts

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
            log.info("speech.started", pid=self._process.pid)
        return self._process

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._process = None

    @staticmethod
    def _fail(wishes: Sequence[Wish], error: CrowdloopError) -> None:
        for wish in wishes:
            if not wish.answer.done():
                wish.answer.set_exception(error)
