"""A record of every training, however it ends; curves for the trackers that are there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.training.conftest import World
from training import tracking
from training.errors import BadTracker
from training.recipe import Recipe
from training.trainer import TransformerTrainer

accelerate_tracking = pytest.importorskip("accelerate.tracking")


class Heard(accelerate_tracking.GeneralTracker):  # type: ignore[misc, name-defined]
    """A tracker of accelerate's kind that remembers."""

    name = "wandb"
    requires_logging_directory = False
    main_process_only = True
    said: ClassVar[list[tuple[str, Any]]] = []
    broken = False

    def __init__(self, run_name: str, **_: object) -> None:
        super().__init__()
        Heard.said.append(("run", run_name))

    @property
    def tracker(self) -> None:
        return None

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        Heard.said.append(("config", values))

    def log(self, values: dict[str, Any], step: int | None, **_: object) -> None:
        if self.broken:
            raise ConnectionError("the service is away")
        Heard.said.append(("log", (step, values)))

    def finish(self) -> None:
        Heard.said.append(("finish", None))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> type[Heard]:
    """The tracker stands where that of Weights & Biases would."""
    monkeypatch.setitem(accelerate_tracking.LOGGER_TYPE_TO_CLASS, "wandb", Heard)
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: name if name == "wandb" else None)
    monkeypatch.setattr(Heard, "said", [])
    monkeypatch.setattr(Heard, "broken", False)
    return Heard


def records(home: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((home / "records").glob("*.json"))]


def test_every_training_leaves_a_record_without_texts(world: World, recipe: Recipe, tmp_path: Path) -> None:
    version = TransformerTrainer().train(world.examples, replace(recipe, epochs=1), tmp_path)
    [found] = records(tmp_path)
    assert found["version"] == version.hash and found["examples_hash"] == world.examples.fingerprint
    assert set(found["losses"]) == {"part-1", "part-2", "part-3", "whole"} and len(found["losses"]["whole"]) == 8
    assert found["metrics"]["served_accuracy"] == version.card.metrics["served_accuracy"]
    words = (tmp_path / "records").glob("*.json").__next__().read_text()
    assert not any(text in words for text in world.examples.contents)


def test_a_training_that_fails_is_recorded_with_the_reason(world: World, recipe: Recipe, tmp_path: Path) -> None:
    def stop(stage: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TransformerTrainer().train(world.examples, recipe, tmp_path, stop)
    [found] = records(tmp_path)
    assert found["failed"].startswith("KeyboardInterrupt")


def test_a_tracker_hears_recipe_losses_and_metrics(
    world: World, recipe: Recipe, tmp_path: Path, heard: type[Heard]
) -> None:
    trainer = TransformerTrainer(trackers=("wandb",))
    version = trainer.train(world.examples, replace(recipe, epochs=1), tmp_path)
    kinds = [kind for kind, _ in heard.said]
    assert kinds[:2] == ["run", "config"] and kinds[-1] == "finish"
    logged = [values for kind, values in heard.said if kind == "log"]
    [found] = records(tmp_path)
    assert [values["whole/loss"] for _, values in logged if "whole/loss" in values] == found["losses"]["whole"]
    assert logged[-1][1] == version.card.metrics


def test_a_service_that_is_away_costs_its_curves_not_the_night(
    world: World, recipe: Recipe, tmp_path: Path, heard: type[Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heard, "broken", True)
    TransformerTrainer(trackers=("wandb",)).train(world.examples, replace(recipe, epochs=1), tmp_path)
    assert len(records(tmp_path)[0]["losses"]["whole"]) == 8


def test_a_tracker_that_is_not_installed_is_one_sentence(world: World, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(BadTracker, match=r"training\.trackers: nothing is none of"):
        TransformerTrainer(trackers=("nothing",)).train(world.examples, recipe, tmp_path)


def test_curves_can_be_read_back_from_tensorboard(world: World, recipe: Recipe, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    TransformerTrainer().train(world.examples, replace(recipe, epochs=1), tmp_path)
    [run] = [path.parent for path in (tmp_path / "records" / "tensorboard").rglob("events.out.tfevents*")][:1]
    read = events.EventAccumulator(str(run))
    read.Reload()
    curve = [event.value for event in read.Scalars("whole/loss")]
    assert curve == pytest.approx(records(tmp_path)[0]["losses"]["whole"], abs=1e-5)
