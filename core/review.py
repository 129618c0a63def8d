"""What an admin says of an item that the crowd cannot tell: a label, nothing, or "ask more". The word is a fact; the
item's truth and verdict follow from it, and a refit treats an item of known truth as it treats a control."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from core.campaign import Campaign
from core.errors import BadInput
from core.feeding import follow
from core.ids import CampaignId, ItemId, WorkerId
from core.intake import judged
from core.item import Item, Role, Verdict
from core.suspension import truths

if TYPE_CHECKING:  # the port speaks of reviews
    from core.ports import Transaction

MORE = 3  # answers beyond those that an item had, where an admin asks more


class Ruling(StrEnum):
    LABEL = "label"  # this is the truth
    WITHDRAW = "withdraw"  # nobody is asked, nothing is exported as settled
    MORE = "more"  # the crowd shall try again


@dataclass(frozen=True, slots=True)
class Review:
    """One ruling; the latest of an item holds."""

    campaign: CampaignId
    item: ItemId
    admin: WorkerId
    ruling: Ruling
    label: int | None  # the truth (`Item.truth`), where the ruling is one
    posterior: tuple[float, ...]  # (K,) what was believed before, not calibrated
    at: datetime

    def __post_init__(self) -> None:
        if (self.ruling is Ruling.LABEL) != (self.label is not None):
            raise ValueError("a ruling has a label where it is one")


class Reviewed(Enum):
    """What became of a ruling."""

    DONE = "done"
    ALREADY = "already"  # somebody ruled, or the crowd settled it meanwhile: nothing changed


def ruled(campaign: Campaign, item: Item, ruling: Ruling, label: int | None) -> Item:
    """The item after a ruling (pure). BadInput for a label that the campaign has not."""
    if label is not None and not 0 <= label < truths(campaign.pool, len(item.posterior)):
        raise BadInput("label", f"'{campaign.slug}' has no label of this number.")
    if ruling is Ruling.LABEL:
        return judged(campaign, replace(item, truth=label))
    if ruling is Ruling.WITHDRAW:
        return replace(item, verdict=Verdict.WITHDRAWN, priority=0.0)
    seats = max(item.limit or campaign.policy.max_overlap, item.seats) + MORE
    return judged(campaign, replace(item, limit=seats, problems=0))


def review(
    tx: Transaction, admin: WorkerId, item_id: ItemId, ruling: Ruling, label: int | None, now: datetime
) -> tuple[Reviewed, Item]:
    """Rules on a disputed item, once: the second of two taps changes nothing."""
    item = tx.item(item_id)
    if item.verdict is not Verdict.DISPUTED or item.role is Role.CONTROL:
        return Reviewed.ALREADY, item
    campaign = tx.campaign(item.campaign)
    after = ruled(campaign, item, ruling, label)
    tx.add_review(Review(item.campaign, item.id, admin, ruling, label, item.posterior, now))
    tx.save_ruled(after)
    follow(tx, campaign, item, after)
    return Reviewed.DONE, after
