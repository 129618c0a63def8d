"""What happens by the clock. APScheduler only nudges: what is due is computed here, what is done is a database row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from core.ports import Ledger
from core.service import expire

TOO_LATE = timedelta(hours=20)  # a night missed for longer waits for the next one
OVERDUE_AT_ONCE = 100  # leases given back in one transaction

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.schedule")


def night_due(
    now: datetime, zone: ZoneInfo, train_at: time, last_done: date | None, born: datetime | None = None
) -> date | None:
    """The local date whose night should run now: its hour has struck less than 20 hours ago, since the campaign was
    `born`, and it is not done.

    Keyed by the date, so the hour that comes twice in autumn is one night; an hour that spring skips strikes at the
    moment which the clocks before the change would have called so.
    """
    today = now.astimezone(zone).date()
    for night in (today, today - timedelta(days=1)):
        struck = datetime.combine(night, train_at, zone).astimezone(UTC)
        if timedelta(0) <= now - struck < TOO_LATE:
            if born is not None and struck < born:
                return None
            return night if last_done is None or last_done < night else None
    return None


async def expire_leases(ledger: Ledger, now: datetime) -> int:
    """Gives back the seats of all overdue questions; how many there were."""
    total = 0
    while True:
        expired = await ledger.transact(lambda tx: expire(tx, now, OVERDUE_AT_ONCE))
        total += expired
        if expired < OVERDUE_AT_ONCE:
            return total


@dataclass(frozen=True, slots=True)
class Job:
    """Something to call again and again; a run that takes longer than `every` swallows the nudges in between."""

    name: str
    every: timedelta
    call: Callable[[], Awaitable[object]]


class Schedule:
    """Calls each job at once and then every so often, until stopped; a failed run is logged and the next one comes."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = tuple(jobs)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin; needs the running event loop."""
        for job in self._jobs:
            self._scheduler.add_job(
                self._run,
                IntervalTrigger(seconds=job.every.total_seconds(), timezone=UTC),
                args=(job,),
                id=job.name,
                next_run_time=datetime.now(UTC),
                misfire_grace_time=None,  # a process that slept runs the job once when it wakes
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.start()

    async def stop(self, within: float = 2.0) -> None:
        """No more nudges; what is running may end within so many seconds, then it is cancelled."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # the scheduler closes on the loop's next turn

    async def _run(self, job: Job) -> None:
        task = asyncio.create_task(_logged(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await task


async def _logged(job: Job) -> None:
    try:
        await job.call()
    except Exception as error:  # the outermost loop of every job
        log.error("job.failed", job=job.name, reason=repr(error), exc_info=error)
