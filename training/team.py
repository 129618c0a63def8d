"""Several processes that train one network: `accelerate launch` starts them, on one host or many; alone it is nothing.

Every process holds the whole network and the whole snapshot; of each batch it takes its share of the rows, and the
gradients are summed before every step, so that the team takes the step that one process would have taken (up to the
order of floating-point sums, and to the draws of dropout, which fall on other rows). The first process alone claims the
night, writes checkpoints and versions; the others `follow`: they wait for what it is about to train or score.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from torch import Tensor

from training.errors import OutOfMemory, TrainingFailed
from training.examples import Rows

PATIENCE = timedelta(days=2)  # how long the others wait for the first, who refits and writes alone


@dataclass(frozen=True, slots=True)
class Team:
    """Which process this is, of how many."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Return whether this process writes."""
        return self.rank == 0

    def share(self, rows: Rows) -> Rows:
        """Return this process's part of the rows, nobody else's; it may be empty."""
        return rows[self.rank :: self.size]

    def summed(self, weights: Iterable[Tensor], loss: float, fallen: bool = False) -> float:
        """Leave the sum of all processes' gradients on the weights and return the sum of their losses.

        Raises OutOfMemory in all processes but those that have `fallen`, where any has.
        """
        if self.size == 1:
            return loss
        moving = list(weights)
        for weight in moving:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        device = moving[0].device
        flat = torch.cat([weight.grad.reshape(-1).float() for weight in moving if weight.grad is not None])
        flat = torch.cat([flat, torch.tensor([loss, float(fallen)], device=device)])
        torch.distributed.all_reduce(flat)
        if flat[-1] > 0 and not fallen:
            raise OutOfMemory("another process of the team is short of memory; lower batch_size or max_length")
        at = 0
        for weight in moving:
            assert weight.grad is not None
            weight.grad.copy_(flat[at : at + weight.numel()].view_as(weight))
            at += weight.numel()
        return float(flat[-2])

    @contextmanager
    def fallen(self, weights: Iterable[Tensor]) -> Iterator[None]:
        """Let the others know where this process has run out of memory: they wait for its part of the sum."""
        try:
            yield
        except OutOfMemory:
            self.summed(weights, 0.0, fallen=True)
            raise

    def agreed(self, value: float) -> float:
        """Return the first process's number: clocks differ, what is done must not."""
        return value if self.size == 1 else float(self.told(value))

    def told(self, what: Any) -> Any:
        """Return what the first process says; the others say nothing."""
        return what if self.size == 1 else broadcast_object_list([what if self.first else None])[0]

    def together(self, work: Callable[[Rows], Any], count: int) -> list[tuple[Rows, Any]]:
        """Return (rows, result) of each process, each having done its share of `count` rows; what fails in one fails in
        all."""
        rows = self.share(np.arange(count, dtype=np.int64))
        if self.size == 1:
            return [(rows, work(rows))]
        said: Any
        try:
            said = work(rows)
        except TrainingFailed as error:  # the others wait for what this process has to say
            said = error
        found = list(gather_object([(rows, said)]))
        for _, theirs in found:
            if isinstance(theirs, TrainingFailed):
                raise theirs
        return found

    def first_only(self, work: Callable[[], Any]) -> Any:
        """Return what the first process has done alone; the others wait for it, and fail where it fails."""
        if self.size == 1:
            return work()
        said: Any = None
        try:
            said = work() if self.first else None
        except Exception as error:
            self.told(TrainingFailed(str(error)))
            raise
        said = self.told(said)
        if isinstance(said, TrainingFailed):
            raise said
        return said

    def dismiss(self) -> None:
        """Let the others end; the first says so when it has nothing more for them."""
        if self.size > 1 and self.first:
            self.told(None)
            _part()


@lru_cache(maxsize=1)
def team() -> Team:
    """Return the team that `accelerate launch` has started, else a team of one, which loads no engine."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Team()
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes") or not torch.cuda.is_available()
    state = PartialState(cpu=on_cpu, timeout=PATIENCE)
    return Team(state.process_index, state.num_processes)


def announce(name: str, *arguments: object) -> None:
    """Tell the others what the first process begins, so that they do it too."""
    if team().size > 1 and team().first:
        team().told((name, arguments))


def follow(mine: Team, jobs: Mapping[str, Callable[..., object]]) -> int:
    """Do what the first process does, by name and arguments, until it dismisses; how many jobs there were.

    What stops the first in the middle (a loss that is no number) stops all alike; the next job begins anew.
    """
    done = 0
    while (job := mine.told(None)) is not None:
        name, arguments = job
        with suppress(TrainingFailed):
            jobs[name](*arguments)
        done += 1
    _part()
    return done


def _part() -> None:
    """End the group in all processes at once: one that ends alone aborts those who still listen to it."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
