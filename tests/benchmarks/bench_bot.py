"""Updates a second and latency of our whole bot, beside a bare PTB bot and raw aiohttp: the same taps, one run.

`python -m tests.benchmarks.bench_bot [--seconds 10] [--people 600]`. Telegram is the sandbox server in this process;
each bot is a process of its own. A person taps, waits for the edit of the bubble, and taps again (closed loop), so many
of them that nobody meets our pace of two edits a second in one chat. Ours does all its work meanwhile: inbox and answer
durable with SQLite synchronous=FULL, belief, next question, pay, outbox.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.sandbox import Button, Person, Sandbox, Shown
from tests.benchmarks.echo_bots import run_ptb, run_raw
from tests.journeys.running import LABELS, NEW, heard, open_pets, running

BARE = {"raw aiohttp": "raw", "bare PTB, our transport": "ptb"}
OURS = "crowdloop, SQLite FULL"


@dataclass(frozen=True, slots=True)
class Figures:
    """One bot under load."""

    updates: float  # a second
    p50: float  # milliseconds from tap to edit
    p99: float
    cpu: float  # milliseconds of the bot's processor time an update


@dataclass(slots=True)
class Tapper:
    """One person who taps as soon as the last tap is answered."""

    person: Person
    bubble: int  # number of the message with the buttons
    free: bool  # taps any data; a real question has its own buttons
    seconds: list[float]
    count: int = 0

    def shown(self) -> Shown:
        return next(bubble for bubble in reversed(self.person.messages) if bubble.id == self.bubble)

    async def work(self, until: float) -> None:
        while time.perf_counter() < until:
            bubble = self.shown()
            key = Button("any", f"tap {self.count}") if self.free else bubble.key(LABELS[self.count % len(LABELS)])
            self.count += 1
            begun = time.perf_counter()
            await self.person.tap(bubble, key)
            await self.person.wait(lambda _, version=bubble.version: self.shown().version > version, 30)
            self.seconds.append(time.perf_counter() - begun)


async def drive(tappers: Sequence[Tapper], seconds: float, pid: int) -> Figures:
    """Warms up for a second, then counts."""
    await asyncio.gather(*(tapper.work(time.perf_counter() + 1.0) for tapper in tappers))
    for tapper in tappers:
        tapper.seconds.clear()
    begun, busy = time.perf_counter(), processor(pid)
    await asyncio.gather(*(tapper.work(begun + seconds) for tapper in tappers))
    passed, worked = time.perf_counter() - begun, processor(pid) - busy
    every = sorted(second for tapper in tappers for second in tapper.seconds)
    return Figures(
        len(every) / passed,
        1000 * statistics.median(every),
        1000 * every[int(0.99 * len(every))],
        1000 * worked / len(every),
    )


def processor(pid: int) -> float:
    """Seconds of processor time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def bare(name: str, people: int, seconds: float) -> Figures:
    """One of the echo bots."""
    async with Sandbox.started() as sandbox, _echo(sandbox, BARE[name]) as pid:
        tappers = [Tapper(person, await _bubble(sandbox, person), True, []) for person in _people(sandbox, people)]
        return await drive(tappers, seconds, pid)


@asynccontextmanager
async def _echo(sandbox: Sandbox, which: str) -> AsyncIterator[int]:
    arguments = ("-m", "tests.benchmarks.bench_bot", "--be", which, sandbox.base_url, sandbox.token)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    await asyncio.sleep(2.0)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _bubble(sandbox: Sandbox, person: Person) -> int:
    await person.say("/start")  # a bot cannot write first
    async with aiohttp.ClientSession() as session:
        fields = {"chat_id": person.id, "text": "begin"}
        async with session.post(f"{sandbox.base_url}{sandbox.token}/sendMessage", json=fields) as response:
            return int((await response.json())["result"]["message_id"])


def _people(sandbox: Sandbox, count: int) -> list[Person]:
    return [sandbox.person(7000 + n, f"Person {n}") for n in range(count)]


async def ours(people: int, seconds: float) -> Figures:
    """The whole product."""
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox.started() as sandbox:
            bot = await running(sandbox, Path(folder))
            assert bot.process is not None
            try:
                new = f"{NEW}\nnewcomer_controls: 0\ncontrol_share: 0"
                await open_pets(sandbox, (f"Animal number {n}" for n in range(20_000)), new)
                tappers = await asyncio.gather(*map(_enrolled, _people(sandbox, people)))
                return await drive(tappers, seconds, bot.process.pid)
            finally:
                await bot.kill()


async def _enrolled(person: Person) -> Tapper:
    await person.say("/start pets")
    await person.wait(lambda seen: any(bubble.keys for bubble in seen), 120)
    consent = next(bubble for bubble in person.messages if bubble.keys)
    await person.tap(consent, 0)
    await heard(person, "Animal number", 0, 120)
    question = next(bubble for bubble in reversed(person.messages) if "Animal number" in bubble.words)
    return Tapper(person, question.id, False, [])


async def bench(people: int, seconds: float) -> float:
    """Prints the table; our share of the bare PTB bot's updates a second."""
    found = {name: await bare(name, people, seconds) for name in BARE}
    found[OURS] = await ours(people, seconds)
    print(
        f"{people} people, closed loop, {seconds:.0f} s each; two cores: one for the bot, one for Telegram and people"
    )
    print(f"{'bot':28}{'updates/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'CPU ms/update':>16}")
    for name, row in found.items():
        print(f"{name:28}{row.updates:12.0f}{row.p50:10.1f}{row.p99:10.1f}{row.cpu:16.2f}")
    return found[OURS].updates / found["bare PTB, our transport"].updates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--be", nargs=3, metavar=("WHICH", "BASE_URL", "TOKEN"), help="be one of the bare bots")
    chosen = parser.parse_args()
    if chosen.be:
        which, base_url, token = chosen.be
        asyncio.run({"raw": run_raw, "ptb": run_ptb}[which](base_url, token, asyncio.Event()))
        return
    share = asyncio.run(bench(chosen.people, chosen.seconds))
    print(f"crowdloop / bare PTB: {share:.2f} (wanted: at least 0.40)")
    raise SystemExit(0 if share >= 0.4 else 1)


if __name__ == "__main__":
    main()
