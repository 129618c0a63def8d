"""A file of items by the ending of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from core.campaign import Kind
from core.errors import BadInput
from core.stretches import check
from storage.exchange.conll_items import conll_items
from storage.exchange.found import Found
from storage.exchange.jsonl_items import jsonl_items
from storage.exchange.media_items import media_items
from storage.exchange.rows import Truths
from storage.exchange.tables import table_items


def read_items(
    place: str, content: bytes, labels: Sequence[str], controls: bool = False, kind: Kind = Kind.SINGLE
) -> Found:
    """All items of a file named `place`, or BadInput with the file and the line.

    With `controls` each needs one of `labels` as its truth, or a set of them or of words, by the campaign's `kind`;
    else columns with labels are left out.
    """
    truths = Truths(labels, kind) if controls else None
    suits = check if kind is Kind.SPANS else None
    match PurePath(place).suffix.lower():
        case ".csv" | ".tsv" | ".txt" | ".tab" | ".xlsx":
            found = Found(table_items(place, content, truths, suits))
        case ".jsonl" | ".ndjson" | ".json":
            found = Found(jsonl_items(place, content, truths, suits))
        case ".conll" | ".bio" if kind is Kind.SPANS:
            found = Found(conll_items(place, content, labels[0], controls))
        case ".conll" | ".bio":
            raise BadInput(place, "has a tag for each word: it is for campaigns of kind spans.")
        case ".zip" if kind is Kind.SPANS:
            raise BadInput(place, "is no file of texts, and words are marked in texts only.")
        case ".zip":
            found = media_items(place, content, truths)
        case _:
            raise BadInput(place, "is of no kind that is read here; send CSV, TSV, XLSX, JSONL or a ZIP of media.")
    if not found.items:
        raise BadInput(place, "holds no items, only a header.")
    return found
