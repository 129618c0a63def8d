"""The one loop: examples and a network in, a trained network and its losses out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.adapters import Ranks, orthogonality
from training.checkpoint import load_checkpoint, save_checkpoint
from training.contrast import GROUPS
from training.errors import Diverged, OutOfMemory
from training.examples import Floats, Rows, shuffled_batches
from training.looking import short_of_memory
from training.network import Batch, Inputs, Network, parameter_groups
from training.options import batch_loss
from training.recipe import Method, Recipe
from training.team import Team, team

Progress = Callable[[str, float], None]
"""Told (stage, share done from 0 to 1) while a training runs."""

HALVINGS = 3
KEEP_EVERY = 60.0  # seconds between checkpoints; one is also written at the end


@dataclass(frozen=True, slots=True)
class Course:
    """What one run of the loop did."""

    losses: list[float]  # one a step, nats
    steps: int
    planned: int
    parts: int  # pieces into which a batch had to be cut to fit the memory


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """The rows of a snapshot that one run learns from."""

    inputs: Inputs
    rows: Rows  # (n,) into inputs
    soft_labels: Tensor  # (N, K) float32; (N, T, C) where tokens are learned, rows of what is no token empty
    weights: Tensor  # (N,) float32, mean 1 over the rows


def lesson_of(inputs: Inputs, rows: Rows, soft_labels: Floats, weights: Floats) -> Lesson:
    """Return a lesson on these rows, its weights scaled to mean 1."""
    scaled = torch.from_numpy(weights / weights[rows].mean()).float()
    return Lesson(inputs, rows, torch.from_numpy(soft_labels).float(), scaled)


def teach(
    network: Network,
    lesson: Lesson,
    recipe: Recipe,
    keep: Path | None = None,
    progress: Progress = lambda stage, share: None,
    clock: Callable[[], float] = time.monotonic,
) -> Course:
    """Train the network on the lesson; resumes from `keep` where a checkpoint lies there.

    Weighted soft cross-entropy, AdamW, linear warmup and decay, gradients clipped to norm 1. Chance depends on seed and
    step alone, so a resumed run repeats the run that was killed. Raises Diverged, OutOfMemory.
    """
    device = next(network.head.parameters()).device
    optimiser = torch.optim.AdamW(list(parameter_groups(network, recipe)), fused=True)
    plan = batch_plan(lesson, recipe)
    first, losses, before = load_checkpoint(keep, network, optimiser) if keep else (0, [], 0.0)
    parts, started, kept, step = 1, clock() - before, clock(), first
    mine = team()
    ranks = Ranks(network, recipe, len(plan)) if recipe.method is Method.ADALORA else None
    network.train()
    for step in range(first, len(plan)):
        spent = mine.agreed((clock() - started) / (recipe.hours * 3600))
        if spent >= 1:
            break
        pace = pace_at(step / len(plan), spent, recipe.warmup)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * pace
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        with mine.fallen(network.trained().values()):
            loss, parts = gradient(network, lesson, plan[step], recipe, device, parts, mine)
        loss = mine.summed(network.trained().values(), loss)
        norm = torch.nn.utils.clip_grad_norm_(network.trained().values(), 1.0)
        if not (math.isfinite(loss) and bool(torch.isfinite(norm))):
            raise Diverged(
                f"training stopped at step {step}: the loss is {loss}, its gradient {float(norm)}; lower learning_rate "
                f"({recipe.learning_rate:g}) and train again"
            )
        optimiser.step()
        if ranks is not None:
            ranks.after(step)
        losses.append(loss)
        due = keep is not None and clock() - kept > KEEP_EVERY
        if keep and mine.first and (due or step + 1 == len(plan)):
            save_checkpoint(keep, network, optimiser, step + 1, losses, clock() - started)
        kept = clock() if due else kept
        if due or (step + 1) % max(1, len(plan) // 10) == 0:
            progress("train", (step + 1) / len(plan))
    network.eval()
    return Course(losses, len(losses), len(plan), parts)


def batch_plan(lesson: Lesson, recipe: Recipe) -> list[Rows]:
    """Return the rows of every step of every epoch."""
    lengths = lesson.inputs.lengths[lesson.rows]
    rng = np.random.default_rng(recipe.seed)
    return [lesson.rows[at] for _ in range(recipe.epochs) for at in shuffled_batches(lengths, recipe.batch_size, rng)]


def pace_at(done: float, spent: float, warmup: float) -> float:
    """Return the share of the peak step size after this share of the steps and of the time."""
    done = spent if spent > done + 0.05 else done  # time runs short: arrive at zero when it is up
    return (done + 1e-3) / warmup if done + 1e-3 < warmup else (1 - done) / (1 - warmup)


def gradient(
    network: Network, lesson: Lesson, rows: Rows, recipe: Recipe, device: torch.device, parts: int, mine: Team
) -> tuple[float, int]:
    """Leave the gradient of this process's share of a batch on the weights and return (loss, parts); halves the pieces
    when memory is short."""
    while True:
        try:
            network.zero_grad(set_to_none=True)
            total = float(lesson.weights[torch.from_numpy(rows)].sum()) or 1.0
            own = mine.share(rows)
            pieces = [own[at::parts] for at in range(min(parts, len(own)))]
            groups = max(1, GROUPS // (mine.size * parts))
            return sum(piece_loss(network, lesson, piece, recipe, device, total, groups) for piece in pieces), parts
        except (RuntimeError, MemoryError) as error:
            if not short_of_memory(error):
                raise
            if parts >= 2**HALVINGS:
                raise OutOfMemory(
                    f"even {len(rows) // parts} examples do not fit the memory of {device}; lower "
                    "batch_size or max_length"
                ) from error
            parts *= 2
        if device.type == "cuda":
            torch.cuda.empty_cache()


def piece_loss(
    network: Network, lesson: Lesson, rows: Rows, recipe: Recipe, device: torch.device, total: float, groups: int
) -> float:
    """Add the gradient of a piece of a batch; `total` is the whole batch's weight, `groups` are contrasted apart."""
    batch: Batch = lesson.inputs.take(rows, device)
    at = torch.from_numpy(rows)
    soft, weights = lesson.soft_labels[at].to(device), lesson.weights[at].to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda" and not recipe.exact):
        loss = batch_loss(network, batch, soft, weights / total, recipe, groups)
    if recipe.method is Method.ADALORA:
        loss = loss + orthogonality(network) * (weights.sum() / total)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
