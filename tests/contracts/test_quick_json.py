"""The quick JSON is the standard library's, also where orjson refuses."""

from __future__ import annotations

import json

import pytest

from storage.quick_json import dumped, loaded

ODD = [{"a": "\ud83d"}, {"n": 2**70}, {"k": [1.5, None, True, "é 猫 \u2028"]}, "", [], {"x": {"y": []}}]


@pytest.mark.parametrize("value", ODD)
def test_what_is_packed_is_read_back_as_the_standard_library_would(value: object) -> None:
    assert json.loads(dumped(value)) == value and loaded(dumped(value)) == value
    assert loaded(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", '{"a": }', b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        loaded(text)
