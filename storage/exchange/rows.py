"""Rows of a file into items: the rules that tables, JSON lines and the table inside a ZIP share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from core.campaign import Kind
from core.errors import BadInput
from core.item import NAME_LIMIT, Content, Medium, NewItem
from core.marks import bits_of, parts_of
from core.stretches import read

MOST_ITEMS = 200_000
TRUTHS = ("truth", "label")
Suits = Callable[[str, Content], None]  # place and content; raises BadInput


@dataclass(frozen=True, slots=True)
class RowOf:
    """One row: where it stands, for a person, and its values by column."""

    place: str  # "items.csv, line 7"
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Truths:
    """The labels that the truth of a control may be."""

    labels: Sequence[str]
    kind: Kind = Kind.SINGLE  # several: "cat|dog", "cat; dog" or NOTHING; words: "0-4|10-16" or NOTHING; as bits

    def of(self, row: RowOf, content: Content) -> int:
        """The label's number, or the set of labels or words as bits; BadInput names the known ones."""
        word = next((row.values[column] for column in TRUTHS if row.values.get(column)), "").strip()
        if not word:
            raise BadInput(row.place, "a control needs its label in a column named 'truth' or 'label'.")
        if self.kind is Kind.SPANS:
            return _words(row, word, content.text)
        if self.kind is Kind.MULTI:
            return bits_of(self._number(row, part) for part in parts_of(word.replace(";", "|")))
        return self._number(row, word)

    def _number(self, row: RowOf, word: str) -> int:
        exact = [number for number, label in enumerate(self.labels) if label == word]
        alike = exact or [n for n, label in enumerate(self.labels) if label.casefold() == word.casefold()]
        if len(alike) != 1:
            raise BadInput(row.place, f"'{word}' is no label of this campaign; known: {', '.join(self.labels)}.")
        return alike[0]


def _words(row: RowOf, cell: str, text: str) -> int:
    try:
        return bits_of(read(cell, text))
    except ValueError as error:
        raise BadInput(row.place, f"'{error}' is no stretch of the text; write characters as 0-4|10-16.") from None


def text_of(place: str, content: bytes) -> str:
    """A file's text; BadInput names the line that is not UTF-8. A byte order mark is dropped."""
    if not content.strip():
        raise BadInput(place, "is empty.")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{place}, line 1", "is written in UTF-16; save the file as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{place}, line {line}", f"is not UTF-8 ({_shown(content, error)}); save it as UTF-8.") from None
    if "\0" in text:
        raise BadInput(f"{place}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}", "has a NUL character in it.")
    return text


def _shown(content: bytes, error: UnicodeDecodeError) -> str:
    return f"byte 0x{content[error.start]:02X}"


def items_of(
    rows: Iterable[RowOf],
    content: Callable[[RowOf], Content],
    truths: Truths | None,
    name: Callable[[RowOf, Content], str] | None = None,
    suits: Suits | None = None,
) -> list[NewItem]:
    """All items or BadInput; `truths` where they are controls; `suits` refuses what the campaign cannot ask. Without
    an `id` an item is named by its content."""
    found: list[NewItem] = []
    places: dict[str, str] = {}
    for row in rows:
        item = _item(row, content, truths, name or named_by_content)
        if suits is not None:
            suits(row.place, item.content)
        if item.name in places:
            what = "id" if id_of(row) else "content"
            raise BadInput(
                row.place, f"has the same {what} as {places[item.name].rpartition(', ')[2]} ('{item.name}')."
            )
        places[item.name] = row.place
        found.append(item)
        if len(found) > MOST_ITEMS:
            raise BadInput(row.place, f"is beyond {MOST_ITEMS:,} items; split the file.")
    return found


def _item(
    row: RowOf,
    content: Callable[[RowOf], Content],
    truths: Truths | None,
    name: Callable[[RowOf, Content], str],
) -> NewItem:
    try:
        made = content(row)
    except BadInput as error:
        place = row.place if error.place in row.place else f"{row.place}, {error.place}"
        raise BadInput(place, error.reason) from None
    given = id_of(row)
    if len(given) > NAME_LIMIT:
        raise BadInput(f"{row.place}, id", f"has {len(given)} characters; at most {NAME_LIMIT} are allowed.")
    if truths is None:
        return NewItem(given or name(row, made), made)
    return NewItem(given or name(row, made), made, truths.of(row, made), row.values.get("reason", "").strip())


def id_of(row: RowOf) -> str:
    """The item's own name, "" where it has none; exports and files of answers call it a task."""
    return (row.values.get("id") or row.values.get("task") or "").strip()


def named_by_content(row: RowOf, content: Content) -> str:
    return "t-" + sha256(content.words.encode()).hexdigest()[:12]


def text_content(row: RowOf) -> Content:
    """The content of a row of texts; where there is a column `text2`, of a pair."""
    text = row.values.get("text", "").strip()
    if "text2" not in row.values:
        return Content(Medium.TEXT, text)
    return Content(Medium.PAIR, text, other=row.values["text2"].strip(), sides=sides_of(row))


def sides_of(row: RowOf) -> tuple[str, ...]:
    """The ids of the two things that a pair compares, from the columns `id_a` and `id_b`; () where there are none."""
    found = tuple(row.values.get(column, "").strip() for column in ("id_a", "id_b"))
    return found if any(found) else ()


def check_columns(place: str, found: Sequence[str], needed: str, truths: Truths | None) -> None:
    """BadInput says which columns there are and which are needed."""
    shown = ", ".join(f"'{column}'" for column in found) or "none"
    if needed not in found:
        raise BadInput(place, f"needs a column named '{needed}'; found: {shown}.")
    if truths is not None and not set(TRUTHS) & set(found):
        raise BadInput(place, f"controls need a column named 'truth' or 'label'; found: {shown}.")
    twice = {column for column in found if found.count(column) > 1}
    if twice:
        raise BadInput(place, f"has the column '{min(twice)}' twice.")
