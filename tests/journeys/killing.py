"""Kill -9 under load: what was confirmed to Telegram must be in the database, once, and nobody may be stuck.

`python -m tests.journeys.killing --kills 30` prints the figures; the suite does the same with fewer kills.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.sandbox import Sandbox, Shown
from bot.sandbox.crowd import Delay, Temper, Worker, confusion_of
from bot.telegram.callbacks import unpack
from core.question import Tap
from tests.journeys.running import LABELS, RunningBot, open_pets, running

WORKERS = 50
DOUBLE_TAPS = 0.1

# Each must find nothing: facts, beliefs, leases, money and letters agree.
INVARIANTS = {
    "an item has other answers than it counts": """
        SELECT i.id FROM item i WHERE i.role <> 'control' AND i.answers <> (
            SELECT COUNT(*) FROM answer a JOIN question q ON q.id = a.question AND q.lease = a.lease
            WHERE a.item = i.id AND q.state = 'answered' AND a.counted)""",
    "an item has other leases than it counts": """
        SELECT i.id FROM item i WHERE i.role <> 'control' AND i.leases <> (
            SELECT COUNT(*) FROM question q WHERE q.item = i.id AND q.state = 'live')""",
    "a worker has other answers than they are credited with": """
        SELECT e.worker FROM enrolment e WHERE e.answered <> (
            SELECT COUNT(*) FROM answer a JOIN question q ON q.id = a.question AND q.lease = a.lease
            WHERE a.worker = e.worker AND a.campaign = e.campaign AND q.state = 'answered')""",
    "an answered question has no answer": """
        SELECT q.id FROM question q LEFT JOIN answer a ON a.question = q.id AND a.lease = q.lease
        WHERE q.state = 'answered' AND a.question IS NULL""",
    "an item was over-asked": "SELECT id FROM item WHERE answers + leases > 7 AND role <> 'control'",
    "an answer was paid twice or not at all": """
        SELECT a.question FROM answer a LEFT JOIN entry e ON e.cause = 'answer:' || a.question || ':' || a.lease
        GROUP BY a.question, a.lease HAVING COUNT(e.cause) <> 2""",
    "a transfer does not cancel out": "SELECT cause FROM entry GROUP BY cause HAVING SUM(amount) <> 0",
    "an update was given up": "SELECT id FROM inbox WHERE state NOT IN ('new', 'done')",
    "a worker has two live questions": """
        SELECT worker FROM question WHERE state = 'live' GROUP BY worker, campaign HAVING COUNT(*) > 1""",
}


@dataclass(frozen=True, slots=True)
class Killed:
    """What is left after the kills."""

    kills: int
    taps: int  # accepted by Telegram
    confirmed: int  # of them, taken by the bot
    answers: int
    lost: int  # confirmed choices without an answer
    stuck: int  # workers who could not answer one more question
    broken: tuple[str, ...]  # invariants


async def killed(kills: int, folder: Path, seed: int = 1) -> Killed:
    """Runs the bot under the load of 50 workers, kills it so many times, restarts it, and counts."""
    dice = random.Random(seed)
    async with Sandbox.started() as sandbox:
        sandbox.faults.send_taps_twice(DOUBLE_TAPS, dice)
        bot = await running(sandbox, folder)
        await open_pets(sandbox, (f"Animal number {n}" for n in range(4000)))
        workers = [_worker(sandbox, n) for n in range(WORKERS)]
        tasks = [asyncio.create_task(worker.work("/start pets")) for worker in workers]
        await _more(workers, WORKERS)
        for _ in range(kills):
            await _more(workers, 20)
            await asyncio.sleep(dice.random() * 0.5)
            await bot.kill()
            await bot.start()
        stuck = await _stuck(workers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _until(lambda: all(update.confirmed_at is not None for update in sandbox.updates))
        await asyncio.sleep(1.0)
        await bot.kill()
        return _counted(kills, sandbox, bot, stuck)


def _worker(sandbox: Sandbox, n: int) -> Worker:
    rng = np.random.default_rng(n)
    phone = sandbox.person(5000 + n, f"Worker {n}")
    delay = Delay(0.15, 0.5)
    theta = confusion_of(Temper.ORDINARY, len(LABELS), rng)
    return Worker(phone, _truth, LABELS, theta, delay, rng, double_tap=DOUBLE_TAPS, patience=6.0)


def _truth(bubble: Shown) -> int | None:
    _, found, number = bubble.words.partition("Animal number ")
    return int(number.split()[0]) % len(LABELS) if found and bubble.keys else None


async def _more(workers: list[Worker], answers: int) -> None:
    """Returns when the crowd has given so many more."""
    goal = sum(len(worker.given) for worker in workers) + answers
    await _until(lambda: sum(len(worker.given) for worker in workers) >= goal)


async def _until(happened: Callable[[], bool], timeout: float = 60.0) -> None:
    async with asyncio.timeout(timeout):
        while not happened():
            await asyncio.sleep(0.02)


async def _stuck(workers: list[Worker]) -> int:
    """How many workers cannot answer one more question within half a minute."""
    before = [len(worker.given) for worker in workers]
    waiting = set(range(len(workers)))
    for _ in range(300):
        waiting = {n for n in waiting if len(workers[n].given) <= before[n] + 1}
        if not waiting:
            break
        await asyncio.sleep(0.1)
    return len(waiting)


def _counted(kills: int, sandbox: Sandbox, bot: RunningBot, stuck: int) -> Killed:
    taps = [update for update in sandbox.updates if update.kind == "callback_query"]
    confirmed = [update for update in taps if update.confirmed_at is not None]
    with sqlite3.connect(bot.database) as database:
        answers = set(database.execute("SELECT question, lease FROM answer").fetchall())
        broken = tuple(words for words, query in INVARIANTS.items() if database.execute(query).fetchone())
        done = {row[0] for row in database.execute("SELECT id FROM inbox WHERE state = 'done'")}
    lost = 0
    for update in confirmed:
        pressed = unpack(update.body["data"])
        if isinstance(pressed, Tap) and isinstance(pressed.choice, int):
            lost += (pressed.question, pressed.lease) not in answers
        lost += update.id not in done
    return Killed(kills, len(taps), len(confirmed), len(answers), lost, stuck, broken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(killed(chosen.kills, Path(folder), chosen.seed))
    print(json.dumps({name: getattr(found, name) for name in Killed.__slots__}))
    raise SystemExit(1 if found.lost or found.stuck or found.broken else 0)


if __name__ == "__main__":
    main()
