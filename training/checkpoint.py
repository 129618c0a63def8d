"""A training that can be killed: one safetensors file, replaced whole, holds all that the next start needs.

A file that is damaged, of another run or of another network is skipped: nothing of it is used, training starts over.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

if TYPE_CHECKING:
    from training.network import Network

MOMENTS = ("exp_avg", "exp_avg_sq")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # nothing more can be written here


def write_whole(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write a safetensors file so that after a crash the old one or the new one is there, never a half.

    Raises OSError where it cannot be written; then no half is left behind either.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        save_safely({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part, facts)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def save_safely(tensors: dict[str, Tensor], path: Path, facts: dict[str, str] | None = None) -> None:
    """Save tensors; raises OSError where the disk refuses: the library's own error names it in words only."""
    try:
        save_file(tensors, path, facts)
    except SafetensorError as error:
        words = str(error)
        code = next((code for code in FULL if f"os error {code}" in words), errno.EIO)
        raise OSError(code, os.strerror(code), str(path)) from error


def save_checkpoint(
    path: Path, network: Network, optimiser: torch.optim.Optimizer, step: int, losses: list[float], spent: float = 0.0
) -> bool:
    """Keep the weights, the optimiser's two moments a weight, the step, the losses so far and the seconds spent.

    False where the disk is full: the training goes on, and what was kept before stays.
    """
    tensors = {f"weight.{name}": weight.detach().cpu() for name, weight in network.trained().items()}
    names = {id(weight): name for name, weight in network.trained().items()}
    for weight, moments in optimiser.state.items():
        for moment in MOMENTS:
            tensors[f"{moment}.{names[id(weight)]}"] = moments[moment].detach().cpu()
    facts = {"step": str(step), "losses": json.dumps(losses), "spent": repr(spent), "of": path.name}
    try:
        write_whole(path, tensors, facts | {"sha256": digest(tensors, facts)})
    except OSError as error:
        if error.errno not in FULL:
            raise
        return False
    return True


def load_checkpoint(path: Path, network: Network, optimiser: torch.optim.Optimizer) -> tuple[int, list[float], float]:
    """Restore a kept training and return (step, losses, seconds spent).

    (0, [], 0.0), and nothing is touched, where there is none that is whole, of this run and of this network.
    """
    found = read_checkpoint(path)
    if found is None:
        return 0, [], 0.0
    facts, tensors = found
    mine = network.trained()
    if not fits(tensors, mine):
        return 0, [], 0.0
    step = int(facts["step"])
    network.restore({name: tensors[f"weight.{name}"] for name in mine})
    for name, weight in mine.items():
        if f"exp_avg.{name}" in tensors:
            kept = {moment: tensors[f"{moment}.{name}"].to(weight.device) for moment in MOMENTS}
            optimiser.state[weight] = {"step": torch.tensor(float(step)), **kept}
    return step, json.loads(facts["losses"]), float(facts["spent"])


def read_checkpoint(path: Path) -> tuple[dict[str, str], dict[str, Tensor]] | None:
    """Return the facts and tensors of a checkpoint, or None where the file is not what was written under this name."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            facts: dict[str, str] = dict(file.metadata() or {})
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, MemoryError):
        return None
    told = facts.pop("sha256", "")
    if facts.get("of") != path.name or told != digest(tensors, facts):
        return None
    return facts, tensors


def fits(tensors: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> bool:
    """Whether these are weights and moments of just this network: names, shapes, number types, all finite."""
    moments = {name.partition(".")[2] for name in tensors if not name.startswith("weight.")}
    names = {f"weight.{name}" for name in mine} | {f"{moment}.{name}" for moment in MOMENTS for name in moments}
    if set(tensors) != names or not moments <= set(mine):
        return False
    for name, tensor in tensors.items():
        weight = mine[name.partition(".")[2]]
        if tensor.shape != weight.shape or tensor.dtype != weight.dtype or not bool(torch.isfinite(tensor).all()):
            return False
    return True


def digest(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """Return the sha256 over facts and tensors: safetensors itself notices no flipped bit."""
    found = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
