"""Long jobs beside the chat: nights in a subprocess, refits and exports in a thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from bot.feeder import Feeder
from bot.schedule import night_due
from bot.serving import serving_of
from bot.settings import Settings
from bot.telegram.views_night import night_failed
from bot.telegram.views_telling import told_by
from bot.telegram.words import Words
from bot.web.speech import Speech
from core.campaign import Campaign, Kind
from core.errors import CrowdloopError
from core.figures import Figures, figures_of
from core.ids import Account, CampaignId, ItemId, VersionId
from core.item import Medium
from core.ports import Ledger, Letter, Progress, Repeat
from core.ranking import compares, ranking
from core.refit import beliefs_of
from storage.archive import SqlArchive
from storage.exchange.answers_csv import NOTHING_WRITTEN, answers_csv, conll, consensus_csv, provenance_csv
from storage.exchange.ranking_csv import ranking_csv

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.errands")


class Chores:
    """`house.Errands`, and what the clock asks for."""

    def __init__(
        self, settings: Settings, ledger: Ledger, archive: SqlArchive, config: Path | None = None,
        speech: Speech | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._ledger, self._archive, self._config = settings, ledger, archive, config
        self._speech = speech
        self.feeder = Feeder(ledger, archive)
        self._running: set[asyncio.Task[None]] = set()
        self._one_night = asyncio.Lock()
        self._nights: dict[CampaignId, date] = {}  # begun from here; the database knows the others
        self._seen: dict[CampaignId, tuple[int, VersionId | None]] = {}  # answers and voice of the last refit
        self.figures: dict[CampaignId, Figures] = {}  # as of then

    async def train(self, slug: str, chat: int) -> None:
        """Starts a night now; its report comes as a letter."""
        self._go(self._train(slug, chat))

    async def export(self, slug: str, chat: int) -> None:
        """Starts an export; its files come as letters."""
        self._go(self._export(slug, chat))

    async def telling(self, item: ItemId, chat: int) -> None:
        """Starts to ask the serving version which words of an item it goes by: a letter, or nothing."""
        if self._speech is not None:
            self._go(self._telling(self._speech, item, chat))

    async def _telling(self, speech: Speech, item_id: ItemId, chat: int) -> None:
        item = await self._ledger.transact(lambda tx: tx.item(item_id))
        campaign = await self._ledger.transact(lambda tx: tx.campaign(item.campaign))
        several = campaign.draft.kind.marked  # no single label whose words could be told
        if item.content.medium not in (Medium.TEXT, Medium.PAIR) or campaign.serving is None or several:
            return
        label = item.posterior.index(max(item.posterior))
        try:
            serving = await asyncio.to_thread(serving_of, self._archive, self._settings, campaign.slug)
            words = await speech.telling(serving, item.content.words, label)
        except CrowdloopError as error:  # nobody waits for it
            log.info("telling.missed", item=item_id, reason=str(error))
            return
        language = await asyncio.to_thread(self._archive.language, Account("telegram", chat))
        letters = told_by(words, campaign.choices(language)[label], item.name, Words.of(language), chat)
        await self._ledger.transact(lambda tx: tx.post(letters))

    def _go(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _train(self, slug: str, chat: int) -> None:
        if await self.night("--campaign", slug, "--again") > 1:  # 1: it has told the admins itself
            language = await asyncio.to_thread(self._archive.language, Account("telegram", chat))
            reason = "The training process broke off; the log says more."
            letters = night_failed(slug, reason, Words.of(language), chat)
            await self._ledger.transact(lambda tx: tx.post(letters))

    async def night(self, *arguments: str) -> int:
        """Runs `crowdloop night` as a process that gives way to everybody; one at a time here. Its exit status."""
        config = ["--config", str(self._config)] if self._config else []
        async with self._one_night:
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "night", *config, *arguments)
            try:
                return await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()

    async def due_nights(self) -> None:
        """Starts the nights whose hour has struck; whether they are done already is the database's to say."""
        now, train_at = datetime.now(UTC), self._settings.training.train_at
        for campaign in await asyncio.to_thread(self._archive.campaigns):
            zone, begun = ZoneInfo(campaign.draft.zone), self._nights.get(campaign.id)
            night = night_due(now, zone, train_at, begun, campaign.created_at)
            if night is not None:
                self._nights[campaign.id] = night
                self._go(self._due(campaign))

    async def _due(self, campaign: Campaign) -> None:
        status = await self.night("--campaign", campaign.slug)
        log.info("night.ended", campaign=campaign.slug, status=status)

    async def refit(self) -> None:
        """Refits each campaign that has new answers or another voice since the last time, in a thread."""
        for campaign in await self._ledger.transact(lambda tx: tx.campaigns()):
            progress = await self._progress(campaign.id)
            seen = (progress.answers, campaign.serving)
            if seen != self._seen.get(campaign.id, (0, None)):
                self._seen[campaign.id] = seen
                await asyncio.to_thread(self._refit, campaign.id)
                await self.feeder.mend(campaign.id)
                log.info("beliefs.refitted", campaign=campaign.slug, answers=progress.answers)

    async def _progress(self, campaign: CampaignId) -> Progress:
        return await self._ledger.transact(lambda tx: tx.progress(campaign))

    def _refit(self, campaign: CampaignId) -> None:
        snapshot = self._archive.snapshot(campaign)
        beliefs = beliefs_of(snapshot)
        self._archive.publish(campaign, beliefs)
        if snapshot.campaign.draft.kind is not Kind.TEXT:
            a_day = self._archive.tempo(campaign, datetime.now(UTC))
            self.figures[campaign] = figures_of(snapshot, beliefs, a_day, np.random.default_rng())

    async def _export(self, slug: str, chat: int) -> None:
        letters = await asyncio.to_thread(self._exported, slug, chat)
        await self._ledger.transact(lambda tx: tx.post(letters))

    def _exported(self, slug: str, chat: int) -> list[Letter]:
        campaign = self._archive.campaign_named(slug)
        texts = self._archive.texts(campaign.id) if campaign.draft.kind is Kind.TEXT else NOTHING_WRITTEN
        found = list(self._archive.consensus(campaign.id))
        shown = {one.name: one.content.text for one in found} if campaign.draft.kind is Kind.SPANS else {}
        files = {
            f"{slug}-labels.csv": consensus_csv(campaign, found, texts),
            f"{slug}-answers.csv": answers_csv(campaign, self._archive.answers(campaign.id), texts, shown),
        }
        if campaign.draft.kind is Kind.SPANS:
            files[f"{slug}-words.conll"] = conll(campaign, found)
        if went := list(self._archive.provenance(campaign.id)):
            labels = {one.slug: one.labels for one in self._archive.campaigns()}
            files[f"{slug}-chains.csv"] = provenance_csv(went, labels)
        if compares(campaign) and (places := ranking(self._archive.snapshot(campaign.id))):
            files[f"{slug}-ranking.csv"] = ranking_csv(places)
        letters = []
        for name, lines in files.items():
            kind = "text/csv" if name.endswith(".csv") else "text/plain"
            sha = self._archive.add_media("".join(lines).encode(), kind)
            letters.append(Letter(chat, "sendDocument", {}, Repeat.NEVER, media=sha, filename=name))
        return letters

    async def stop(self) -> None:
        """Ends what is running; a night that is broken off changes nothing and resumes from its checkpoint."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
