"""Sends on what beliefs settled while nobody answered: after a refit, a night, a new chain, a restart."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from core.chains import Chain
from core.feeding import feed
from core.ids import CampaignId
from core.ports import Archive, Ledger
from core.reliability import Pool

AT_ONCE = 20  # items in one transaction: taps come between

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.feeder")


class Feeder:
    """Looks at a campaign when its beliefs or its chains have changed, and once after a start; a look changes nothing
    that is as it should be, so a crash between a refit and its look is mended by the next start."""

    def __init__(self, ledger: Ledger, archive: Archive) -> None:
        self._ledger, self._archive = ledger, archive
        self._looked: dict[CampaignId, tuple[Pool, list[Chain]]] = {}

    async def feed(self) -> int:
        """Looks where something may have changed; how many items were moved."""
        moved = 0
        chains = await self._ledger.transact(lambda tx: tx.chains())
        for source in sorted({chain.source for chain in chains}):
            state = await self._pool(source), [chain for chain in chains if chain.source == source]
            if self._looked.get(source) != state:
                moved += await self.mend(source)
                self._looked[source] = state
        return moved

    async def _pool(self, campaign: CampaignId) -> Pool:
        return await self._ledger.transact(lambda tx: tx.campaign(campaign).pool)

    async def mend(self, campaign: CampaignId) -> int:
        """Looks at a campaign whatever is known of it; how many items were moved."""
        restless = await asyncio.to_thread(self._archive.restless, campaign)
        moved = 0
        for at in range(0, len(restless), AT_ONCE):
            moved += await self._ledger.transact(partial(feed, items=restless[at : at + AT_ONCE]))
        if moved:
            log.info("items.fed", campaign=campaign, items=moved)
        return moved
