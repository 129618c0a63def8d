"""The first sheet of an XLSX file, as text; hostile files are refused before they are unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import BadInput

MOST_FILES = 1_000
MOST_IN_ALL = 120_000_000  # bytes, unpacked
MOST_CELLS = 100  # in a row
MOST_ROWS = 1_048_576  # Excel's own limit
Value = str | float | int | bool | datetime | date | time | None
BROKEN = (
    InvalidFileException, zipfile.BadZipFile, LookupError, ValueError, TypeError, AttributeError, ParseError, OSError,
    EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


def cells_of_xlsx(place: str, content: bytes) -> Iterator[tuple[str, Sequence[str]]]:
    """Where each row stands, for a person, and its cells as Excel shows them, but numbers and times in full; of a
    formula what it was when the file was saved. Empty cells at the end of a row are left out."""
    _bounded(place, content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file claims of its size counts for nothing
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > MOST_ROWS:  # of which a wrong file may claim any number
                raise BadInput(place, f"goes on beyond row {MOST_ROWS:,}; split it.")
            cells = [_text(value) for value in row[:MOST_CELLS]]
            while cells and not cells[-1].strip():
                cells.pop()
            yield f"{place}, row {number}", cells
    except BROKEN:
        raise BadInput(place, "is no readable XLSX file; save it anew, or as CSV.") from None


def _bounded(place: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError):
        raise BadInput(place, "is no readable XLSX file; save it anew, or as CSV.") from None
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_IN_ALL:
        raise BadInput(place, f"unpacks to more than {MOST_IN_ALL // 1_000_000} MB; split it.")


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
