"""A training that can be killed: one safetensors file, replaced whole, holds all that the next start needs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from training.network import Network


def write_whole(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write a safetensors file so that after a crash the old one or the new one is there, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part, facts)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(path)


def save_checkpoint(
    path: Path, network: Network, optimiser: torch.optim.Optimizer, step: int, losses: list[float]
) -> None:
    """Keep the weights, the optimiser's two moments a weight, the step, and the losses so far."""
    tensors = {f"weight.{name}": weight for name, weight in network.trained().items()}
    names = {id(weight): name for name, weight in network.trained().items()}
    for weight, moments in optimiser.state.items():
        for moment in ("exp_avg", "exp_avg_sq"):
            tensors[f"{moment}.{names[id(weight)]}"] = moments[moment]
    write_whole(path, tensors, {"step": str(step), "losses": json.dumps(losses)})


def load_checkpoint(path: Path, network: Network, optimiser: torch.optim.Optimizer) -> tuple[int, list[float]]:
    """Restore a kept training and return (step, losses); (0, []) where there is none that can be read."""
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (FileNotFoundError, SafetensorError):
        return 0, []
    network.restore({name[7:]: tensor for name, tensor in tensors.items() if name.startswith("weight.")})
    step = int(facts["step"])
    for name, weight in network.trained().items():
        if f"exp_avg.{name}" in tensors:
            optimiser.state[weight] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"exp_avg.{name}"].to(weight.device),
                "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(weight.device),
            }
    return step, json.loads(facts["losses"])
