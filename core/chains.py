"""Task chains: what is settled in one campaign goes on into another (pure).

A chain says "what is settled on this label in `source` is asked about in `target`". Where the source collects written
texts, an item that has its texts goes on once for each different one, to workers who wrote none of them: find, fix,
verify (Bernstein et al. 2010, doi:10.1145/1866029.1866078); `core.winning` finds the text that wins.
Deviations: workers judge texts one by one instead of side by side, so that the same beliefs serve as everywhere else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.ids import CampaignId, ChainId, ItemId, WorkerId
from core.item import CAPTION_LIMIT, TEXT_LIMIT, Content, Item, Medium, Role, Verdict
from core.posterior import consensus

MOST_CANDIDATES = 5  # different texts of one item that are judged
SIGN = "✎ "  # before a text that is judged
GAP = "\n\n"


class FedState(StrEnum):
    FED = "fed"
    WITHDRAWN = "withdrawn"  # its source is no longer settled so, and nobody had answered
    ASTRAY = "astray"  # its source is no longer settled so; it was answered before, and stays


@dataclass(frozen=True, slots=True)
class Chain:
    """Items of `source` that are settled on `label` go on into `target`."""

    id: ChainId
    source: CampaignId
    label: int
    target: CampaignId
    apart: bool  # no worker who has an item gets what it became, nor the other way round

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise ValueError("a chain has two ends")


@dataclass(frozen=True, slots=True)
class Fed:
    """An item that a chain made. (source, target, candidate) is there once."""

    item: ItemId
    chain: ChainId
    source: ItemId
    target: CampaignId
    candidate: str  # key of the written text that it shows; "" where the source itself went on
    apart: bool
    state: FedState = FedState.FED


@dataclass(frozen=True, slots=True)
class Proposal:
    """A written answer that stands and counts."""

    worker: WorkerId
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that somebody wrote, or several in nearly the same words."""

    key: str
    text: str  # as it was written first
    times: int


@dataclass(frozen=True, slots=True)
class Seed:
    """What an item becomes in the target of a chain."""

    chain: Chain
    candidate: str
    content: Content


@dataclass(frozen=True, slots=True)
class Steps:
    """From what was fed to what should be."""

    add: tuple[Seed, ...]
    back: tuple[tuple[Fed, Chain], ...]  # wanted again
    out: tuple[Fed, ...]  # no longer wanted


def circle(chains: Iterable[Chain], source: CampaignId, target: CampaignId) -> list[CampaignId]:
    """The way from `target` back to `source` that a chain between them would close; empty where there is none."""
    onward: dict[CampaignId, list[CampaignId]] = {}
    for chain in chains:
        onward.setdefault(chain.source, []).append(chain.target)
    ways, seen = [[target]], {target}
    while ways:
        way = ways.pop()
        if way[-1] == source:
            return way
        for after in onward.get(way[-1], []):
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return []


def settled_on(item: Item) -> int | None:
    """The label on which an item goes on; None for one that is not settled, and for a control."""
    if item.verdict is not Verdict.SETTLED or item.role is Role.CONTROL:
        return None
    return consensus(item.posterior)[0]


def key_of(text: str) -> str:
    """What two texts share that differ only in case, width, spaces, and signs at their ends."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    bare = words.strip("".join({sign for sign in words if not sign.isalnum()}))
    return bare or words


def candidates(proposals: Iterable[Proposal]) -> list[Candidate]:
    """The different texts, in the order of their first coming; one of a kind is kept."""
    found: dict[str, Candidate] = {}
    for proposal in proposals:
        key = key_of(proposal.text)
        known = found.get(key)
        found[key] = Candidate(key, known.text if known else proposal.text, known.times + 1 if known else 1)
    return list(found.values())[:MOST_CANDIDATES]


def shown_with(content: Content, text: str) -> Content:
    """A content with a written text below it; where both do not fit, the content is what is cut.

    A pair becomes one text.
    """
    limit = (CAPTION_LIMIT if content.medium.is_file else TEXT_LIMIT) - len(GAP + SIGN + text)
    whole = f"A: {content.text}{GAP}B: {content.other}" if content.other else content.text
    above = whole if len(whole) <= limit else whole[: max(limit - 1, 0)].rstrip() + "…"
    medium = Medium.TEXT if content.medium is Medium.PAIR else content.medium
    return Content(medium, (above + GAP if above.strip() else "") + SIGN + text, content.media)


def seeds(chains: Iterable[Chain], item: Item, written: bool, proposals: Iterable[Proposal]) -> list[Seed]:
    """What an item should have become, by the chains out of its campaign; `written`: it collects texts."""
    label = settled_on(item)
    targets: dict[CampaignId, Chain] = {}
    for chain in chains:
        if chain.source == item.campaign and chain.label == label:
            targets.setdefault(chain.target, chain)
    if not written:
        return [Seed(chain, "", item.content) for chain in targets.values()]
    found = candidates(proposals)
    return [Seed(chain, one.key, shown_with(item.content, one.text)) for chain in targets.values() for one in found]


def steps(wanted: Sequence[Seed], fed: Sequence[Fed]) -> Steps:
    """What to add, to take back in and to take out; nothing where all is as it should be."""
    known = {(one.target, one.candidate): one for one in fed}
    by_place = {(seed.chain.target, seed.candidate): seed for seed in wanted}
    return Steps(
        add=tuple(seed for place, seed in by_place.items() if place not in known),
        back=tuple(
            (one, by_place[place].chain)
            for place, one in known.items()
            if place in by_place and one.state is not FedState.FED
        ),
        out=tuple(one for place, one in known.items() if place not in by_place and one.state is FedState.FED),
    )


def restless(items: Iterable[Item], chains: Sequence[Chain], fed: Mapping[ItemId, Sequence[Fed]]) -> list[ItemId]:
    """Items whose label and whose feeding disagree, as after a refit or a new chain: `feeding.feed` mends them."""
    found = []
    for item in items:
        label = settled_on(item)
        wanted = {chain.target for chain in chains if chain.source == item.campaign and chain.label == label}
        if wanted != {one.target for one in fed.get(item.id, ()) if one.state is FedState.FED}:
            found.append(item.id)
    return found


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an item came from, for an export; all by name."""

    source: str
    task: str  # the item that went on
    label: int  # on which it was settled
    target: str
    fed_task: str  # what it became
    state: FedState
