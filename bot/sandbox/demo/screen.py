"""What the demo shows in the terminal: a board while a day goes on, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from bot.sandbox.demo.campaigns import DemoCampaign
from bot.sandbox.demo.crowd import Team
from bot.sandbox.demo.scoreboard import Score
from core.item import Role, Verdict
from core.version import Version
from storage.archive import SqlArchive

EVERY = 2.0  # seconds between two looks into the database


class Board:
    """A line for each campaign: answers given today, items settled, how right the consensus is."""

    def __init__(self, console: Console, title: str, archive: SqlArchive, teams: Sequence[Team]) -> None:
        self._title, self._archive, self._teams = title, archive, teams
        self._before = [team.given for team in teams]
        self._live = Live(console=console, refresh_per_second=4)
        self._looked = 0.0
        self._figures: list[tuple[str, str]] = [("", "")] * len(teams)

    def __enter__(self) -> Board:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.__exit__(kind, error, at)

    def tick(self, now: bool = False) -> None:
        """Draws anew; looks into the database now and then."""
        if now or time.monotonic() - self._looked > EVERY:
            self._looked = time.monotonic()
            self._figures = [self._look(team) for team in self._teams]
        board = Table(title=self._title, title_justify="left", expand=False)
        for heading in ("campaign", "answers today", "", "settled", "consensus right"):
            board.add_column(heading)
        for team, before, (settled, right) in zip(self._teams, self._before, self._figures, strict=True):
            given, budget = team.given - before, team.campaign.budget
            bar = ProgressBar(total=budget, completed=min(given, budget), width=30)
            board.add_row(team.campaign.slug, f"{given} of {budget}", bar, settled, right)
        self._live.update(board)

    def _look(self, team: Team) -> tuple[str, str]:
        campaign = self._archive.campaign_named(team.campaign.slug)
        items = [item for item in self._archive.snapshot(campaign.id).items if item.role is not Role.CONTROL]
        answered = [item for item in items if item.answers]
        settled = sum(item.verdict is Verdict.SETTLED for item in items)
        right = sum(_guess(item.posterior) == team.campaign.truths[item.name] for item in answered)
        share = f"{right / len(answered):.1%} of {len(answered)}" if answered else ""
        return f"{settled} of {len(items)}", share


def _guess(posterior: Sequence[float]) -> int:
    return max(range(len(posterior)), key=posterior.__getitem__)


def table(rows: Sequence[tuple[DemoCampaign, Score, Version | None]]) -> Table:
    """The last word: ours beside majority vote, claimed beside true."""
    found = Table(title="What it came to", title_justify="left", show_lines=True)
    found.add_column("")
    for campaign, _, _ in rows:
        found.add_column(campaign.slug, justify="right")
    for heading, *cells in _lines([score for _, score, _ in rows], [version for _, _, version in rows]):
        found.add_row(heading, *cells)
    return found


def _lines(scores: Sequence[Score], versions: Sequence[Version | None]) -> list[list[str]]:
    return [
        ["answers spent", *(f"{s.answers:,}" for s in scores)],
        ["items settled", *(f"{s.settled:,} of {s.items:,}" for s in scores)],
        ["settled items: claimed / truly right", *(f"{s.claimed:.1%} / {s.settled_right:.1%}" for s in scores)],
        ["all items: consensus truly right", *(f"{s.consensus_right:.1%}" for s in scores)],
        ["... majority vote, as many random answers", *(f"{s.vote_right:.1%}" for s in scores)],
        ["... random answers that it needs to be as right", *(_needed(s) for s in scores)],
        ["workers: rank correlation, mean error of reliability", *(f"{s.rank:.2f}, {s.off:.2f}" for s in scores)],
        ["version on audit items (crowd as judge)", *(_version(version) for version in versions)],
    ]


def _needed(score: Score) -> str:
    if score.vote_answers is None:
        return "never gets there"
    return f"{score.vote_answers:,} ({score.vote_answers / max(score.answers, 1):.1f} x)"


def _version(version: Version | None) -> str:
    if version is None or version.judgement is None:
        return "none serves"
    judged = version.judgement
    return f"{judged.accuracy:.1%} ({judged.low:.0%}-{judged.high:.0%}, {judged.items} items)"
