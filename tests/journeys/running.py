"""The real bot as a process of its own against the sandbox, as an operator would run it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox import ADMIN, Person, Sandbox
from storage.migrations import migrate

LABELS = ("cat", "dog", "bird", "fish")
NEW = f"/new pets\ntitle: Pets\nquestion: Which animal is it?\nlabels: {', '.join(LABELS)}\npay: 0.01"


@dataclass(slots=True)
class RunningBot:
    """`crowdloop serve` over a database in `folder`; survives being killed."""

    sandbox: Sandbox
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def database(self) -> Path:
        return self.folder / "crowdloop.db"

    async def start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CROWDLOOP_")} | {
            "CROWDLOOP_TELEGRAM__TOKEN": self.sandbox.token,
            "CROWDLOOP_TELEGRAM__BASE_URL": self.sandbox.base_url,
            "CROWDLOOP_TELEGRAM__BASE_FILE_URL": self.sandbox.base_file_url,
            "CROWDLOOP_TELEGRAM__ADMINS": str(ADMIN.id),
            "CROWDLOOP_STORAGE__URL": f"sqlite:///{self.database}",
            "CROWDLOOP_STORAGE__VERSIONS": str(self.folder / "versions"),
            "CROWDLOOP_WEB__PORT": "0",
            **self.extra,
        }
        with (self.folder / "bot.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "serve", env=environment, stdout=log, stderr=log
            )

    async def kill(self, name: signal.Signals = signal.SIGKILL) -> int:
        """Ends the process by a signal; its exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(name)
        return await self.process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "bot.log").read_text(errors="replace")


async def running(sandbox: Sandbox, folder: Path, **extra: str) -> RunningBot:
    """A bot that has begun to poll."""
    migrate(f"sqlite:///{folder / 'crowdloop.db'}")
    bot = RunningBot(sandbox, folder, extra)
    await bot.start()
    return bot


async def heard(person: Person, words: str, since: int = 0, timeout: float = 30.0) -> str:
    """The first bubble of the bot with these words, after the first `since` bubbles."""
    found: list[str] = []

    def came(seen: Sequence[object]) -> bool:
        found[:] = [bubble.words for bubble in person.messages[since:] if not bubble.mine and words in bubble.words]
        return bool(found)

    await person.wait(came, timeout)
    return found[0]


async def told(person: Person, text: str, words: str, timeout: float = 30.0) -> str:
    """Says something and returns the bot's bubble that answers it with `words`."""
    since = len(person.messages)
    await person.say(text)
    return await heard(person, words, since, timeout)


async def open_pets(sandbox: Sandbox, texts: Iterable[str], new: str = NEW) -> Person:
    """The admin makes the campaign "pets" and fills it; the admin."""
    admin = sandbox.person(ADMIN.id, ADMIN.first_name)
    await told(admin, new, "pets", 60.0)
    since = len(admin.messages)
    rows = "\n".join(f"i{n},{text}" for n, text in enumerate(texts))
    await admin.send_document("items.csv", f"id,text\n{rows}\n".encode(), "pets")
    await heard(admin, "items from items.csv", since, 60.0)
    return admin
