"""Promise 8: a night that is killed, starved or misled leaves the morning as it was, and says why.

The kills run in a process of their own (`tests/journeys/night_faults.py`), which forks each night from itself.

Planted bugs, each caught:
- a version is written where it will lie, not beside it and renamed
- the full disk's error is not one that a night knows: no letter, a traceback (`a full disk`)
- sweeping takes a version along (`a full disk`: the serving version is refused)
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    """What the small set of faults has left."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.night_faults", "--kills", "2", "--quick"],
        capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("{"), done.stderr[-3000:]
    told: dict[str, object] = json.loads(done.stdout.splitlines()[0])
    return told


@pytest.mark.timeout(600)
def test_a_killed_night_breaks_nothing_and_ends_the_same(found: dict[str, object]) -> None:
    assert found["kills"] == 2
    assert (found["refused"], found["failed"]) == (0, 0)
    assert found["apart"] <= 0.2  # type: ignore[operator]


@pytest.mark.timeout(600)
def test_each_fault_leaves_the_old_version_serving_and_is_told_in_one_sentence(found: dict[str, object]) -> None:
    faults = found["faults"]
    assert isinstance(faults, list) and len(faults) >= 4
    for fault in faults:
        assert fault["served"] and not fault["broken"], fault
        assert fault["letters"] == 1 and fault["reason"].count("\n") == 0, fault
    reasons = {fault["fault"]: fault["reason"] for fault in faults}
    assert "make room where the versions lie" in reasons["no room for a version"]
    assert "lower learning_rate" in reasons["a loss that is no number"]
    assert "lower batch_size" in reasons["no memory at all"]
