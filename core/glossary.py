"""A campaign's glossary: terms with their meanings, for workers behind a button and for the network before the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.errors import BadInput

MOST_TERMS = 500
TERM_LIMIT, MEANING_LIMIT = 64, 400  # characters
TOLD = 8  # terms of one text that are told, those that come first in it
UNSPACED = "\u2e80"  # from here on scripts write words without spaces between them


@dataclass(frozen=True, slots=True)
class Term:
    """A term and what it means."""

    term: str
    meaning: str

    def __post_init__(self) -> None:
        for name, limit in (("term", TERM_LIMIT), ("meaning", MEANING_LIMIT)):
            words = getattr(self, name)
            if not words.strip() or len(words) > limit:
                raise BadInput(f"glossary, {name}", f"must have 1 to {limit} characters.")


def checked(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The terms as a glossary; BadInput where one is there twice, or there are too many or none."""
    if not 1 <= len(terms) <= MOST_TERMS:
        raise BadInput("glossary", f"must have 1 to {MOST_TERMS} terms, not {len(terms)}.")
    known: set[str] = set()
    for one in terms:
        if one.term.casefold() in known:
            raise BadInput("glossary", f"“{one.term}” is there twice.")
        known.add(one.term.casefold())
    return tuple(terms)


def occurring(glossary: Sequence[Term], text: str) -> list[Term]:
    """The terms that occur in a text as words of their own, whatever their case, in the order of the text.

    A term inside a longer one that is found at the same place is left out.
    """
    folded = text.casefold()
    spans: list[tuple[int, int, Term]] = []
    for one in glossary:
        if one.term.casefold() in folded:  # quick, and rarely true: taps wait for this
            spans += [(*at.span(), one) for at in _pattern(one.term).finditer(text)]
    found: dict[str, Term] = {}
    for start, end, one in sorted(spans, key=lambda span: (span[0], -span[1])):
        inside = any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in spans)
        if not inside:
            found.setdefault(one.term, one)
    return list(found.values())[:TOLD]


def explained(glossary: Sequence[Term], text: str) -> str:
    """The text with the meanings of its terms before it: what the network reads."""
    meanings = [f"{one.term}: {one.meaning}." for one in occurring(glossary, text)] if glossary else []
    return " ".join([*meanings, text])


@lru_cache(maxsize=4 * MOST_TERMS)
def _pattern(term: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if term[0] < UNSPACED else ""
    after = r"(?!\w)" if term[-1] < UNSPACED else ""
    return re.compile(before + re.escape(term) + after, re.IGNORECASE)
