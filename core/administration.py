"""What an admin can ask for. Each use case gathers, decides, applies, inside one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.acquisition import TWIN, repeats
from core.anchoring import Anchoring, anchoring
from core.campaign import Campaign, CampaignState, Draft, Kind
from core.errors import BadInput
from core.feeding import Linked, linked
from core.item import Medium, NewItem, Role, place_of, role_of
from core.ports import Progress, Transaction
from core.posterior import start
from core.reliability import Pool
from core.stretches import check
from core.suspension import truths
from core.version import Version


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import added."""

    campaign: Campaign
    added: int
    controls: int
    audits: int
    sounds: int = 0  # of which no network learns


@dataclass(frozen=True, slots=True)
class Status:
    """Where a campaign stands."""

    campaign: Campaign
    progress: Progress
    serving: Version | None
    spent: int  # thousandths of the currency's unit
    chains: Sequence[Linked] = ()  # out of it and into it
    anchoring: Anchoring | None = None  # what telling of suggestions does, where it is measured


def create_campaign(tx: Transaction, draft: Draft, now: datetime) -> Campaign:
    """A new campaign, open, without items; Conflict where its name is taken."""
    labels = len(draft.labels)
    pools = {Kind.MULTI: lambda: Pool.of_marks(labels), Kind.SPANS: Pool.of_words}
    return tx.add_campaign(draft, pools.get(draft.kind, lambda: Pool.fresh(labels))(), now)


def import_items(tx: Transaction, slug: str, place: str, items: Sequence[NewItem]) -> Imported:
    """Adds items, all or none; `place` names the file in errors. Items with a truth become controls."""
    campaign = tx.campaign_named(slug)
    if not items:
        raise BadInput(place, "holds no items.")
    known = tx.known_names(campaign.id, [item.name for item in items])
    if known:
        raise BadInput(place, f"item '{min(known)}' is in '{slug}' already; give new items new ids.")
    twice = [name for name, count in Counter(item.name for item in items).items() if count > 1]
    if twice:
        raise BadInput(place, f"item '{min(twice)}' is there twice; each item needs an id of its own.")
    _check_words(campaign, place, items)
    _check_truths(campaign, place, items)
    roles = [role_of(campaign.slug, item, campaign.policy.audit_share) for item in items]
    placed = in_places(campaign.slug, items, roles)
    added = tx.add_items(campaign.id, list(zip(placed, roles, strict=True)), start(campaign.pool))
    sounds = sum(item.content.medium is Medium.AUDIO for item in items)
    return Imported(campaign, added, roles.count(Role.CONTROL), roles.count(Role.AUDIT), sounds)


def in_places(slug: str, items: Sequence[NewItem], roles: Sequence[Role]) -> list[NewItem]:
    """The items with their worth until a night knows better: by chance and not in the order of a file, which may be
    sorted; texts that repeat an earlier plain one, but for case, space and forms of signs, after everything else."""
    plain = [role is Role.PLAIN and not item.content.medium.is_file for item, role in zip(items, roles, strict=True)]
    again = iter(repeats(item.content.words for item, counts in zip(items, plain, strict=True) if counts))
    found = []
    for item, counts in zip(items, plain, strict=True):
        place = 0.25 + place_of(slug, item.name) / 2
        found.append(replace(item, worth=place / TWIN if counts and next(again) else place))
    return found


def _check_words(campaign: Campaign, place: str, items: Sequence[NewItem]) -> None:
    """Where words are marked: texts alone, of some words and not too many for one screen. Readers of files
    refuse these before, and name the line."""
    for item in items if campaign.draft.kind is Kind.SPANS else ():
        check(f"{place}, {item.name}", item.content)


def _check_truths(campaign: Campaign, place: str, items: Sequence[NewItem]) -> None:
    for item in items:
        if item.truth is not None and campaign.draft.kind is Kind.TEXT:
            raise BadInput(place, f"item '{item.name}' has a label, but answers in '{campaign.slug}' are written.")
        if item.truth is not None and not 0 <= item.truth < truths(campaign.pool, campaign.marks(item.content)):
            raise BadInput(place, f"item '{item.name}' has no label of '{campaign.slug}' as its truth.")


def set_paused(tx: Transaction, slug: str, paused: bool) -> Campaign:
    """Pauses or resumes: no new questions, while answers to those that are out are still taken."""
    campaign = tx.campaign_named(slug)
    tx.set_state(campaign.id, CampaignState.PAUSED if paused else CampaignState.OPEN)
    return tx.campaign(campaign.id)


def status(tx: Transaction, slug: str) -> Status:
    """Progress, serving version and money spent."""
    campaign = tx.campaign_named(slug)
    spent = -tx.balance(f"campaign:{campaign.id}")
    found = anchoring(*tx.arms(campaign.id)) if campaign.policy.show_suggestion else None
    return Status(campaign, tx.progress(campaign.id), tx.serving(campaign.id), spent, linked(tx, campaign), found)
