"""Laws of task chains."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core import feeding
from core.administration import create_campaign
from core.campaign import Draft
from core.chains import (
    Chain,
    FedState,
    circle,
    key_of,
    settled_on,
)  # fmt: skip
from core.errors import Conflict, Refused
from core.feeding import Link
from core.ids import CampaignId, ChainId
from core.item import Verdict
from core.question import QuestionState
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store
from tests.laws.chain_world import COMMON, DAYS, HISTORIES, NOW, POLICY, World


@COMMON
@given(HISTORIES, st.booleans())
def test_an_item_is_fed_once_whatever_the_order(history: list[tuple[str, int, int]], apart: bool) -> None:
    """After every act each source has one item at most in the target, and after a sweep exactly one where it is settled
    on the label: open to answers then, withdrawn or marked otherwise.

    Seen to fail: `steps` whose `known` forgets what is not FED (fed twice); `_taken_back` that only changes the state
    (back, but nobody can answer it).
    """
    world = World(written=False, apart=apart)
    for act in history:
        world.act(*act)
        sources = Counter((one.source, one.target, one.candidate) for one in world.store.fed.values())
        assert all(count == 1 for count in sources.values())
        assert len(world.items(world.target)) == len(world.store.fed) <= 2
        if act[0] == "undo":
            _agree(world)
    world.sweep()
    _agree(world)


def _agree(world: World) -> None:
    """What is fed now is what is settled now, but for what a refit has changed since the last sweep."""
    changed = set(MemoryArchive(world.store).restless(world.source.id))
    doubted = any(item.id in changed for item in world.items(world.source))
    for item in world.items(world.source):
        fed = [world.store.fed[one] for one in world.store.became.get(item.id, ())]
        wanted = settled_on(item) == 1
        if not doubted:
            assert [one.state is FedState.FED for one in fed] == ([wanted] if fed else [])
            assert not (wanted and not fed)
        for one in fed:
            made = world.store.items[one.item]
            if one.state is FedState.WITHDRAWN:
                assert made.verdict is Verdict.WITHDRAWN
            elif made.answers == 0:
                assert made.verdict is Verdict.OPEN


@COMMON
@given(DAYS)
def test_an_undo_is_followed_at_once(history: list[tuple[str, int, int]]) -> None:
    """By day nothing waits for a sweep: after answers and undos alone nothing is restless.

    Seen to fail: `undo` that does not `follow`; `take` that does not; `follow` that looks at `after` alone.
    """
    world = World(written=False, apart=True)
    for act in history:
        world.act(*act)
        assert MemoryArchive(world.store).restless(world.source.id) == []


@COMMON
@given(HISTORIES)
def test_no_proposer_verifies_their_own_item(history: list[tuple[str, int, int]]) -> None:
    """Nobody has both a question about an item and one about a text for it, in whichever order they came.

    Seen to fail: `kept_apart` without its second half (who judged proposes when an undo opens the item again); without
    its first half (who proposed judges); `add_chain` that does not set `apart` for texts.
    """
    world = World(written=True, apart=False)
    for act in history:
        world.act(*act)
    met = set(world.store.met)
    for one in world.store.fed.values():
        proposers = {worker for worker, item in met if item == one.source}
        judges = {worker for worker, item in met if item == one.item}
        assert not proposers & judges


@COMMON
@given(DAYS)
def test_candidates_are_what_stands(history: list[tuple[str, int, int]]) -> None:
    """What is judged as FED are the texts that stand now, once each, for an item that has enough of them.

    Seen to fail: `proposals` that takes answers that were undone.
    """
    world = World(written=True, apart=True)
    for act in history:
        world.act(*act)
    for item in world.items(world.source):
        asked = [one for one in world.store.questions.values() if one.item == item.id]
        words = [world.store.written[q.id, q.lease] for q in asked if q.state is QuestionState.ANSWERED]
        standing = {key_of(text) for text in words} if settled_on(item) is not None else set()
        fed = [world.store.fed[one] for one in world.store.became.get(item.id, ())]
        assert {one.candidate for one in fed if one.state is FedState.FED} == standing
        assert len({one.candidate for one in fed}) == len(fed)


# --- circles

SLUGS = ("a", "b", "c", "d")


@COMMON
@given(st.lists(st.tuples(st.sampled_from(SLUGS), st.sampled_from(SLUGS), st.sampled_from(("yes", "no"))), max_size=20))
def test_chains_never_loop(wished: list[tuple[str, str, str]]) -> None:
    """Whatever admins wish for, in whatever order: what is there has an order, and only what would break it is refused.

    Seen to fail: `circle` that looks one chain far only; `circle` with source and target exchanged.
    """
    store = Store()
    with store.all_or_nothing():
        tx = MemoryTransaction(store)
        for slug in SLUGS:
            create_campaign(tx, Draft(slug, slug, "Q", ("yes", "no"), policy=POLICY), NOW)
    numbers = {slug: tx.campaign_named(slug).id for slug in SLUGS}
    for source, target, label in wished:
        ends = {(chain.source, chain.target) for chain in store.chains.values()}
        fits = _ordered(ends | {(numbers[source], numbers[target])})
        try:
            with store.all_or_nothing():
                feeding.add_chain(MemoryTransaction(store), Link(source, label, target))
            assert fits
        except Conflict:
            assert (numbers[source], numbers[target]) in ends
        except Refused:
            assert not fits
        assert _ordered({(chain.source, chain.target) for chain in store.chains.values()})


def _ordered(ends: set[tuple[CampaignId, CampaignId]]) -> bool:
    """Kahn 1962, doi:10.1145/368996.369025: taking away what nothing leads to leaves nothing."""
    left = set(ends)
    while left:
        begun = {source for source, _ in left} - {target for _, target in left}
        if not begun:
            return False
        left = {(source, target) for source, target in left if source not in begun}
    return True


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda ends: ends[0] != ends[1]), max_size=12))
def test_the_way_that_is_named_is_there(ends: list[tuple[int, int]]) -> None:
    """Each step of a circle that is told to an admin is a chain."""
    chains = [Chain(ChainId(n), CampaignId(a), 0, CampaignId(b), False) for n, (a, b) in enumerate(ends)]
    way = circle(chains, CampaignId(0), CampaignId(1))
    if way:
        assert (way[0], way[-1]) == (1, 0)
        assert all(step in {(one.source, one.target) for one in chains} for step in itertools.pairwise(way))
