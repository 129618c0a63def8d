"""What lies on the disk is whole and its own, or refused in one sentence; a damaged checkpoint is started over.

`test_versions.py` damages a version and leaves its name; here the damage is signed anew, as only somebody with the
trainer's rights could: manifest and name fit, and what was signed is still refused.

Planted bugs, each seen to fail here:
- a checkpoint is believed without its digest (`flipped bit`, `of the other stage`)
- a checkpoint's weights are restored before its moments are checked (`moments of another shape`)
- weights are not checked for numbers that are none, or for their type (`nan_in_the_network`, `half_precision`)
- the labels of a version are not compared with the campaign's (`labels_in_another_order`)
"""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import VersionRefused
from core.ids import VersionId
from core.item import Content, Medium
from tests.training.conftest import World
from training import loop
from training.checkpoint import digest, load_checkpoint, read_checkpoint
from training.loop import lesson_of, teach
from training.network import parameter_groups
from training.recipe import Kind, Recipe
from training.teacher import Teacher
from training.trainer import build_network
from training.versions import CARD, MANIFEST, NETWORK, PROBE, Version, file_hash

LABELS = ("weather", "food", "travel")


def tensors(name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Damage that changes a file's tensors."""

    def damage(folder: Path) -> None:
        found = {key: value.clone() for key, value in load_file(folder / name).items()}
        change(found)
        save_file(found, folder / name)

    return damage


def card(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    """Damage that changes the card."""

    def damage(folder: Path) -> None:
        told = json.loads((folder / CARD).read_text())
        change(told)
        (folder / CARD).write_text(json.dumps(told))

    return damage


def raw(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Damage that changes a file's bytes."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def poison(found: dict[str, torch.Tensor]) -> None:
    found[min(found)].view(-1)[0] = float("nan")


def halve(found: dict[str, torch.Tensor]) -> None:
    for name in found:
        found[name] = found[name].half()


def narrow(found: dict[str, torch.Tensor]) -> None:
    found["head.linear.weight"] = found["head.linear.weight"][:, :-1].contiguous()


def swap(folder: Path) -> None:
    (folder / NETWORK).rename(folder / "x")
    (folder / PROBE).rename(folder / NETWORK)
    (folder / "x").rename(folder / PROBE)


SIGNED: dict[str, Callable[[Path], object]] = {
    "nan_in_the_network": tensors(NETWORK, poison),
    "infinity_in_the_probe": tensors(PROBE, lambda found: found["bias"].fill_(float("inf"))),
    "half_precision": tensors(NETWORK, halve),
    "another_shape": tensors(NETWORK, narrow),
    "a_weight_too_few": tensors(NETWORK, lambda found: found.pop(min(found))),
    "a_weight_too_many": tensors(NETWORK, lambda found: found.update(more=torch.zeros(2))),
    "a_probe_of_fewer_labels": tensors(PROBE, lambda found: found.update(bias=found["bias"][:2].contiguous())),
    "a_probe_of_another_base": tensors(
        PROBE, lambda found: found.update(weight=found["weight"][:5].contiguous(), centre=found["centre"][:5].clone())
    ),
    "a_probe_without_its_scale": tensors(PROBE, lambda found: found.pop("scale")),
    "an_empty_network": raw(NETWORK, lambda _: b""),
    "a_network_cut_in_its_header": raw(NETWORK, lambda old: old[:20]),
    "a_network_cut_in_its_last_tensor": raw(NETWORK, lambda old: old[:-1]),
    "a_header_of_a_quintillion_bytes": raw(NETWORK, lambda old: struct.pack("<Q", 1 << 60) + old[8:]),
    "a_header_that_is_no_json": raw(NETWORK, lambda old: old[:8] + b"\xff" * 8 + old[16:]),
    "a_pickle_for_a_probe": raw(PROBE, lambda _: pickle.dumps({"bias": [0.0]})),
    "network_and_probe_swapped": swap,
    "labels_in_another_order": card(lambda told: told.update(labels=["food", "weather", "travel"])),
    "the_card_of_another_campaign": card(lambda told: told.update(labels=["cat", "dog", "bird"])),
    "a_card_of_fewer_labels": card(lambda told: told.update(labels=["weather", "food"])),
    "a_wrong_base_hash": card(lambda told: told.update(base_hash="0" * 64)),
    "a_recipe_of_another_rank": card(lambda told: told["recipe"].update(rank=3)),  # type: ignore[attr-defined]
    "a_recipe_with_an_unknown_field": card(lambda told: told["recipe"].update(magic=1)),  # type: ignore[attr-defined]
    "a_temperature_that_is_no_number": card(
        lambda told: told["blend"].update(temperature=float("nan"))  # type: ignore[attr-defined]
    ),
    "a_card_of_another_format": card(lambda told: told.update(format=99)),
    "a_card_that_is_a_list": raw(CARD, lambda _: b"[1, 2]"),
    "a_card_a_hundred_thousand_brackets_deep": raw(CARD, lambda _: b"[" * 100_000),
}


def signed(folder: Path) -> Path:
    """Writes a manifest that fits and names the folder by it."""
    files = {path.name: file_hash(path) for path in folder.iterdir() if path.name != MANIFEST}
    (folder / MANIFEST).write_text(json.dumps(files))
    return folder.rename(folder.parent / file_hash(folder / MANIFEST))


@pytest.mark.parametrize("kind", SIGNED)
def test_what_was_damaged_and_signed_is_refused_in_one_sentence(
    version: Version, recipe: Recipe, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(version.folder, folder)
    SIGNED[kind](folder)
    name = signed(folder).name
    teacher = Teacher(tmp_path, recipe, LABELS, lambda sha: b"")
    with pytest.raises(VersionRefused) as refused:
        list(teacher.score(VersionId(name), [Content(Medium.TEXT, "rain")]))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_a_version_signed_anew_without_damage_speaks(version: Version, recipe: Recipe, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    shutil.copytree(version.folder, tmp_path / "copy")
    name = signed(tmp_path / "copy").name
    teacher = Teacher(tmp_path, recipe, LABELS, lambda sha: b"")
    [scores] = teacher.score(VersionId(name), [Content(Medium.TEXT, "rain")])
    np.testing.assert_allclose(scores.probabilities.sum(axis=1), 1.0)


def test_a_manifest_deep_as_a_well_is_refused(version: Version, recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / version.hash
    shutil.copytree(version.folder, folder)
    (folder / MANIFEST).write_bytes(b"[" * 100_000)
    with pytest.raises(VersionRefused, match="cannot be read"):
        list(Teacher(tmp_path, recipe, LABELS, lambda sha: b"").score(
            VersionId(version.hash), [Content(Medium.TEXT, "rain")]
        ))  # fmt: skip


def resigned(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, str]], object]) -> None:
    """Changes a checkpoint and makes its digest fit."""
    found = read_checkpoint(path)
    assert found is not None
    facts, kept = found
    change(kept, facts)
    save_file(kept, path, facts | {"sha256": digest(kept, facts)})


def flip(path: Path, at: int) -> None:
    old = bytearray(path.read_bytes())
    old[at] ^= 16
    path.write_bytes(old)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHECKPOINTS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut in its header": lambda path: path.write_bytes(path.read_bytes()[:30]),
    "flipped bit in a weight": lambda path: flip(path, -3),
    "flipped bit in the header": lambda path: flip(path, 40),
    "a pickle": lambda path: path.write_bytes(pickle.dumps([1.0])),
    "a symlink": link,
    "a folder": folder,
    "of the other stage": lambda path: resigned(path, lambda _, facts: facts.update(of="whole.safetensors")),
    "moments of another shape": lambda path: resigned(
        path, lambda kept, _: kept.update({"exp_avg.head.linear.bias": torch.zeros(9)})
    ),
    "moments of nothing": lambda path: resigned(path, lambda kept, _: kept.update({"exp_avg.x": torch.zeros(9)})),
    "weights of another network": lambda path: resigned(path, lambda kept, _: kept.pop("weight.head.linear.bias")),
    "nan weights": lambda path: resigned(path, lambda kept, _: kept["weight.head.linear.bias"].fill_(float("nan"))),
    "half precision": lambda path: resigned(
        path, lambda kept, _: kept.update({name: value.half() for name, value in kept.items()})
    ),
    "unsigned": lambda path: save_file(load_file(path), path),
}


@pytest.fixture(scope="module")
def half_way(world: World, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a training that was killed after five steps."""
    path = tmp_path_factory.mktemp("checkpoints") / "fifths.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "KEEP_EVERY", -1.0)
        network = build_network(Kind.TEXT, recipe, 3)
        lesson = lesson_of(
            network.settle(network.encode(world.examples.contents), 8), np.arange(60),
            world.examples.soft_labels, world.examples.weights,
        )  # fmt: skip

        def stop(_: str, share: float) -> None:
            if share > 0.2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            teach(network, lesson, recipe, path, stop)
    return path


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_damaged_checkpoint_is_skipped_and_nothing_of_it_is_used(
    half_way: Path, recipe: Recipe, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / half_way.name
    shutil.copy(half_way, path)
    network = build_network(Kind.TEXT, recipe, 3)
    optimiser = torch.optim.AdamW(list(parameter_groups(network, recipe)))
    before = {name: weight.detach().clone() for name, weight in network.trained().items()}
    CHECKPOINTS[kind](path)
    assert load_checkpoint(path, network, optimiser) == (0, [], 0.0)
    assert not optimiser.state
    assert all(torch.equal(before[name], weight) for name, weight in network.trained().items())


def test_a_whole_checkpoint_is_used(half_way: Path, recipe: Recipe) -> None:
    """Else the test above could not fail."""
    network = build_network(Kind.TEXT, recipe, 3)
    optimiser = torch.optim.AdamW(list(parameter_groups(network, recipe)))
    step, losses, spent = load_checkpoint(half_way, network, optimiser)
    assert step == len(losses) > 3 and spent > 0 and optimiser.state
