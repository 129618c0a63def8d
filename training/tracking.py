"""What a training did, for people to look at later: a JSON record always, curves where a tracker is installed.

Records lie under `records/` beside the versions. TensorBoard files are written where the extra `tracking` is installed;
Weights & Biases and MLflow where the settings name them, through accelerate's trackers, as their own environment
variables say. No record holds a text. A tracker that fails costs its curves, not the night.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.checkpoint import FULL
from training.errors import BadTracker
from training.examples import Examples
from training.recipe import Recipe
from training.team import team

RECORDS = "records"
TRACKERS = ("tensorboard", "wandb", "mlflow")
log = logging.getLogger("crowdloop.training")


class Tracker(Protocol):
    """What accelerate's trackers can do."""

    def store_init_configuration(self, values: dict[str, Any]) -> None: ...

    def log(self, values: dict[str, Any], step: int | None) -> None: ...

    def finish(self) -> None: ...


@dataclass(slots=True)
class Record:
    """One training as it goes; `trackers` hear of it at once, the file is written at its end."""

    facts: dict[str, Any]
    trackers: Sequence[Tracker] = ()
    stages: dict[str, list[float]] = field(default_factory=dict)

    def stage(self, name: str, losses: Sequence[float]) -> None:
        """Keep the losses of one run of the loop, one a step, in nats."""
        self.stages[name] = [round(float(loss), 6) for loss in losses]
        for step, loss in enumerate(self.stages[name]):
            self._tell(lambda one, at=step, value=loss: one.log({f"{name}/loss": value}, at))  # type: ignore[misc]

    def end(self, version: str, metrics: dict[str, float]) -> None:
        """Keep what came of it."""
        self.facts |= {"version": version, "metrics": metrics}
        self._tell(lambda one: one.log(dict(metrics), len(next(reversed(self.stages.values()), []))))

    def finish(self) -> None:
        """Let the trackers write what they hold."""
        self._tell(lambda one: one.finish())

    def _tell(self, work: Callable[[Tracker], None]) -> None:
        for one in list(self.trackers):
            try:
                work(one)
            except Exception as error:  # another's service: whatever it raises, the night goes on
                log.warning("tracker.failed tracker=%s reason=%s", type(one).__name__, error)
                self.trackers = [other for other in self.trackers if other is not one]


@contextmanager
def recorded(
    home: Path, examples: Examples, recipe: Recipe, trackers: Sequence[str], now: Callable[[], datetime]
) -> Iterator[Record]:
    """A record of this training, written when it ends, however it ends. Raises BadTracker for one not installed."""
    if not team().first:
        yield Record({})
        return
    begun = now()
    name = f"{begun:%Y%m%dT%H%M%S}-{examples.fingerprint[:8]}"
    facts = {
        "begun_at": begun.isoformat(),
        "examples": len(examples),
        "examples_hash": examples.fingerprint,
        "weight": round(float(np.sum(examples.weights)), 3),
        "recipe": asdict(recipe),
    }
    record = Record(facts, opened(trackers, home / RECORDS, name))
    record._tell(lambda one: one.store_init_configuration(plain(asdict(recipe))))
    try:
        yield record
    except BaseException as error:
        record.facts["failed"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        record.finish()
        record.facts["seconds"] = round((now() - begun).total_seconds(), 2)
        written(home / RECORDS / f"{name}.json", record)


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return only what every tracker can show."""
    return {name: value if isinstance(value, (int, float, bool)) else str(value) for name, value in values.items()}


def opened(names: Sequence[str], folder: Path, run: str) -> list[Tracker]:
    """Return accelerate's trackers of these names, and TensorBoard's where it is installed."""
    installed = [name for name in TRACKERS if importlib.util.find_spec(name) is not None]
    missing = [name for name in names if name not in installed]
    if missing:
        known = "is not installed" if missing[0] in TRACKERS else f"is none of {', '.join(TRACKERS)}"
        raise BadTracker(f"training.trackers: {missing[0]} {known}")
    wanted = dict.fromkeys((*names, *(("tensorboard",) if "tensorboard" in installed else ())))
    return [tracker for name in wanted if (tracker := started(name, folder, run)) is not None]


def started(name: str, folder: Path, run: str) -> Tracker | None:
    """Return one tracker, None where it cannot begin; loads accelerate's trackers only here."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS  # optional services: none is loaded before it is wanted

    folder.mkdir(parents=True, exist_ok=True)
    places: dict[str, dict[str, Any]] = {"tensorboard": {"logging_dir": folder / "tensorboard"}}
    place = places.get(name, {"logging_dir": None} if name == "mlflow" else {})
    try:
        tracker = LOGGER_TYPE_TO_CLASS[name](run, **place)
        if hasattr(tracker, "start"):
            tracker.start()
    except Exception as error:  # no network, no key, a full disk: not a reason to learn nothing
        log.warning("tracker.failed tracker=%s reason=%s", name, error)
        return None
    return tracker  # type: ignore[no-any-return]


def written(path: Path, record: Record) -> None:
    """Write the JSON record; a full disk costs the record."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record.facts | {"losses": record.stages}, indent=1, default=str))
    except OSError as error:
        if error.errno not in FULL:
            raise
        path.unlink(missing_ok=True)
