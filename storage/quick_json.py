"""JSON on the way of a tap: orjson, and the standard library for what orjson refuses (lone surrogates, long ints)."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dumped(value: Any) -> str:
    """`value` as JSON."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, UnicodeDecodeError):
        return json.dumps(value)


def loaded(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError where it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)
