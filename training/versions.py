"""A version on disk: an immutable folder named by its content, safetensors and JSON only, whole or refused."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from training.calibrate import Blend
from training.checkpoint import save_safely
from training.errors import VersionRefused
from training.probe import Probe
from training.recipe import Kind, Recipe, recipe_from

FORMAT = 1
CARD, MANIFEST, NETWORK, PROBE = "card.json", "manifest.json", "network.safetensors", "probe.safetensors"


@dataclass(frozen=True, slots=True)
class VersionCard:
    """All that is to be known about a version without loading it."""

    created_at: str  # ISO 8601, UTC
    kind: Kind
    labels: tuple[str, ...]  # K wordings
    base_hash: str  # sha256 of the base's weights; empty for a network from scratch
    recipe: Recipe
    examples_hash: str  # provenance: the snapshot it learned from
    examples: int
    blend: Blend
    metrics: dict[str, float] = field(default_factory=dict)  # on held-out examples, before and after calibration
    losses: tuple[float, ...] = ()  # mean training loss of each epoch, nats
    seconds: float = 0.0
    device: str = "cpu"
    libraries: dict[str, str] = field(default_factory=dict)
    withdrawn_workers: int = 0  # whose answers were left out because they asked for it


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was checked against its manifest."""

    hash: str
    folder: Path
    card: VersionCard


def write_version(home: Path, card: VersionCard, network: dict[str, Tensor], probe: Probe) -> Version:
    """Write a version under `home`, whole or not at all, and return it."""
    home.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=home))
    try:
        save_safely({k: v.detach().cpu().contiguous() for k, v in network.items()}, part / NETWORK)
        save_safely({name: getattr(probe, name).contiguous() for name in Probe.__slots__}, part / PROBE)
        (part / CARD).write_text(json.dumps(asdict(card) | {"format": FORMAT}, indent=1, sort_keys=True))
        files = {path.name: file_hash(path) for path in sorted(part.iterdir())}
        (part / MANIFEST).write_text(json.dumps(files, indent=1, sort_keys=True))
        name = file_hash(part / MANIFEST)
        for path in (*part.iterdir(), part):
            sync(path)
        if not (home / name).exists():
            part.rename(home / name)
            sync(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return open_version(home / name)


def open_version(folder: Path) -> Version:
    """Check every byte of a version and read its card; raises VersionRefused in one sentence."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        files = dict(json.loads(manifest))
        there = {path.name for path in folder.iterdir()} - {MANIFEST}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise VersionRefused(f"version {folder.name[:12]}: {MANIFEST} is missing or cannot be read") from error
    if hashlib.sha256(manifest).hexdigest() != folder.name:
        raise VersionRefused(f"version {folder.name[:12]}: the folder's name does not fit its content")
    if there != {CARD, NETWORK, PROBE} or set(files) != there:
        odd = min(there.symmetric_difference({CARD, NETWORK, PROBE}) or set(files) ^ there)
        raise VersionRefused(f"version {folder.name[:12]}: {odd} is missing or does not belong there")
    for name, expected in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or file_hash(path) != expected:
            raise VersionRefused(f"version {folder.name[:12]}: {name} is not the file that was written")
    return Version(folder.name, folder, read_card(folder))


def read_card(folder: Path) -> VersionCard:
    """Read a version card; raises VersionRefused where it is of another format."""
    try:
        told = json.loads((folder / CARD).read_text())
        if told.pop("format") != FORMAT:
            raise ValueError("another format")
        told |= {
            "kind": Kind(told["kind"]),
            "recipe": recipe_from(told["recipe"]),
            "blend": Blend(**told["blend"]),
            "labels": tuple(told["labels"]),
            "losses": tuple(told["losses"]),
        }
        if not all(math.isfinite(value) and value >= 0 for value in asdict(told["blend"]).values()):
            raise ValueError("a temperature that is none")
        return VersionCard(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VersionRefused(f"version {folder.name[:12]}: {CARD} is not a card of format {FORMAT}") from error


def read_weights(version: Version) -> tuple[dict[str, Tensor], Probe]:
    """Return (network weights, probe), all of them finite float32; raises VersionRefused."""
    try:
        weights, told = load_file(version.folder / NETWORK), load_file(version.folder / PROBE)
        probe = Probe(**told)
    except (OSError, SafetensorError, TypeError) as error:
        raise VersionRefused(f"version {version.hash[:12]}: its weights cannot be read") from error
    for name, tensor in (*weights.items(), *told.items()):
        if tensor.dtype != torch.float32 or not bool(torch.isfinite(tensor).all()):
            raise VersionRefused(f"version {version.hash[:12]}: {name} does not hold finite numbers of 32 bits")
    labels = len(version.card.labels) or probe.bias.numel()
    if probe.bias.shape != (labels,) or probe.weight.shape != (*probe.centre.shape, labels) or probe.scale.shape:
        raise VersionRefused(f"version {version.hash[:12]}: its probe does not fit its {labels} labels")
    return weights, probe


def forget(home: Path, hashes: Iterable[str]) -> int:
    """Delete the folders of these versions, each first renamed so that a half-deleted one is never taken for whole;
    how many there were."""
    gone = 0
    for name in hashes:
        part = home / f".part-{name}"
        if (home / name).is_dir():
            (home / name).rename(part)
            gone += 1
        shutil.rmtree(part, ignore_errors=True)
    return gone


def sweep(home: Path) -> None:
    """Delete what nights that are over have left: checkpoints, and halves of versions that a kill left behind.

    For whoever holds the night alone: the other's training would start over, or fail to be written.
    """
    shutil.rmtree(home / "checkpoints", ignore_errors=True)
    for part in home.glob(".part-*"):
        shutil.rmtree(part, ignore_errors=True)


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
