"""A version on disk: whole, unchanged and of its own base, or refused in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import World
from training.bases import base_hash
from training.errors import VersionRefused
from training.recipe import Recipe
from training.trainer import TransformerTrainer
from training.versions import CARD, MANIFEST, NETWORK, PROBE, Version, file_hash, forget, open_version, sweep


def test_a_version_is_named_by_its_content_and_tells_its_story(version: Version, world: World) -> None:
    opened = open_version(version.folder)
    assert opened == version
    assert version.hash == version.folder.name == file_hash(version.folder / MANIFEST)
    assert version.card.examples_hash == world.examples.fingerprint
    assert version.card.labels == ("weather", "food", "travel")
    assert {path.suffix for path in version.folder.iterdir()} == {".json", ".safetensors"}
    assert not list(version.folder.parent.glob(".part-*"))


def cut_short(folder: Path) -> None:
    raw = (folder / NETWORK).read_bytes()
    (folder / NETWORK).write_bytes(raw[: len(raw) // 2])


def flip_a_bit(folder: Path) -> None:
    raw = bytearray((folder / PROBE).read_bytes())
    raw[-3] ^= 4
    (folder / PROBE).write_bytes(raw)


def embellish_the_card(folder: Path) -> None:
    told = json.loads((folder / CARD).read_text())
    told["metrics"]["served_accuracy"] = 1.0
    (folder / CARD).write_text(json.dumps(told))


def forge_card_and_manifest(folder: Path) -> None:
    embellish_the_card(folder)
    files = json.loads((folder / MANIFEST).read_text())
    files[CARD] = file_hash(folder / CARD)
    (folder / MANIFEST).write_text(json.dumps(files))


def swap_two_files(folder: Path) -> None:
    (folder / NETWORK).rename(folder / "x")
    (folder / PROBE).rename(folder / NETWORK)
    (folder / "x").rename(folder / PROBE)


def link_elsewhere(folder: Path) -> None:
    (folder / PROBE).rename(folder.parent / "probe")
    (folder / PROBE).symlink_to(folder.parent / "probe")


DAMAGES: list[Callable[[Path], object]] = [
    cut_short,
    flip_a_bit,
    embellish_the_card,
    forge_card_and_manifest,
    swap_two_files,
    link_elsewhere,
    lambda folder: (folder / NETWORK).unlink(),
    lambda folder: (folder / MANIFEST).unlink(),
    lambda folder: (folder / CARD).write_bytes(b""),
    lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe not json"),
    lambda folder: (folder / "weights.pkl").write_bytes(b"\x80\x04."),
    lambda folder: shutil.rmtree(folder),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_version_is_refused(version: Version, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / version.hash
    shutil.copytree(version.folder, folder)
    open_version(folder)
    damage(folder)
    with pytest.raises(VersionRefused, match=version.hash[:12]):
        next(TransformerTrainer().score(folder, ["rain"]))


def test_another_versions_content_under_this_name_is_refused(version: Version, tmp_path: Path) -> None:
    shutil.copytree(version.folder, tmp_path / ("0" * 64))
    with pytest.raises(VersionRefused, match="name does not fit"):
        open_version(tmp_path / ("0" * 64))


def test_another_base_under_the_same_path_is_refused(world: World, recipe: Recipe, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(recipe.base, base)
    version = TransformerTrainer().train(world.examples, replace(recipe, base=str(base), epochs=1), tmp_path / "v")
    config = json.loads((base / "config.json").read_text()) | {"layer_norm_eps": 1e-6}
    shutil.rmtree(base)
    shutil.copytree(recipe.base, base)
    (base / "config.json").write_text(json.dumps(config))
    base_hash.cache_clear()
    with pytest.raises(VersionRefused, match="another base"):
        next(TransformerTrainer().score(version.folder, ["rain"]))


def test_a_full_disk_leaves_no_half_version(
    world: World, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.versions.sync", full)
    with pytest.raises(OSError, match="No space"):
        TransformerTrainer().train(world.examples, replace(recipe, epochs=1), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "records"}


def test_the_same_recipe_and_examples_give_the_same_weights(version: Version, world: World, tmp_path: Path) -> None:
    again = TransformerTrainer().train(world.examples, version.card.recipe, tmp_path)
    first, second = (next(TransformerTrainer().score(v.folder, world.texts))[0] for v in (version, again))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_forgotten_version_is_gone_whole_and_the_others_stay(version: Version, tmp_path: Path) -> None:
    for name in ("old", "older", "kept"):
        shutil.copytree(version.folder, tmp_path / name)
    (tmp_path / ".part-older").mkdir()  # a kill came between
    assert forget(tmp_path, ["old", "unknown"]) == 1
    (tmp_path / "older").rename(tmp_path / ".part-older" / "x")
    assert forget(tmp_path, ["older"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_what_a_night_leaves_is_swept_and_versions_stay(version: Version, tmp_path: Path) -> None:
    shutil.copytree(version.folder, tmp_path / version.hash)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "a-b-whole.safetensors").write_bytes(b"x")
    (tmp_path / ".part-killed").mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [version.hash]
    open_version(tmp_path / version.hash)


def test_a_night_killed_after_its_training_trains_no_step_again(
    version: Version, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail where the checkpoints went as soon as the version was written."""
    recipe = version.card.recipe
    first = TransformerTrainer().train(world.examples, recipe, tmp_path)
    monkeypatch.setattr("training.loop.gradient", lambda *_: pytest.fail("a step was trained again"))
    again = TransformerTrainer().train(world.examples, recipe, tmp_path)
    assert file_hash(again.folder / NETWORK) == file_hash(first.folder / NETWORK)
