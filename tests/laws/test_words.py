"""Stretches of texts, and beliefs about items of any number of marks.

Planted bugs that these were seen to catch: a stretch that keeps the sign behind a name; two names of a list as one; a
word's place counted among pieces between spaces; padding that tells something; one rate for the first word only;
what is left counted as marked.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.campaign import Draft, Kind, Policy
from core.effort import of_toggle
from core.errors import BadInput
from core.evidence import Evidence
from core.forms import Form
from core.marks import HOLDS, certainty, counted, evidence_of, hoped, moved, rates_of
from core.marks.worth import doubt, own, settling, stacked, told
from core.posterior import absorb, start
from core.reliability import Pool, Reliability, accuracy, learnt
from core.stretches import (
    MOST_WORDS,
    buttons_of,
    marked_in,
    named,
    of_tags,
    read,
    stretches,
    tags_of,
    words_of,
    written,
)
from core.suspension import after_control, honest_level, stops, truths

WORDS = st.sampled_from(["Ada", "Lovelace,", "(Bath)", "-", "&", "“Bob”", "C3PO", "a", "北京市", "U.S.", "...", "x/y"])
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join).filter(lambda text: bool(words_of(text)))
CHANCES = st.floats(0.01, 0.99)


@given(TEXTS, st.integers(0, 2**27 - 1))
def test_what_is_marked_is_written_and_read_again(text: str, bits: int) -> None:
    marked = tuple(word for word in range(len(words_of(text))) if bits >> word & 1)
    assert marked_in(stretches(marked, text), text) == read(written(marked, text), text) == marked
    for start_, end in stretches(marked, text):
        assert text[start_] not in " ,(“" and text[end - 1] not in " ,)”"


@given(TEXTS.filter(lambda text: text.isascii()), st.integers(0, 2**9 - 1))
def test_tags_there_and_back(text: str, bits: int) -> None:
    marked = tuple(word for word in range(len(words_of(text))) if bits >> word & 1)
    tagged = tags_of(marked, text, "x")
    assert of_tags([word for word, _ in tagged], [tag for _, tag in tagged]) == (text, marked)
    assert sum(tag == "B-x" for _, tag in tagged) == len(stretches(marked, text))


@pytest.mark.parametrize(
    ("text", "marked", "found"),
    [
        ("Ada, Bob and Eve.", (0, 1, 3), ["Ada", "Bob", "Eve"]),
        ("Marks & Spencer opened.", (0, 1), ["Marks & Spencer"]),
        ("Dr. J. K. Rowling wrote", (0, 1, 2, 3), ["Dr. J. K. Rowling"]),
        ("He met (Ada) today", (2,), ["Ada"]),
        ("我在北京见了王明。", (2, 3, 6, 7), ["北京", "王明"]),
        ("Ada Ada", (), []),
    ],
)
def test_neighbours_are_one_name_unless_a_sign_ends_it(text: str, marked: tuple[int, ...], found: list[str]) -> None:
    assert named(marked, text) == found
    assert [text[a:b] for a, b in stretches(marked, text)] == found


def test_signs_alone_are_no_words() -> None:
    assert buttons_of("Ada - , “Bob” … 3 &") == ("Ada", "“Bob”", "3")
    with pytest.raises(ValueError, match="1-99"):
        read("1-99", "Ada")
    with pytest.raises(ValueError, match="3-6"):
        read("3-6", "Ada   Bob")


@given(st.lists(st.tuples(CHANCES, st.booleans()), min_size=1, max_size=12), CHANCES, CHANCES)
def test_every_word_hears_the_same_two_rates(words: list[tuple[float, bool]], imagines: float, sees: float) -> None:
    """As if each word were an item of its own, and the worker's counts those of all of them together."""
    belief, on = [p for p, _ in words], [at for at, (_, marked) in enumerate(words) if marked]
    found = moved(belief, on, [(imagines, sees)])
    assert found == moved(belief, on, [(imagines, sees)] * len(words))
    counts = counted((1.0, 2.0, 3.0, 4.0), belief, on)
    each = np.array(counted((0.0,) * 4 * len(words), belief, on)).reshape(-1, 4)
    assert counts == pytest.approx(np.array([1.0, 2.0, 3.0, 4.0]) + each.sum(axis=0))
    assert hoped(belief, 3, [(imagines, sees)]) == hoped(belief, 3, [(imagines, sees)] * len(words))


def test_an_answer_moves_text_and_worker() -> None:
    pool = Pool.of_words()
    assert Pool.from_json(pool.to_json()) == pool
    begun, who = start(pool, marks_=5), Reliability.newcomer(pool)
    assert begun == pool.prior * 5 and len(who.counts) == 4
    said = evidence_of((1, 2), 5)
    after = absorb(begun, said, who, pool)
    assert [p > begun[0] for p in after] == [False, True, True, False, False]
    assert absorb(begun, Evidence.all(6), who, pool) == begun, "not sure"
    right = learnt(who, certainty(0b00110, 5), said, pool)
    ((imagines, sees),) = rates_of(right.counts, pool.confusion, pool.strength)
    assert imagines < pool.confusion[0][0] and sees > pool.confusion[0][1] and right.seen == 5
    mean, low, high = accuracy(right, pool)
    assert low < pool.accuracy < mean < high < 1


@given(st.lists(st.lists(CHANCES, min_size=1, max_size=7), min_size=1, max_size=5), CHANCES, CHANCES)
def test_texts_beside_longer_ones_are_worth_the_same(rows: list[list[float]], imagines: float, sees: float) -> None:
    """A row padded to the longest tells what it tells alone."""
    q = stacked(rows, 9)
    assert [own(row).tolist() for row in q] == rows and q.shape[1] == 9
    rates = np.array([(imagines, sees)] * 9)
    for at, row in enumerate(rows):
        alone, some = np.array([row]), rates[: len(row)]
        assert told(q, rates)[at] == pytest.approx(told(alone, some)[0])
        assert doubt(q)[at] == pytest.approx(doubt(alone)[0])
        assert settling(q, rates, 1.3, 0.01, 0.8)[at] == pytest.approx(settling(alone, some, 1.3, 0.01, 0.8)[0])
    assert of_toggle(40, 4) > of_toggle(10, 1)


def test_controls_of_few_words_stop_somebody_and_those_of_many_do_not() -> None:
    pool = Pool.of_words()
    assert truths(pool, 3) == 8 and honest_level(pool, 3) > honest_level(pool, 8) > honest_level(pool, 40)
    surprise, missed = 0.0, 0
    while not stops(surprise, 8, honest_level(pool, 3), 0.01, alike=False):
        surprise, missed = after_control(surprise, False, 8, honest_level(pool, 3)), missed + 1
    assert surprise >= math.log(100) and 3 <= missed <= 30
    assert after_control(0.0, False, truths(pool, 60), honest_level(pool, 60)) == 0.0, "nobody is told from chance"
    assert not stops(0.0, 8, 0.7, 0.01, alike=False) and not stops(9.0, 8, 0.7, 0.0, alike=False)


def draft(**more: object) -> Draft:
    asked = {"labels": ("person",), "kind": Kind.SPANS, **more}
    return Draft("c", "C", "?", asked.pop("labels"), asked.pop("kind"), **asked)  # type: ignore[arg-type]


def test_a_campaign_of_words_has_one_label_and_one_form() -> None:
    assert draft().columns == MOST_WORDS and draft().kind.marked and not Kind.RATING.marked
    with pytest.raises(BadInput, match="make a campaign for each"):
        draft(labels=("person", "place"))
    with pytest.raises(BadInput, match="must be toggle"):
        draft(policy=Policy(form=Form.ALL))
    assert draft(policy=Policy(form=Form.TOGGLE)).policy.form is Form.TOGGLE and Pool.of_marks(2).prior == (HOLDS,) * 2
