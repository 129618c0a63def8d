"""Items from Excel: what a person sees in the sheet, or one clear sentence; hostile files cost nothing."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from core.errors import BadInput
from storage.exchange.glossary_csv import read_glossary
from storage.exchange.items import read_items
from storage.exchange.languages_csv import languages_of
from tests.contracts.scene import LABELS


def sheet(*rows: tuple[Any, ...], title: str = "items") -> bytes:
    """A workbook with these rows on its first sheet, and others on a second one."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = title
    for row in rows:
        page.append(row)
    book.create_sheet("notes").append(("text", "not an item"))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(content: bytes, controls: bool = False) -> list[tuple[str, str, int | None, str]]:
    found = read_items("a.xlsx", content, LABELS, controls).items
    return [(item.name, item.content.text, item.truth, item.reason) for item in found]


def test_the_first_sheet_is_a_table() -> None:
    """Seen to fail with the last sheet read, and with empty cells at the end of a row counted."""
    rows = ("ID", " Text ", "label", None), ("a", "first", "dog"), (), ("b", "second, with\na break", None, " ")
    assert read(sheet(*rows)) == [("a", "first", None, ""), ("b", "second, with\na break", None, "")]


def test_pairs_and_other_tables_too() -> None:
    (pair,) = read_items("a.XLSX", sheet(("text", "text2"), ("one", "two")), LABELS).items
    assert (pair.content.text, pair.content.other) == ("one", "two")
    assert languages_of("l.xlsx", sheet(("id", "language"), ("a", "zh"))) == {"a": "zh"}
    (term,) = read_glossary("g.xlsx", sheet(("term", "meaning"), ("GAD", "a kind of worry")))
    assert term.term == "GAD"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([("sentence",), ("x",)], "a.xlsx, row 1: needs a column named 'text'; found: 'sentence'"),
        ([(), ("id", "text"), ("a", "x"), ("a", "y")], "a.xlsx, row 4: has the same id as row 3 .'a'"),
        ([("text",), ("x", "y")], "a.xlsx, row 2: has 2 cells where the header has 1"),
        ([("id", "text"), ("a", "fine"), ("b", None)], "a.xlsx, row 3, text: is empty"),
        ([("text",)], "a.xlsx: holds no items"),
        ([], "a.xlsx: holds no items"),
    ],
)
def test_a_wrong_row_is_named(rows: list[tuple[Any, ...]], sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{sentence}"):
        read(sheet(*rows))


def changed(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """The workbook with one of its parts changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in archive.infolist():
            part = archive.read(entry)
            out.writestr(entry.filename, part.replace(old, new) if entry.filename == name else part)
    return stream.getvalue()


PAGE, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
BOMB = b'<!DOCTYPE x [<!ENTITY a "%s">%s]>' % (
    b"a" * 1000, b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 20) for c in range(ord("b"), ord("j"))),
)  # fmt: skip


def test_numbers_times_and_truths_are_what_a_person_sees() -> None:
    """Seen to fail with 7.0 for 7 and True for TRUE."""
    rows = (7, 3.5, "cat"), (8.0, True, "DOG"), (9, datetime(2026, 11, 22, 9, 30), "fox")
    content = changed(sheet(("id", "text", "truth"), *rows), PAGE, b"<v>8</v>", b"<v>8.0</v>")
    found = read(content, controls=True)
    assert found == [("7", "3.5", 0, ""), ("8", "TRUE", 1, ""), ("9", "2026-11-22T09:30:00", 2, "")]


def test_what_a_file_claims_of_its_size_counts_for_nothing() -> None:
    """Seen to fail: a table that says it is one cell was one column wide."""
    content = sheet(("id", "text"), ("a", "first"), ("b", "second"))
    assert [row[1] for row in read(changed(content, PAGE, b'ref="A1:B3"', b'ref="A1"'))] == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (PAGE, b'<row r="2"', b'<row r="99999999999"'),
        (PAGE, b'<c r="A2"', b'<c r="ZZZZZZ2"'),
        (PAGE, b"</sheetData>", b""),
        (PAGE, b't="s"', b't="s" s="9999"'),
        (PAGE, b"<v>0</v>", b"<v>-99999</v>"),
        (STRINGS, b"<sst", BOMB + b"<sst"),
        (STRINGS, b">text<", b">&i;<"),
        ("xl/workbook.xml", b"<sheets>", b"<sheet>"),
        ("[Content_Types].xml", b"sheet", b"shoot"),
    ],
)
def test_a_damaged_or_hostile_file_is_one_sentence(name: str, old: bytes, new: bytes) -> None:
    """Seen to fail: a row numbered 99,999,999,999 was counted up to."""
    content = sheet(("text",), ("first",))
    assert read(content)[0][1] == "first"
    try:
        assert len(read(changed(content, name, old, new))) <= 1, "what is left of it may be read"
    except BadInput as refused:
        assert "\n" not in str(refused) and len(str(refused)) < 200


def test_a_bomb_is_not_unpacked() -> None:
    stream = io.BytesIO(sheet(("text",), ("first",)))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros", bytes(130_000_000))
    assert len(stream.getvalue()) < 200_000
    with pytest.raises(BadInput, match=r"a\.xlsx: unpacks to more than 120 MB"):
        read(stream.getvalue())


def test_characters_that_no_chat_shows_are_refused() -> None:
    content = changed(sheet(("text",), ("first",)), STRINGS, b"first", b"fi_x0000_rst")
    try:
        assert "\0" not in read(content)[0][1]
    except BadInput as refused:
        assert "character" in str(refused)
