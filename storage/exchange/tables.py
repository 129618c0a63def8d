"""Tables of texts: CSV, TSV and the first sheet of an XLSX file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from core.errors import BadInput
from core.item import NewItem
from storage.exchange.rows import RowOf, Suits, Truths, check_columns, items_of, text_content, text_of
from storage.exchange.xlsx import cells_of_xlsx

XLSX = ".xlsx"
SEPARATORS = (",", "\t", ";")
csv.field_size_limit(10_000_000)  # a long cell is told of by its own rule


def table_items(
    place: str, content: bytes, truths: Truths | None = None, suits: Suits | None = None
) -> list[NewItem]:
    """Items from columns `text` and, where there, `id`, `truth` or `label`, `reason`; of pairs also `text2` and, where
    there, `id_a`, `id_b`. BadInput names the line."""
    return items_of(table_rows(place, content, "text", truths), text_content, truths, suits=suits)


def table_rows(place: str, content: bytes, needed: str, truths: Truths | None) -> Iterator[RowOf]:
    """Rows by column, names of columns in small letters; the first row with anything in it is the header."""
    columns: list[str] = []
    cells_of = cells_of_xlsx if PurePath(place).suffix.lower() == XLSX else cells_of_csv
    for here, cells in cells_of(place, content):
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = [cell.strip().lower() for cell in cells]
            check_columns(here, columns, needed, truths)
            continue
        yield _row(here, columns, cells)


def cells_of_csv(place: str, content: bytes) -> Iterator[tuple[str, Sequence[str]]]:
    """Where each row stands, for a person, and its cells; the separator is what the header has most of."""
    text = text_of(place, content)
    header = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadInput(f"{place}, line {line}", f"cannot be read ({error}); check its quotes.") from None
        if cells is None:
            return
        yield f"{place}, line {line}", cells


def _row(place: str, columns: list[str], cells: Sequence[str]) -> RowOf:
    if len(cells) > len(columns):
        reason = f"has {len(cells)} cells where the header has {len(columns)}; put quotes round texts with separators."
        raise BadInput(place, reason)
    return RowOf(place, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False)))
