"""Promise 1: no acknowledged answer is ever lost, none counts twice, nobody is stuck."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.killing import killed


@pytest.mark.timeout(240)
async def test_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    found = await killed(8, tmp_path)
    assert found.answers > 200 and found.confirmed > found.answers  # there was load, with double taps
    assert (found.lost, found.stuck, found.broken) == (0, 0, ())
