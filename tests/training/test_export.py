"""A version taken away says what it said: as a Hugging Face folder, as an ONNX graph, and nearly so in int8."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from tests.training.conftest import World
from training import looking
from training.calibrate import Blend
from training.errors import VersionRefused
from training.export import apart, export, portable
from training.export_onnx import FLOAT, INT8, OnnxSpeaker, onnx_writers
from training.probe import Probe
from training.recipe import Aim, Kind, Recipe
from training.several import names, wide
from training.speaker import Speaker
from training.trainer import TransformerTrainer
from training.versions import Version, read_weights, write_version

LABELS = ("weather", "food", "travel")


def speaker(version: Version) -> Speaker:
    return Speaker(version.folder, LABELS)


@pytest.fixture(scope="module")
def folder(version: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "out"
    export(speaker(version), out, "Topics", further=onnx_writers(int8=True))
    return out


def test_transformers_loads_it_and_it_says_the_same(folder: Path, version: Version, world: World) -> None:
    """Saw: the adapters left unmerged; the last temperature forgotten; the probe's centre not folded into its bias."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    assert model.config.id2label == dict(enumerate(LABELS)) and model.config.label2id["food"] == 1
    told = tokenizer(list(world.texts), truncation=True, padding=True, return_tensors="pt")
    with torch.inference_mode():
        said = model(**told).logits.double().softmax(-1).numpy()
    assert apart(said, speaker(version).say(world.texts, exact=True)) < 1e-5


@pytest.mark.parametrize("native", [False, True])
def test_it_is_kept_where_the_device_scores_in_bfloat16(
    native: bool, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saw: an export compared in float32 with what the version says in bfloat16, and so refused on every GPU."""
    monkeypatch.setattr(looking, "halves", lambda _: native)
    assert max(export(speaker(version), tmp_path / "out", "Topics").differences.values()) < 1e-5


def test_several_labels_are_a_sigmoid_each(recipe: Recipe, world: World, tmp_path: Path) -> None:
    """As transformers does it: K logits, and a loss of K binary ones. Planted: a softmax in the graph; the columns of
    what does not hold named as labels; the last temperature forgotten."""
    chances = np.clip(world.examples.soft_labels + 0.6 * np.roll(world.examples.soft_labels, 1, axis=1), 0.02, 0.98)
    marked = replace(world.examples, soft_labels=wide(chances), labels=names(LABELS))
    version = TransformerTrainer().train(marked, replace(recipe, epochs=12), tmp_path / "versions")
    expected = speaker(version).say(world.texts, exact=True)
    assert expected.shape == (len(world.texts), 3) and expected.sum(axis=1).max() > 1.2
    out = tmp_path / "out"
    assert max(export(speaker(version), out, "Tags", further=onnx_writers(int8=False)).differences.values()) < 1e-4
    assert apart(OnnxSpeaker.of(out, FLOAT).say(world.texts), expected) < 1e-5
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    model = AutoModelForSequenceClassification.from_pretrained(out, trust_remote_code=True).eval()
    told = tokenizer(list(world.texts[:4]), truncation=True, padding=True, return_tensors="pt")
    with torch.inference_mode():
        said = model(**told, labels=torch.ones(4, 3))
    assert apart(said.logits.sigmoid().double().numpy(), expected[:4]) < 1e-5
    assert float(said.loss) == pytest.approx(-np.log(expected[:4]).mean(), abs=1e-4)
    assert model.config.problem_type == "multi_label_classification"
    assert list(model.config.id2label.values()) == list(LABELS)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "logits.sigmoid()" in card and "several may hold" in card and "not food" not in card


def test_grades_travel_with_their_head(recipe: Recipe, world: World, tmp_path: Path) -> None:
    """Saw: a gap between grades that can be negative.
    Both builds say what the version says."""
    graded = replace(recipe, aim=Aim.RATING, epochs=12)
    version = TransformerTrainer().train(replace(world.examples, labels=LABELS), graded, tmp_path / "versions")
    expected = speaker(version).say(world.texts, exact=True)
    done = export(speaker(version), tmp_path / "out", "Stars", further=onnx_writers(int8=False))
    assert max(done.differences.values()) < 1e-4
    assert apart(OnnxSpeaker.of(tmp_path / "out", FLOAT).say(world.texts), expected) < 1e-5
    assert version.card.blend.probe_share < 1 and expected.std(axis=0).max() > 0.05


def test_without_the_folders_own_code_nothing_wrong_is_loaded(folder: Path) -> None:
    """Saw: model_type "bert", under which transformers puts a fresh pooler and a fresh head on the base and goes on."""
    with pytest.raises(Exception, match=r"trust_remote_code|custom code|crowdloop"):
        AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=False)


def test_the_readme_tells_what_it_is(folder: Path, version: Version) -> None:
    told = (folder / "README.md").read_text()
    assert version.hash in told and version.card.base_hash in told and "weather, food, travel" in told
    assert "`model.onnx`" in told and "trust_remote_code=True" in told and str(folder.parent) not in told
    assert str(version.card.recipe.base) not in told + (folder / "config.json").read_text()
    assert {path.suffix for path in folder.iterdir()} == {".json", ".py", ".safetensors", ".md", ".onnx"}


def test_the_onnx_graph_holds_the_whole_blend(folder: Path, version: Version, world: World) -> None:
    """Saw: a graph of the tuned network alone; batches whose shape was fixed by the example."""
    expected = speaker(version).say(world.texts, exact=True)
    assert apart(OnnxSpeaker.of(folder, FLOAT).say(world.texts, batch=7), expected) < 1e-5


def test_int8_is_smaller_and_nearly_the_same(folder: Path, version: Version, world: World) -> None:
    """Saw: nothing quantised, as the graph's products had another name."""
    assert (folder / INT8).read_bytes().count(b"DynamicQuantizeLinear") > 0
    said, expected = OnnxSpeaker.of(folder, INT8).say(world.texts), speaker(version).say(world.texts, exact=True)
    assert 0 < apart(said, expected) < 0.1
    assert (said.argmax(1) == expected.argmax(1)).mean() > 0.95


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_voice_without_a_share_is_left_out(share: float, version: Version, world: World, tmp_path: Path) -> None:
    """Saw: the twin written although nobody hears it."""
    weights, probe = read_weights(version)
    card = replace(version.card, blend=Blend(1.3, 0.8, share, 1.1))
    single = speaker(write_version(tmp_path / "v", card, weights, probe))
    export(single, tmp_path / "out", "One voice")
    names = set(portable(single).state_dict())
    assert any(name.startswith("twin.") for name in names) is (share == 1.0)
    assert any(name.startswith("upper.") for name in names) is (share == 0.0)


def test_what_is_there_already_stays(folder: Path, version: Version, tmp_path: Path) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(VersionRefused, match="is there already"):
        export(speaker(version), folder, "Again")
    assert sorted(folder.iterdir()) == before


def test_an_export_that_would_say_something_else_is_refused(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saw: the check comparing the export with itself."""
    mute = speaker(version)
    told = mute.say(["rain wind"])
    mute.probe = Probe(mute.probe.centre, mute.probe.scale, -mute.probe.weight, mute.probe.bias)
    wrong = portable(mute)
    mute = speaker(version)
    monkeypatch.setattr("training.export.portable", lambda _: wrong)
    with pytest.raises(VersionRefused, match="would differ from its version"):
        export(mute, tmp_path / "out", "Wrong")
    assert not list(tmp_path.iterdir()) and np.allclose(told, speaker(version).say(["rain wind"]))


def test_full_fine_tuning_of_every_layer_is_exported_too(world: World, recipe: Recipe, tmp_path: Path) -> None:
    """Saw: lower layers expected where none is frozen."""
    full = replace(recipe, method="full", trained_layers=2, epochs=1)
    made = TransformerTrainer().train(world.examples, full, tmp_path / "v")
    assert made.card.kind is Kind.TEXT
    assert export(speaker(made), tmp_path / "out", "Full").differences["model.safetensors"] < 1e-5
