"""The language of each item, from the file that was imported: items themselves do not keep it."""

from __future__ import annotations

from storage.exchange.rows import named_by_content, text_content
from storage.exchange.tables import table_rows


def languages_of(place: str, content: bytes) -> dict[str, str]:
    """Item's name -> language, of the rows of a CSV or TSV that have one in the column `language`.

    Items go by their `id`, else by their `text`, as in the import. BadInput names the line.
    """
    rows = [row for row in table_rows(place, content, "language", None) if row.values.get("language", "").strip()]
    return {
        row.values.get("id", "").strip() or named_by_content(row, text_content(row)): row.values["language"].strip()
        for row in rows
    }
