"""The demo's crowd: thirty people with phones, half of them in each campaign, paid for nothing but patience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.crowd import Temper, Worker, mixture, worker
from bot.sandbox.demo.campaigns import DemoCampaign
from bot.sandbox.sandbox import Sandbox
from core.ids import Account

PACE = 0.12  # of a person's delays: an hour of work passes in minutes
NAMES = "Amara Bo Chen Dana Emil Farah Goran Hana Ines Jonas Kofi Lena Mei Noor Oto".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Team:
    """The workers of one campaign."""

    campaign: DemoCampaign
    workers: Sequence[Worker]
    tempers: Sequence[Temper]

    @property
    def given(self) -> int:
        """Answers tapped so far."""
        return sum(len(member.given) for member in self.workers)

    @property
    def confusions(self) -> Mapping[Account, NDArray[np.float64]]:
        """True confusion matrix (K, K) of each worker."""
        return {Account("telegram", member.phone.id): member.confusion for member in self.workers}

    async def day(self, opening: str, tick: Callable[[], object]) -> None:
        """Everybody works until the team has given the day's budget."""
        goal = self.given + self.campaign.budget
        tasks = [asyncio.create_task(member.work(opening)) for member in self.workers]
        try:
            while self.given < goal:
                await asyncio.sleep(0.2)
                tick()
                _raise_failures(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _raise_failures(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and task.exception() is not None:
            task.result()


def hire(sandbox: Sandbox, campaigns: Sequence[DemoCampaign], size: int = 30, seed: int = 7) -> list[Team]:
    """Teams of equal size, each with experts and spammers in the shares of an open crowd."""
    teams, each = [], size // len(campaigns)
    for at, campaign in enumerate(campaigns):
        tempers = mixture(each)
        languages = ["zh" if n % 5 == 4 else "en" for n in range(each)]
        members = [
            worker(
                sandbox.person(3000 + at * each + n, NAMES[(at * each + n) % len(NAMES)], language_code=languages[n]),
                temper,
                campaign.truth_of,
                campaign.labels if languages[n] == "en" else campaign.wordings_zh,
                np.random.default_rng([seed, at, n]),
                pace=PACE,
            )
            for n, temper in enumerate(tempers)
        ]
        teams.append(Team(campaign, members, tempers))
    return teams
