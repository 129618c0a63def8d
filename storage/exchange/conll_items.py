"""CoNLL files: a word first and its tag last on each line, a blank line between sentences.

Tjong Kim Sang and De Meulder 2003, doi:10.3115/1119176.1195; tags are BIO or IO.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.errors import BadInput
from core.item import Content, Medium, NewItem
from core.marks import bits_of
from core.stretches import check, of_tags
from storage.exchange.rows import RowOf, items_of, text_of

TAG = re.compile(r"O|[BI]-(.+)")


def conll_items(place: str, content: bytes, label: str, controls: bool) -> list[NewItem]:
    """Its sentences as items; as controls with the words that are tagged, whatever `label` calls them. BadInput names
    the line; tags of several kinds are refused, as a campaign asks for one."""
    kinds, found = set[str](), list[tuple[str, list[str], list[str]]]()
    for row, words, tags in _sentences(place, text_of(place, content)):
        found.append((row, words, tags))
        kinds |= {tag[2:] for tag in tags if tag != "O"}
    if controls and len(kinds) > 1:
        own = [kind for kind in kinds if kind.casefold() == label.casefold()]
        if not own:
            raise BadInput(place, f"has tags of several kinds, and none is '{label}': {', '.join(sorted(kinds))}.")
        kinds = set(own)
    rows = [RowOf(row, {"text": " ".join(words)}) for row, words, _ in found]
    items = items_of(rows, lambda row: Content(Medium.TEXT, row.values["text"]), None, suits=check)
    if not controls:
        return items
    truths = [_truth(words, tags, kinds) for _, words, tags in found]
    return [NewItem(item.name, item.content, truth) for item, truth in zip(items, truths, strict=True)]


def _truth(words: list[str], tags: list[str], kinds: set[str]) -> int:
    return bits_of(of_tags(words, [tag if tag[2:] in kinds else "O" for tag in tags])[1])


def _sentences(place: str, text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(where it begins, words, tags) of each."""
    words, tags, begun = list[str](), list[str](), 0
    for number, line in enumerate((*text.splitlines(), ""), 1):
        parts = line.split("\t") if "\t" in line else line.split()
        if parts and parts[0].strip() and parts[0] != "-DOCSTART-":
            word, tag = parts[0].strip(), parts[-1].strip()
            if len(parts) < 2 or TAG.fullmatch(tag) is None or " " in word:
                raise BadInput(f"{place}, line {number}", "needs a word, a tab and a tag: O, B-... or I-...")
            begun = begun or number
            words.append(word)
            tags.append(tag)
        elif words:
            yield f"{place}, line {begun}", words, tags
            words, tags, begun = [], [], 0
