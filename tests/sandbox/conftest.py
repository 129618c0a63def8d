from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO

import pytest
from PIL import Image
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.sandbox import Patience, Sandbox


@dataclass
class Clock:
    """A clock that tests move by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    patience = Patience(answer=0.3, first_retry=0.02, longest_retry=0.1)
    async with Sandbox.started(clock=clock, patience=patience) as sandbox:
        yield sandbox


def ptb_bot(sandbox: Sandbox, token: str | None = None, read_timeout: float = 5.0) -> Bot:
    return Bot(
        token or sandbox.token,
        base_url=sandbox.base_url,
        base_file_url=sandbox.base_file_url,
        request=HTTPXRequest(read_timeout=read_timeout, connection_pool_size=16),
        get_updates_request=HTTPXRequest(read_timeout=read_timeout),
    )


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with ptb_bot(sandbox) as bot:
        yield bot


def png(colour: str = "teal", size: tuple[int, int] = (40, 30)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()
