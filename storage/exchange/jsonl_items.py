"""JSON lines, one object a line, and JSON files with a list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.errors import BadInput
from core.item import NewItem
from core.marks import NOTHING
from storage.exchange.rows import TRUTHS, RowOf, Suits, Truths, check_columns, items_of, text_content, text_of

KEYS = ("text", "text2", "id", "task", "id_a", "id_b", "truth", "label", "reason")


def jsonl_items(
    place: str, content: bytes, truths: Truths | None = None, suits: Suits | None = None
) -> list[NewItem]:
    """Items from the keys that the columns of `table_items` have. BadInput names the line."""
    text = text_of(place, content)
    rows = _listed(place, text) if text.lstrip().startswith("[") else _lines(place, text)
    return items_of(_checked(rows, truths), text_content, truths, suits=suits)


def _lines(place: str, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            here = f"{place}, line {number}"
            try:
                yield here, json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise BadInput(here, f"is not JSON ({_why(error)}).") from None


def _listed(place: str, text: str) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{place}, line {error.lineno}", f"is not JSON ({error.msg}).") from None
    except RecursionError:
        raise BadInput(place, "is nested too deeply.") from None
    for number, one in enumerate(found, start=1):
        yield f"{place}, entry {number}", one


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"


def _checked(rows: Iterator[tuple[str, Any]], truths: Truths | None) -> Iterator[RowOf]:
    for place, found in rows:
        if not isinstance(found, dict):
            raise BadInput(place, 'must be an object such as {"text": "..."}.')
        values = {key.strip().lower(): _word(place, key, value) for key, value in found.items() if value is not None}
        check_columns(place, list(values), "text", truths)
        yield RowOf(place, values)


def _word(place: str, key: str, value: object) -> str:
    if key.strip().lower() not in KEYS:
        return ""
    if key.strip().lower() in TRUTHS and isinstance(value, list):
        value = "|".join(map(str, value)) or NOTHING
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadInput(place, f"'{key}' must be a text or a number.")
    word = str(value)
    if "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word):
        raise BadInput(place, f"'{key}' has a character in it that is no text.")
    return word
