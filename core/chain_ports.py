"""The parts of the ports that task chains and written answers need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from core.chains import Chain, Fed, Proposal, Provenance
from core.ids import CampaignId, ChainId, ItemId, QuestionId
from core.winning import Texts


class ChainTransaction(Protocol):
    """Of `core.ports.Transaction`."""

    def chains(self, alone: bool = False) -> list[Chain]: ...

    """Oldest first; `alone`: nobody else adds one until the end."""

    def fed(self, source: ItemId) -> list[Fed]: ...  # what an item became, in the order of the items
    def fed_count(self, chain: ChainId) -> int: ...  # items that it made and that are not withdrawn
    def proposals(self, item: ItemId) -> list[Proposal]: ...  # counted ones that stand, oldest first
    def add_written(self, question: QuestionId, lease: int, text: str) -> None: ...  # the words of an added answer
    def add_chain(self, source: CampaignId, label: int, target: CampaignId, apart: bool) -> Chain: ...  # Conflict
    def add_fed(self, fed: Fed) -> None: ...  # Conflict: this source is in this campaign already
    def save_fed(self, fed: Fed) -> None: ...  # chain, apart, state


class ChainArchive(Protocol):
    """Of `core.ports.Archive`."""

    def restless(self, campaign: CampaignId) -> list[ItemId]: ...  # `core.chains.restless` of its items
    def provenance(self, campaign: CampaignId) -> Iterator[Provenance]: ...  # of what came in, then of what went out
    def texts(self, campaign: CampaignId) -> Texts: ...
