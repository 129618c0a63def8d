"""kill -9 at random moments: every update has its effect, once."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from pathlib import Path

from bot.sandbox import Sandbox
from tests.bot.stage import opened

ROOT = Path(__file__).parents[2]
KILLS, PEOPLE = 5, 12


async def killed_after(sandbox: Sandbox, folder: Path, seconds: float) -> None:
    """A bot that lives for so long after its first call for updates."""
    polls = sandbox.counts.calls["getupdates"]
    command = ("-m", "tests.bot.stage", sandbox.url, sandbox.token, str(folder))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT)
    async with asyncio.timeout(60):
        while sandbox.counts.calls["getupdates"] == polls:
            await asyncio.sleep(0.005)
    await asyncio.sleep(seconds)
    process.kill()
    assert await process.wait() == -signal.SIGKILL


async def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    async with Sandbox.started() as sandbox:
        people = [sandbox.person() for _ in range(PEOPLE)]
        said = []
        for kill in range(KILLS):
            for number in range(10):
                for person in people:
                    said.append(f"you said {kill}-{number}-{person.id}")
                    await person.say(f"{kill}-{number}-{person.id}")
            await killed_after(sandbox, tmp_path, rng.random() * 0.15)
        await killed_after(sandbox, tmp_path, 4.0)
        async with opened(tmp_path) as store:
            assert Counter(text for text, _, _ in await store.outcomes()) == Counter(said)
            assert {state for state, _ in (await store.inbox_states()).values()} == {"done"}
        shown = Counter(bubble.words for person in people for bubble in person.messages if not bubble.mine)
        assert max(shown.values()) <= 2  # a question may be shown twice
