"""kill -9 while answers pour in: every one that was acknowledged is there afterwards, whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from storage.engine import parse

ROUNDS = 4


def start(path: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.contracts.pouring", str(path), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_nothing_acknowledged_is_lost(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    shutil.copy(sqlite_template, path)
    acknowledged: set[str] = set()
    rng = random.Random(20261122)
    for seed in range(ROUNDS):
        process = start(path, seed)
        assert process.stdout is not None
        acknowledged.add(process.stdout.readline().strip())  # it runs
        time.sleep(rng.uniform(0.02, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        acknowledged.update(process.stdout.read().split()[:-1])  # the last line may be torn
        process.wait()
    connection = parse(f"sqlite:///{path}").connect()
    kept = [row[0] for row in connection.execute("SELECT question FROM answer")]
    assert len(acknowledged) > 20 * ROUNDS
    assert acknowledged - set(kept) == set()
    assert len(kept) == len(set(kept))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    paid = connection.execute("SELECT count(*), sum(amount) FROM entry").fetchone()
    assert paid == (2 * len(kept), 0)
    assert connection.execute("SELECT sum(answers), sum(leases) FROM item").fetchone() == (len(kept), 0)
    assert connection.execute("SELECT sum(answered) FROM enrolment").fetchone() == (len(kept),)
