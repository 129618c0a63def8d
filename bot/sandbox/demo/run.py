"""`crowdloop demo`: sandbox, bot and crowd, two days and the night between them, then the chat page stays open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bot.sandbox import ADMIN, Person, Sandbox
from bot.sandbox.demo.campaigns import DemoCampaign, digits, messages
from bot.sandbox.demo.crowd import Team, hire
from bot.sandbox.demo.scoreboard import Score, score
from bot.sandbox.demo.screen import Board, table
from core.ids import WorkerId
from core.refit import beliefs_of
from core.version import Version
from storage import migrations
from storage.archive import SqlArchive
from storage.engine import parse

FOLDER = Path("state/demo")
NIGHT = 1200.0  # seconds that a night of the demo may take; two minutes on two cores that have nothing else to do
QUIET = 30.0  # seconds for the last taps of a day to arrive

console = Console()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays."""

    sandbox: Sandbox
    admin: Person
    archive: SqlArchive
    teams: Sequence[Team]


def run(once: bool, port: int) -> int:
    """The exit status: 0 when the whole loop went round."""
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        return asyncio.run(_until_told(_play(once, 0 if once else port)))
    return 0


async def _until_told(play: Coroutine[None, None, int]) -> int:
    """SIGTERM ends the bot and the crowd too, as Ctrl-C does."""
    task = asyncio.create_task(play)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _play(once: bool, port: int) -> int:
    campaigns = await asyncio.to_thread(lambda: [digits(), messages()])
    async with Sandbox.started(port=port) as sandbox, _bot(sandbox):
        admin = sandbox.person(ADMIN.id, ADMIN.first_name)
        console.print(f"[bold]Chat page: {sandbox.url}/[/]  - answer beside the crowd, as worker or as admin")
        for campaign in campaigns:
            await open_campaign(admin, campaign)
        stage = Stage(sandbox, admin, SqlArchive(parse(_url())), hire(sandbox, campaigns))
        begun = time.monotonic()
        await _day(stage, "First day", first=True)
        await asyncio.gather(*(_night(stage, team) for team in stage.teams))
        await _day(stage, "Second day", first=False)
        console.print(table([(team.campaign, *(await _judged(stage, team))) for team in stage.teams]))
        console.print(f"Two days and a night in {time.monotonic() - begun:.0f} s.")
        if not once:
            console.print(f"[bold]The chat page stays open: {sandbox.url}/[/]  (Ctrl-C ends it)")
            await asyncio.Event().wait()
    return 0


def _url() -> str:
    return f"sqlite:///{FOLDER / 'crowdloop.db'}"


@asynccontextmanager
async def _bot(sandbox: Sandbox) -> AsyncIterator[None]:
    """The unmodified bot in a process of its own; it knows the sandbox by `base_url` alone."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    migrations.migrate(_url())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CROWDLOOP_")} | {
        "CROWDLOOP_TELEGRAM__TOKEN": sandbox.token,
        "CROWDLOOP_TELEGRAM__BASE_URL": sandbox.base_url,
        "CROWDLOOP_TELEGRAM__BASE_FILE_URL": sandbox.base_file_url,
        "CROWDLOOP_TELEGRAM__ADMINS": str(ADMIN.id),
        "CROWDLOOP_STORAGE__URL": _url(),
        "CROWDLOOP_STORAGE__VERSIONS": str(FOLDER / "versions"),
        "CROWDLOOP_TRAINING__REFIT_MINUTES": "0.1",
        "CROWDLOOP_WEB__PORT": "0",
    }
    log = FOLDER / "bot.log"
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=environment, stdout=stream, stderr=stream
        )
    watch = asyncio.create_task(process.wait())
    try:
        yield
        if watch.done():
            raise RuntimeError(f"the bot ended early; {log} says why")
    finally:
        if not watch.done():
            process.terminate()
            await watch


async def open_campaign(admin: Person, campaign: DemoCampaign) -> None:
    """Creates and fills a campaign as an admin would, in the chat."""
    before = len(admin.messages)
    await admin.say(campaign.command)
    await admin.wait(
        lambda seen: any(campaign.slug in bubble.words and not bubble.mine for bubble in seen[before:]), 60
    )
    for name, content, caption in campaign.uploads:
        before = len(admin.messages)
        await admin.send_document(name, content, caption)
        await admin.wait(lambda seen: any(not bubble.mine for bubble in seen[before:]), 60)  # noqa: B023
    console.print(f"  {admin.messages[-1].words.splitlines()[0]}")


async def _day(stage: Stage, title: str, first: bool) -> None:
    with Board(console, title, stage.archive, stage.teams) as board:
        openings = [f"/start {team.campaign.slug}" if first else "/next" for team in stage.teams]
        await asyncio.gather(
            *(team.day(opening, board.tick) for team, opening in zip(stage.teams, openings, strict=True))
        )
        await _quiet(stage.sandbox)
        board.tick(now=True)


async def _quiet(sandbox: Sandbox) -> None:
    """Waits until the bot has taken every tap and its answers have come."""
    deadline = time.monotonic() + QUIET
    while any(update.confirmed_at is None for update in sandbox.updates[-200:]) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)


async def _night(stage: Stage, team: Team) -> None:
    """An admin asks for the night; its report comes as a picture."""
    slug, seen = team.campaign.slug, len(stage.admin.messages)
    with console.status(f"Night of {slug}: training on what the crowd said"):
        await stage.admin.say(f"/train {slug}")
        title = next(line for line in team.campaign.command.splitlines() if line.startswith("title: "))[7:]
        await stage.admin.wait(
            lambda bubbles: any(
                (title in bubble.words and bubble.photo) or "without a new version" in bubble.words
                for bubble in bubbles[seen:]
            ),
            NIGHT,
        )
    report = next(b for b in stage.admin.messages[seen:] if title in b.words or "without a new version" in b.words)
    console.print(f"  {' '.join(report.words.split())}")
    if report.photo:
        (FOLDER / f"night-{slug}.png").write_bytes(await stage.admin.download(report))
    else:
        raise RuntimeError(report.words)


async def _judged(stage: Stage, team: Team) -> tuple[Score, Version | None]:
    campaign = stage.archive.campaign_named(team.campaign.slug)
    snapshot = stage.archive.snapshot(campaign.id)
    ids = {account: worker for worker, account in stage.archive.accounts(campaign.id).items()}
    crowd = {WorkerId(ids[account]): theta for account, theta in team.confusions.items() if account in ids}
    answers = len(snapshot.answer_item)
    return score(beliefs_of(snapshot), answers, team.campaign.truths, crowd), stage.archive.serving(campaign.id)
