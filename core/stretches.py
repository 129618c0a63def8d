"""Stretches of a text (names, places): the words that a thumb marks, and the characters that they stand for.

A word is a run of letters without white space in it; an ideograph is one by itself, as its writing puts no space
between words. Signs that stand alone ("-", "&", ".") are no words: nobody is asked about them. Marked neighbours are
one stretch, unless a sign stands between them that ends a name, such as a comma.
Deviations: two names side by side without such a sign are read as one; a stretch never ends within a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.errors import BadInput
from core.item import Content, Medium
from core.marks import NOTHING

MOST_WORDS = 60  # of a text: so many buttons fit below it, and so many bits in a column

Range = tuple[int, int]  # characters start..end-1

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}]+")
_EDGE = ".,;:!?\"'()[]{}<>«»“”„‘’‚…`´*。，、；：！？（）《》「」【】·"
_ENDS = frozenset(",;:!?()[]{}«»|/\x1f。，、；：！？（）《》「」【】")  # between two names


def words_of(text: str) -> list[Range]:
    """The words, signs at their edges included."""
    found = [match.span() for match in _WORD.finditer(text)]
    return [one for one in found if any(letter.isalnum() for letter in text[slice(*one)])]


def check(place: str, content: Content) -> None:
    """BadInput, with the place, where no words of it can be marked."""
    if content.medium is not Medium.TEXT:
        raise BadInput(place, "is no single text, and words are marked in texts only.")
    words = len(words_of(content.text))
    if not words:
        raise BadInput(place, "has no word that could be marked.")
    if words > MOST_WORDS:
        raise BadInput(place, f"has {words} words, and at most {MOST_WORDS} fit one screen: cut it into sentences.")


def buttons_of(text: str) -> tuple[str, ...]:
    """What stands on the words' buttons."""
    return tuple(text[start:end] for start, end in words_of(text))


def bare(text: str, start: int, end: int) -> Range:
    """The same characters without signs at their edges."""
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip(_EDGE)), end - len(inside) + len(inside.rstrip(_EDGE))


def stretches(marked: Iterable[int], text: str) -> list[Range]:
    """The characters of the marked words, signs at the edges left out, neighbours as one."""
    words, found, last = words_of(text), list[Range](), -2
    for word in sorted(set(marked)):
        start, end = bare(text, *words[word])
        if word == last + 1 and found and not _ENDS & set(text[found[-1][1] : start]):
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
        last = word
    return found


def marked_in(ranges: Iterable[Range], text: str) -> tuple[int, ...]:
    """The words that hold a character of one of the ranges; ValueError for what is no range of the text."""
    words, found = [bare(text, *word) for word in words_of(text)], set[int]()
    for start, end in ranges:
        inside = {at for at, (first, last) in enumerate(words) if start < last and first < end}
        if not 0 <= start < end <= len(text) or not inside:
            raise ValueError(f"{start}-{end}")
        found |= inside
    return tuple(sorted(found))


def named(marked: Iterable[int], text: str) -> list[str]:
    """The words of each stretch."""
    return [" ".join(text[start:end].split()) for start, end in stretches(marked, text)]


def written(marked: Iterable[int], text: str) -> str:
    """The stretches in a cell of a file: "0-4|10-16"."""
    return "|".join(f"{start}-{end}" for start, end in stretches(marked, text)) or NOTHING


def read(cell: str, text: str) -> tuple[int, ...]:
    """The words of such a cell; ValueError names the part that is no range of the text."""
    parts = [part.strip() for part in cell.replace(";", "|").split("|")]
    found = list[Range]()
    for part in parts:
        if not part or part.casefold() == NOTHING:
            continue
        numbers = re.fullmatch(r"(\d{1,6})\s*[-–]\s*(\d{1,6})", part)
        if numbers is None:
            raise ValueError(part)
        found.append((int(numbers[1]), int(numbers[2])))
    return marked_in(found, text)


def tags_of(marked: Iterable[int], text: str, label: str) -> list[tuple[str, str]]:
    """(word, tag) of each piece of a text between white space: O, B- and I- with the label, as CoNLL files have it.

    A piece has one tag: where its writing puts no space between words, the whole of it has that of its first mark.
    """
    found, ranges, last = list[tuple[str, str]](), stretches(marked, text), None
    for match in re.finditer(r"\S+", text):
        start, end = match.span()
        holder = next((one for one in ranges if one[0] < end and start < one[1]), None)
        found.append((match[0], "O" if holder is None else f"{'I' if holder is last else 'B'}-{label}"))
        last = holder
    return found


def of_tags(words: Sequence[str], tags: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """A text of these words, one space between them, and which of its words (`words_of`) have another tag than O."""
    text, ranges, start = " ".join(words), list[Range](), 0
    for word, tag in zip(words, tags, strict=True):
        if tag != "O" and any(letter.isalnum() for letter in word):
            ranges.append((start, start + len(word)))
        start += len(word) + 1
    return text, marked_in(ranges, text)
