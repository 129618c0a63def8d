"""Faults of the night: kill -9 at random points, full disks, short memory, losses that are no numbers.

`python -m tests.journeys.night_faults --kills 30` prints one table; the suite does the same with fewer kills.

Half of the kills come at a random moment, half at a random file operation (open, rename, delete, connect), so that
short moments between two writes are met as well. Each night is a process of its own, forked from one that has torch in
memory already; it writes a checkpoint after every step.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from bot import nightly
from core.ids import VersionId
from tests.journeys.night_town import SLUG, Town, answer, founded
from tests.training.conftest import sentences
from training import loop, trainer, versions

WRITES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "sqlite3.connect", "shutil.rmtree")
PATIENCE = 900.0  # seconds for one night, on a busy machine
Plant = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Kills:
    """What is left after nights that were killed and resumed."""

    kills: int
    alive: int  # of them, nights that were still running when the signal came
    refused: int  # after a kill, the serving version did not load, or a version stood there that was not whole
    failed: int  # resumed nights that ended without a version
    apart: float  # most points of accuracy between a resumed night's version and the unbroken night's
    apart_nats: float  # the same in log loss
    promotions: int  # versions that served after a resumed night and had not before
    stages: tuple[str, ...]  # at which the signals came


def night(town: Town, plant: Plant = lambda: None, kill_after: float | None = None, **training: object) -> int:
    """Runs a town's night in a process of its own; its exit status, -9 where it was killed."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            quiet(town.folder / "night.log")
            loop.KEEP_EVERY = -1.0
            settings = town.settings(**training)
            plant()
            status = nightly.run(settings, SLUG)
        except BaseException as error:  # the child must never return into its parent
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            status = 1
        finally:
            os._exit(status)
    until = time.monotonic() + (PATIENCE if kill_after is None else kill_after)
    while True:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return -9 if os.WIFSIGNALED(status) else ended(town)
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -9
        time.sleep(0.005)


def ended(town: Town) -> int:
    """0 where the newest night is done, 1 where it failed, -9 where it stopped in the middle."""
    rows = town.asked("SELECT outcome FROM night ORDER BY fence DESC LIMIT 1")
    return {"done": 0, "failed": 1}.get(str(rows[0][0]), -9) if rows else -9


def quiet(path: Path) -> None:
    """What the night says goes into a file."""
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)


def at_operation(number: int, then: Callable[[str], object]) -> Plant:
    """Something happens at the n-th file operation of the night."""
    count = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal count
        if event in WRITES:
            count += 1
            if count == number:
                then(event)

    return lambda: sys.addaudithook(hook)


def die(_: str = "") -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def operations(town: Town, folder: Path) -> tuple[int, float]:
    """How many file operations an unbroken night has, and its seconds."""
    copy, note = town.copied(folder), folder.with_suffix(".count")

    def plant() -> None:
        count = 0

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal count
            if event in WRITES:
                count += 1
                os.pwrite(file, f"{count:8d}".encode(), 0)

        file = os.open(note, os.O_CREAT | os.O_WRONLY)
        sys.addaudithook(hook)

    begun = time.monotonic()
    night(copy, plant)
    return int(note.read_text()), time.monotonic() - begun


def second_night(folder: Path) -> Town:
    """A town whose first night is over, with new answers for the second."""
    town = founded(folder)
    if night(town) != 0 or town.campaign.serving is None:
        raise SystemExit("the first night did not promote: " + (town.folder / "night.log").read_text()[-2000:])
    town.asked("UPDATE night SET night = '2026-01-01'")
    answer(town, range(120, 200), sentences(260, 5)[1])
    return town


def tonight(town: Town, before: set[VersionId]) -> VersionId:
    """The version that this night wrote."""
    [new] = [one.id for one in town.archive.versions(town.campaign.id) if one.id not in before]
    return new


def quality(town: Town, version: VersionId) -> tuple[float, float]:
    """(accuracy in points, log loss in nats) on sentences that nobody was asked about."""
    said, truth = town.says(version), sentences(len(town.says(version)), 99)[1]
    nats = -np.log(said[np.arange(len(truth)), truth]).mean()
    return 100 * float((said.argmax(axis=1) == truth).mean()), float(nats)


def killed(town: Town, kills: int, folder: Path, seed: int = 1) -> Kills:
    """Kills a night so many times, each on a copy of the same evening, looks, resumes it, and compares."""
    dice = random.Random(seed)
    before = {one.id for one in town.archive.versions(town.campaign.id)}
    count, seconds = operations(town, folder / "unbroken")
    unbroken = Town(folder / "unbroken", town.base)
    wanted = quality(unbroken, tonight(unbroken, before))
    refused, failed, alive, promotions = 0, 0, 0, 0
    apart, stages = [(0.0, 0.0)], []
    for number in range(kills):
        copy = town.copied(folder / f"kill-{number}")
        if number % 2:
            status = night(copy, at_operation(dice.randint(1, count), die))
        else:
            status = night(copy, kill_after=dice.uniform(0.0, seconds))
        alive += status == -9
        stages.append(str(copy.asked("SELECT stage FROM night ORDER BY fence DESC LIMIT 1")[0][0]))
        refused += bool(copy.faults())
        served = copy.campaign.serving
        copy.lease_runs_out()
        if status == -9 and night(copy) != 0:
            failed += 1
            continue
        refused += bool(copy.faults())
        promotions += copy.campaign.serving != served
        found = quality(copy, tonight(copy, before))
        apart.append((abs(found[0] - wanted[0]), abs(found[1] - wanted[1])))
    worst = np.array(apart).max(axis=0)
    return Kills(kills, alive, refused, failed, float(worst[0]), float(worst[1]), promotions, tuple(stages))


@dataclass(frozen=True, slots=True)
class Fault:
    """What a fault has left of a night."""

    fault: str
    reason: str  # why there is no new version, as the admin reads it
    letters: int  # to the admin, about this night
    served: bool  # the version that served before serves still
    broken: tuple[str, ...]


def small_files() -> None:
    """No file may grow beyond a kilobyte: the system itself refuses, as a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    versions.write_version = limited(versions.write_version)  # type: ignore[assignment]
    trainer.write_version = versions.write_version  # type: ignore[attr-defined]


def limited(write: Callable[..., object]) -> Callable[..., object]:
    """A write that finds the disk full; the database lies on another."""

    def work(*given: object) -> object:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
        try:
            return write(*given)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return work


def no_numbers() -> None:
    """The tenth loss is no number."""
    calls, real = iter(range(10**6)), loop.piece_loss
    loop.piece_loss = lambda *given: real(*given) if next(calls) < 10 else float("nan")  # type: ignore[assignment]


def no_memory() -> None:
    """No batch fits, however small."""

    def refuse(*_: object) -> float:
        raise MemoryError

    loop.piece_loss = refuse  # type: ignore[assignment]


def no_renaming() -> None:
    """The first version that is moved to its place finds the disk full."""

    def refuse(event: str, args: tuple[object, ...]) -> None:
        if event == "os.rename" and "/.part-" in str(args[0]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(refuse)


FAULTS: dict[str, Plant] = {
    "no room for a version": small_files,
    "no room for its name": no_renaming,
    "a loss that is no number": no_numbers,
    "no memory at all": no_memory,
}


def suffered(town: Town, folder: Path) -> list[Fault]:
    """Each fault in a night on a copy of the same evening."""
    found = []
    for number, (name, plant) in enumerate(FAULTS.items()):
        copy = town.copied(folder / f"fault-{number}")
        serving, letters = copy.campaign.serving, posted(copy)
        night(copy, plant)
        served = copy.campaign.serving == serving
        found.append(Fault(name, outcome(copy), posted(copy) - letters, served, tuple(copy.faults())))
    return found


def posted(town: Town) -> int:
    [(count,)] = town.asked("SELECT COUNT(*) FROM outbox")
    return int(str(count))


def full_disk(town: Town, folder: Path) -> Fault | None:
    """The night on a real disk of 2 MB (versions alone), filled to the last page; None where none can be mounted."""
    copy = town.copied(folder / "disk")
    kept = copy.folder / "kept"
    (copy.folder / "versions").rename(kept)
    (copy.folder / "versions").mkdir()
    mounted = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(copy.folder / "versions"))
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        return None
    try:
        shutil.copytree(kept, copy.folder / "versions", dirs_exist_ok=True)
        with suppress(OSError), (copy.folder / "versions" / "ballast").open("wb") as file:
            while True:
                file.write(b"0" * 4096)
                file.flush()
        serving, letters = copy.campaign.serving, posted(copy)
        night(copy)
        served = copy.campaign.serving == serving
        return Fault("a full disk", outcome(copy), posted(copy) - letters, served, tuple(copy.faults()))
    finally:
        subprocess.run(("umount", "--lazy", str(copy.folder / "versions")), check=False)


def outcome(town: Town) -> str:
    """Why the newest night failed; empty where it did not."""
    [(state, report)] = town.asked("SELECT outcome, report FROM night ORDER BY fence DESC LIMIT 1")
    return "" if state == "done" else str(report) or str(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="no disk is mounted")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    begun = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        town = second_night(folder)
        found = killed(town, chosen.kills, folder, chosen.seed)
        faults = suffered(town, folder)
        disk = None if chosen.quick else full_disk(town, folder)
    faults += [disk] if disk else []
    seconds = round((datetime.now(UTC) - begun).total_seconds(), 1)
    print(json.dumps(asdict(found) | {"faults": [asdict(fault) for fault in faults], "seconds": seconds}))
    broken = [fault for fault in faults if fault.broken or not fault.served or not fault.reason]
    good = not found.refused and not found.failed and found.apart <= 0.2 and not broken
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
