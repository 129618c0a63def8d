"""Laws of task chains and of written answers."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import feeding, service
from core.administration import create_campaign, import_items
from core.campaign import TEXT_LABELS, Campaign, Draft, Kind, Policy
from core.chains import (
    Chain,
    Fed,
    FedState,
    Proposal,
    Seed,
    candidates,
    circle,
    key_of,
    restless,
    settled_on,
    shown_with,
    steps,
)  # fmt: skip
from core.errors import Conflict, Refused
from core.feeding import Link
from core.ids import Account, CampaignId, ChainId, ItemId, WorkerId
from core.item import CAPTION_LIMIT, TEXT_LIMIT, Content, Item, Medium, NewItem, Verdict
from core.question import Press, QuestionState, Tap
from core.refit import beliefs_of
from core.tapping import tap
from core.winning import Judged, Lot, winner
from core.worker import Worker
from core.writing import LONGEST, cleaned, write
from storage.memory import MemoryTransaction
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
POLICY = Policy(confidence=0.6, max_overlap=4, audit_share=0.0, newcomer_controls=0, control_share=0.0)
PEOPLE = 5
COMMON = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class World:
    """Two campaigns with a chain between them, in memory; each act is one transaction."""

    written: bool
    apart: bool
    store: Store = field(default_factory=Store)
    clock: datetime = NOW
    people: list[Worker] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    def __post_init__(self) -> None:
        labels, kind = (TEXT_LABELS, Kind.TEXT) if self.written else (("praise", "complaint"), Kind.SINGLE)
        items = [NewItem(f"i{n}", Content(Medium.TEXT, f"text {n}")) for n in range(2)]
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            self.target = create_campaign(tx, Draft("check", "C", "Q", ("good", "bad"), policy=POLICY), NOW)
            self.source = create_campaign(tx, Draft("source", "S", "Q", labels, kind, POLICY), NOW)
            import_items(tx, "source", "law", items)
            label = "" if self.written else "complaint"
            feeding.add_chain(tx, Link("source", label, "check", self.apart))
            self.people = [tx.add_worker(Account("telegram", n), "en", NOW) for n in range(PEOPLE)]

    def answer(self, person: int, source: bool, choice: int) -> None:
        """Gets a question, or is shown the open one, and answers it."""
        self.clock += timedelta(seconds=10)
        campaign = self.source if source else self.target
        worker = replace(self.people[person], consent=1, campaign=campaign.id)
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            service.enrol(tx, worker, campaign.slug, self.clock)
            asked = service.ask(tx, worker, campaign.id, self.clock, self.rng)
        if isinstance(asked, service.Asked):
            self.clock += timedelta(seconds=10)
            with self.store.all_or_nothing():
                tx, question = MemoryTransaction(self.store), asked.question
                if source and self.written:
                    write(tx, worker, campaign, question, f"words {(person + choice) % 4}", self.clock, self.clock)
                else:
                    tap(tx, worker, Tap(question.id, question.lease, choice), self.clock)

    def leave(self, person: int, source: bool) -> None:
        """Gets a question and does nothing: the lease runs out."""
        campaign = self.source if source else self.target
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            service.enrol(tx, self.people[person], campaign.slug, self.clock)
            service.ask(tx, replace(self.people[person], consent=1), campaign.id, self.clock, self.rng)
        self.clock += timedelta(hours=1)
        with self.store.all_or_nothing():
            service.expire(MemoryTransaction(self.store), self.clock)

    def undo(self, person: int) -> None:
        worker = self.people[person]
        with self.store.all_or_nothing():
            tx = MemoryTransaction(self.store)
            last = tx.latest(self.source.id, worker.id, QuestionState.ANSWERED)
            if last is not None:
                tap(tx, worker, Tap(last.id, last.lease, Press.UNDO), last.asked_at + timedelta(seconds=1))

    def refit(self) -> None:
        archive = MemoryArchive(self.store)
        archive.publish(self.source.id, beliefs_of(archive.snapshot(self.source.id)))

    def doubt(self, number: int) -> None:
        """What a refit could believe instead: the settled label of an item turns round."""
        item = self.items(self.source)[number]
        if item.verdict is Verdict.SETTLED and not self.written:
            self.store.put_item(replace(item, posterior=tuple(reversed(item.posterior))))

    def sweep(self) -> None:
        restless_now = MemoryArchive(self.store).restless(self.source.id)
        with self.store.all_or_nothing():
            feeding.feed(MemoryTransaction(self.store), restless_now)

    def items(self, campaign: Campaign) -> list[Item]:
        return [item for item in self.store.items.values() if item.campaign == campaign.id]

    def act(self, name: str, person: int, choice: int) -> None:
        match name:
            case "answer":
                self.answer(person, True, choice)
            case "judge":
                self.answer(person, False, choice)
            case "leave":
                self.leave(person, bool(choice))
            case "undo":
                self.undo(person)
            case "refit":
                self.refit()
            case "doubt":
                self.doubt(choice)
            case "sweep":
                self.sweep()


ACTS = ["answer", "answer", "answer", "judge", "judge", "leave", "undo", "undo", "refit", "doubt", "sweep"]
BY_DAY = ["answer", "answer", "answer", "undo", "judge", "leave"]


def histories(acts: list[str]) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    return st.lists(
        st.tuples(st.sampled_from(acts), st.integers(0, PEOPLE - 1), st.integers(0, 1)), min_size=5, max_size=40
    )


HISTORIES, DAYS = histories(ACTS), histories(BY_DAY)


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


# --- texts

TEXTS = st.text(alphabet="abAé漢 .!", min_size=1, max_size=5)
LENGTHS = st.builds(lambda n, tail: "x" * n + tail, st.integers(LONGEST - 10, LONGEST + 10), st.text(max_size=5))


@given(st.lists(st.tuples(st.integers(0, 4), TEXTS), max_size=8), st.randoms(use_true_random=False))
def test_candidates_do_not_depend_on_spelling(written: list[tuple[int, str]], dice: random.Random) -> None:
    """Case, width and spaces make no new candidate; each proposal has its candidate, up to the most.

    Seen to fail: `key_of` without casefold; `candidates` that counts each proposal as one of its own.
    """
    proposals = [Proposal(WorkerId(who), text) for who, text in written]
    spelt = [Proposal(one.worker, f"  {one.text.upper()}\n") for one in proposals]
    found = candidates(proposals)
    assert [one.key for one in found] == [one.key for one in candidates(spelt)]
    keys = [key_of(one.text) for one in proposals]
    assert [one.times for one in found] == [keys.count(one.key) for one in found]
    assert {one.key for one in found} <= set(keys) and len(found) == min(len(set(keys)), 5)


@given(st.one_of(st.text(max_size=80), LENGTHS), st.text(max_size=50))
def test_what_is_taken_as_an_answer_stays_as_it_is(text: str, shown: str) -> None:
    """Cleaning twice is cleaning once; nothing invisible is left, nothing too long, nothing empty.

    Seen to fail: `cleaned` that does not drop zero-width signs; one that measures before it cleans.
    """
    try:
        words = cleaned(text, shown)
    except Refused:
        return
    assert cleaned(words, shown) == words and 0 < len(words) <= LONGEST
    assert not set(words) & set("\u200b\u202e\x00\r") and words == words.strip()


@given(st.sampled_from(list(Medium)), st.integers(0, 50), st.integers(1, LONGEST))
def test_a_text_is_always_shown_whole(medium: Medium, spare: int, letters: int) -> None:
    """Whatever stands above it: the judged text is all there, and the content is one that fits a message.

    Seen to fail: `shown_with` that cuts the end of the sum.
    """
    limit = CAPTION_LIMIT if medium.is_file else TEXT_LIMIT
    above, text = "漢 " * ((limit - spare) // 2), "é" * (letters - 1) + "!"
    pair = medium is Medium.PAIR
    content = Content(medium, above[: -1 if pair else None], "sha" if medium.is_file else "", "b" if pair else "")
    assert shown_with(content, text).text.endswith(text)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.sampled_from(list(FedState))), max_size=6))
def test_steps_lead_where_nothing_is_left_to_do(rows: list[tuple[int, str, FedState]]) -> None:
    """What was done is not to be done again.

    Seen to fail: `steps` that takes back what is FED; `steps` that takes out what is withdrawn.
    """
    chain = {n: Chain(ChainId(n), CampaignId(9), 0, CampaignId(n), False) for n in range(3)}
    places = {(n, key): state for n, key, state in rows}
    fed = [
        Fed(ItemId(at), ChainId(n), ItemId(1), CampaignId(n), key, False, state)
        for at, ((n, key), state) in enumerate(places.items())
    ]
    wanted = [Seed(chain[n], key, Content(Medium.TEXT, "x")) for n, key in list(places)[::2]] + [
        Seed(chain[0], "new", Content(Medium.TEXT, "x"))
    ]
    todo = steps(wanted, fed)
    after = {one.item: one for one in fed}
    after |= {one.item: replace(one, state=FedState.FED) for one, _ in todo.back}
    after |= {one.item: replace(one, state=FedState.ASTRAY) for one in todo.out}
    made = [Fed(ItemId(99), s.chain.id, ItemId(1), s.chain.target, s.candidate, False) for s in todo.add]
    again = steps(wanted, [*after.values(), *made])
    assert (again.add, again.back, again.out) == ((), (), ())


VERDICTS = st.sampled_from([Verdict.SETTLED, Verdict.SETTLED, Verdict.OPEN, Verdict.DISPUTED, Verdict.WITHDRAWN])


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0.3, 1), st.integers(0, 4), VERDICTS), max_size=6))
def test_a_winner_is_a_text_that_was_written_and_is_thought_good(
    rows: list[tuple[str, float, int, Verdict]],
) -> None:
    """It is one of the proposals; where they are judged, none that is settled is thought better; none that is thought
    bad ever wins.

    Seen to fail: `winner` that takes the first good one; `winner` without its threshold.
    """
    lot = Lot([Proposal(WorkerId(0), text) for text, *_ in rows])
    assert winner(lot).text in [text for text, *_ in rows] + [""]
    for text, good, answers, verdict in rows:
        lot.judged[key_of(text)] = Judged(good, answers, verdict)
    found = winner(lot)
    if found.text:
        chosen = lot.judged[key_of(found.text)]
        assert found.confidence == chosen.good > 0.5 and chosen.answers
        shown = {one.key for one in candidates(lot.proposals)}
        rivals = [one for key, one in lot.judged.items() if key in shown and one.verdict is Verdict.SETTLED]
        if chosen.verdict is Verdict.SETTLED:
            assert all(one.good <= chosen.good for one in rivals if one.answers)
    elif rows:
        assert found.verdict in (Verdict.OPEN, Verdict.DISPUTED)


def test_a_lot_of_nothing() -> None:
    assert winner(Lot()).verdict is Verdict.OPEN and restless([], [], {}) == []
