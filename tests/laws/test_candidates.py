"""Laws of written answers: how candidates are made of them, and which one wins."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.chains import (
    Chain,
    Fed,
    FedState,
    Proposal,
    Seed,
    candidates,
    key_of,
    restless,
    shown_with,
    steps,
)  # fmt: skip
from core.errors import Refused
from core.ids import CampaignId, ChainId, ItemId, WorkerId
from core.item import CAPTION_LIMIT, TEXT_LIMIT, Content, Medium, Verdict
from core.winning import Judged, Lot, winner
from core.writing import LONGEST, cleaned

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
