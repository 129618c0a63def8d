"""A database with a campaign and a really trained, tiny version that serves, for what speaks outside the chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import Settings
from bot.settings import Storage as StorageSettings
from core.campaign import Campaign, Draft
from core.ids import VersionId
from core.ports import NightResult
from core.refit import beliefs_of
from core.reliability import Pool
from core.version import Version, VersionState
from storage.archive import SqlArchive
from storage.engine import parse
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.writer import Writer
from tests.training.conftest import World
from training.recipe import Recipe
from training.trainer import TransformerTrainer
from training.versions import Version as Trained

LABELS = ("weather", "food", "travel")
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


@dataclass
class Served:
    """Where it lies."""

    folder: Path
    settings: Settings
    archive: SqlArchive
    campaign: Campaign
    version: Trained

    def promote(self, version: str) -> None:
        """A night ends: this version serves from now on."""
        claim = self.archive.claim(self.campaign.id, NOW.date(), NOW, again=True)
        assert claim is not None
        beliefs = beliefs_of(self.archive.snapshot(self.campaign.id))
        row = Version(VersionId(version), self.campaign.id, VersionState.SERVING, datetime.now(UTC), 60, None)
        self.archive.conclude(claim, NightResult(beliefs, row, True, []), NOW)


async def serve_tiny(folder: Path, world: World, recipe: Recipe) -> Served:
    """A campaign `topics` whose version serves; a campaign `fresh` that has none."""
    url = f"sqlite:///{folder / 'state' / 'crowdloop.db'}"
    migrate(url)
    settings = Settings(storage=StorageSettings(url=url, versions=folder / "state" / "versions"))
    writer = Writer(parse(url))
    for slug in ("topics", "fresh"):
        draft = Draft(slug, slug.title(), "What is it about?", LABELS)
        await SqlLedger(writer).transact(lambda tx, draft=draft: tx.add_campaign(draft, Pool.fresh(3), NOW))
    await writer.close()
    archive = SqlArchive(parse(url))
    version = TransformerTrainer().train(world.examples, recipe, settings.storage.versions / "topics")
    found = Served(folder, settings, archive, archive.campaign_named("topics"), version)
    found.promote(version.hash)
    return found

