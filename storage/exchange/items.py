"""A file of items by the ending of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from core.errors import BadInput
from storage.exchange.csv_items import csv_items
from storage.exchange.found import Found
from storage.exchange.jsonl_items import jsonl_items
from storage.exchange.media_items import media_items
from storage.exchange.rows import Truths


def read_items(
    place: str, content: bytes, labels: Sequence[str], controls: bool = False, several: bool = False
) -> Found:
    """All items of a file named `place`, or BadInput with the file and the line.

    With `controls` each needs one of `labels` as its truth, or a set where `several` may hold; else columns with
    labels are left out.
    """
    truths = Truths(labels, several) if controls else None
    match PurePath(place).suffix.lower():
        case ".csv" | ".tsv" | ".txt" | ".tab":
            found = Found(csv_items(place, content, truths))
        case ".jsonl" | ".ndjson" | ".json":
            found = Found(jsonl_items(place, content, truths))
        case ".zip":
            found = media_items(place, content, truths)
        case _:
            raise BadInput(place, "is of no kind that is read here; send CSV, TSV, JSONL or a ZIP of images or sounds.")
    if not found.items:
        raise BadInput(place, "holds no items, only a header.")
    return found
