"""A glossary: its terms are found as words, told in the order of the text, and read by the network before it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.glossary import MEANING_LIMIT, MOST_TERMS, TOLD, Term, checked, explained, occurring
from storage.exchange.glossary_csv import glossary_csv, read_glossary

CARD = (Term("ATM", "a machine that pays out"), Term("card", "plastic"), Term("debit card", "takes it at once"))
WORDS = st.text("abcdefgh XYZ", min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The atm ate my Debit Card.", ["ATM", "debit card"]),
        ("my card, not the debit card", ["card", "debit card"]),
        ("a cardigan for the atmosphere", []),
        ("discard it", []),
        ("card ATM card", ["card", "ATM"]),
        ("", []),
    ],
)
def test_terms_are_found_as_words_the_longest_at_a_place(text: str, terms: list[str]) -> None:
    """Saw: "card" in "cardigan"; "card" told beside "debit card" for the same words; small letters only."""
    assert [one.term for one in occurring(CARD, text)] == terms


def test_scripts_without_spaces_have_no_borders() -> None:
    """Saw: no Chinese term found inside a sentence."""
    bank = (Term("余额", "账户里的钱"),)
    assert explained(bank, "我的余额不对") == "余额: 账户里的钱. 我的余额不对"


@given(st.lists(WORDS, unique_by=str.casefold, max_size=12), st.lists(WORDS, max_size=12))
def test_a_text_stays_whole_and_only_its_own_terms_come_before_it(terms: list[str], words: list[str]) -> None:
    """Saw: the text cut at the first term."""
    glossary = tuple(Term(term, "m") for term in terms)
    text = " ".join(words)
    found = occurring(glossary, text)
    assert len(found) <= TOLD and all(one.term.casefold() in text.casefold() for one in found)
    assert explained(glossary, text).endswith(text) and explained((), text) == text
    assert explained(glossary, text).count(": m.") == len(found)


def test_a_full_glossary_costs_a_tap_less_than_five_milliseconds() -> None:
    """Saw: one alternation of all terms, at 60 ms."""
    glossary = tuple(Term(f"term number {n}", "m") for n in range(MOST_TERMS))
    text = "a long text with term number 77 in it, " * 80
    occurring(glossary, text)
    spent = []
    for _ in range(20):
        begun = time.process_time()
        assert [one.term for one in occurring(glossary, text)] == ["term number 77"]
        spent.append(time.process_time() - begun)
    assert min(spent) < 0.005


def test_a_file_is_read_as_it_is_written() -> None:
    assert read_glossary("g.csv", glossary_csv(CARD).encode()) == CARD
    assert read_glossary("g.tsv", b"term\tmeaning\nATM\ta  machine\n") == (Term("ATM", "a machine"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"word,meaning\na,b\n", "term"), (b"term,meaning\na,\n", "g.csv, line 2: meaning must have"),
        (b"term,meaning\na," + b"x" * (MEANING_LIMIT + 1) + b"\n", "line 2: meaning must have"),
        (b"term,meaning\na,b\nA,c\n", "is there twice"), (b"term,meaning\n", "must have 1 to 500 terms, not 0"),
    ],
)  # fmt: skip
def test_a_bad_file_names_its_place(content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_glossary("g.csv", content)
    with pytest.raises(BadInput):
        checked([Term(str(n), "m") for n in range(MOST_TERMS + 1)])
