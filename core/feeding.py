"""Use cases of task chains: an admin adds one, and items go along them. Each gathers, decides, applies.

Items are locked source first, and no chain runs in a circle: two of these never wait for each other for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.campaign import Campaign, Kind
from core.chains import Chain, Fed, FedState, Seed, circle, seeds, settled_on, steps
from core.errors import Refused
from core.ids import CampaignId, ItemId
from core.intake import judged
from core.item import Item, NewItem, Verdict, role_of
from core.posterior import start

if TYPE_CHECKING:  # the port speaks of reviews, which are followed
    from core.ports import Transaction


@dataclass(frozen=True, slots=True)
class Link:
    """A chain as an admin writes it: names instead of numbers."""

    source: str
    label: str
    target: str
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Linked(Link):
    """A chain that is there, with the number of items that it made."""

    fed: int = 0


def linked(tx: Transaction, campaign: Campaign | None = None) -> list[Linked]:
    """All chains, or those out of and into one campaign; the label is "" where all that is written goes on."""
    found = []
    for chain in tx.chains():
        if campaign is None or campaign.id in (chain.source, chain.target):
            source, target = tx.campaign(chain.source), tx.campaign(chain.target)
            label = "" if source.draft.kind is Kind.TEXT else source.labels[chain.label]
            found.append(Linked(source.slug, label, target.slug, chain.apart, tx.fed_count(chain.id)))
    return found


def add_chain(tx: Transaction, link: Link) -> tuple[Campaign, Chain, Campaign]:
    """A new chain between two campaigns that exist. NotFound, Conflict where it is there, Refused where it cannot be.

    What is settled already follows by itself (`feed`, by whoever looks for restless items).
    """
    source, target = tx.campaign_named(link.source), tx.campaign_named(link.target)
    written = source.draft.kind is Kind.TEXT
    if source.id == target.id:
        raise Refused(f"“{source.slug}” cannot feed itself; name another campaign behind the arrow.")
    if Kind.SPANS in (source.draft.kind, target.draft.kind):
        raise Refused(f"No chain can lead from “{source.slug}” to “{target.slug}”: one of them marks words in texts.")
    if source.draft.kind is Kind.MULTI or (written and target.draft.kind is Kind.MULTI):
        raise Refused(f"No chain can lead from “{source.slug}” to “{target.slug}”: chains go by one label an item.")
    if written and target.draft.kind is Kind.TEXT:
        raise Refused(f"What is written in “{source.slug}” needs a campaign with labels to judge it.")
    label = _label(source, link.label)
    way = circle(tx.chains(alone=True), source.id, target.id)
    if way:
        names = " -> ".join(tx.campaign(one).slug for one in [source.id, *way])
        raise Refused(f"This chain would run in a circle: {names}.")
    return source, tx.add_chain(source.id, label, target.id, link.apart or written), target


def _label(campaign: Campaign, name: str) -> int:
    known = [label.casefold() for label in campaign.labels]
    if campaign.draft.kind is Kind.TEXT and not name.strip():
        return 0
    if name.strip().casefold() not in known:
        raise Refused(f"“{campaign.slug}” has no label “{name}”; it has: {', '.join(campaign.labels)}.")
    return known.index(name.strip().casefold())


def follow(tx: Transaction, campaign: Campaign, before: Item, after: Item) -> None:
    """After an answer, an undo or a ruling: what was settled, or is settled now, goes on or comes back."""
    if settled_on(before) is not None or settled_on(after) is not None:
        _feed(tx, campaign, after)


def feed(tx: Transaction, items: Sequence[ItemId]) -> int:
    """Brings what some items became up to date; how many things that changed. Doing it again changes nothing."""
    changed = 0
    for id_ in sorted(items):
        item = tx.item(id_)
        changed += _feed(tx, tx.campaign(item.campaign), item)
    return changed


def _feed(tx: Transaction, campaign: Campaign, item: Item) -> int:
    """The item is locked: nobody else feeds it."""
    chains = [chain for chain in tx.chains() if chain.source == campaign.id]
    if not chains:
        return 0
    written = campaign.draft.kind is Kind.TEXT
    fed = tx.fed(item.id)
    todo = steps(seeds(chains, item, written, tx.proposals(item.id) if written else ()), fed)
    for seed in todo.add:
        _grow(tx, campaign, item, seed)
    moved = [(one, chain) for one, chain in todo.back] + [(one, None) for one in todo.out]
    for one, chain in sorted(moved, key=lambda pair: pair[0].item):
        tx.save_fed(_taken_out(tx, one) if chain is None else _taken_back(tx, one, chain))
    return len(todo.add) + len(moved)


def _grow(tx: Transaction, campaign: Campaign, item: Item, seed: Seed) -> None:
    target = tx.campaign(seed.chain.target)
    new = NewItem(_free_name(tx, target.id, f"{campaign.slug}/{item.name}", bool(seed.candidate)), seed.content)
    role = role_of(target.slug, new, target.policy.audit_share)
    tx.add_items(target.id, [(new, role)], start(target.pool))
    made = tx.item_named(target.id, new.name)
    tx.add_fed(Fed(made.id, seed.chain.id, item.id, target.id, seed.candidate, seed.chain.apart))


def _free_name(tx: Transaction, campaign: CampaignId, name: str, numbered: bool) -> str:
    """`name`, or with the first number that nobody has; one of several candidates always has a number."""
    at = 1
    while True:
        names = [f"{name}#{n}" for n in range(at, at + 10)]
        names = [name, *names] if at == 1 and not numbered else names
        known = tx.known_names(campaign, names)
        for one in names:
            if one not in known:
                return one
        at += 10


def _taken_out(tx: Transaction, fed: Fed) -> Fed:
    """The written rule: what nobody has answered is withdrawn; what somebody has stays, and is marked."""
    item = tx.item(fed.item)
    if item.answers or item.truth is not None or item.verdict is Verdict.WITHDRAWN:
        return replace(fed, state=FedState.ASTRAY)
    tx.save_item(replace(item, verdict=Verdict.WITHDRAWN, priority=0.0))
    return replace(fed, state=FedState.WITHDRAWN)


def _taken_back(tx: Transaction, fed: Fed, chain: Chain) -> Fed:
    item = tx.item(fed.item)
    if fed.state is FedState.WITHDRAWN and item.verdict is Verdict.WITHDRAWN:
        tx.save_item(judged(tx.campaign(fed.target), replace(item, verdict=Verdict.OPEN)))
    return replace(fed, chain=chain.id, apart=fed.apart or chain.apart, state=FedState.FED)
