"""Looking at many contents: in batches as large as the device takes, smaller where its memory is short.

The arithmetic is bfloat16 where the device has it and nothing must be exact. A GPU's batches are larger than those of
training. There is no gradient here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from training.errors import OutOfMemory
from training.examples import Rows, sorted_batches
from training.network import Batch, Inputs, halves

Said = TypeVar("Said")
GPU_ROWS, GPU_TOKENS = 1024, 1 << 17  # in one pass of a GPU


def looked(
    inputs: Inputs, what: Callable[[Batch], Said], device: torch.device, size: int, tokens: int, exact: bool = False
) -> Iterator[tuple[Rows, Said]]:
    """Yield (rows, what is said of them) until every row has had its turn, long contents first.

    At most `size` rows and `tokens` padded tokens at a time on a CPU. Raises OutOfMemory where one row is too much.
    """
    if device.type == "cuda":
        size, tokens = max(size, GPU_ROWS), max(tokens, GPU_TOKENS)
    left = deque(sorted_batches(inputs.lengths, size, tokens))
    while left:
        rows = left.popleft()
        if len(rows) > size:
            left.extendleft((rows[size:], rows[:size]))
            continue
        try:
            with (
                torch.no_grad(),
                torch.autocast(device.type, torch.bfloat16, enabled=halves(device.type) and not exact),
            ):
                said = what(inputs.take(rows, device))
        except (RuntimeError, MemoryError) as error:
            if not short_of_memory(error):
                raise
            if len(rows) == 1:
                raise OutOfMemory(f"even one content does not fit the memory of {device}; lower max_length") from error
            size = len(rows) // 2
            left.appendleft(rows)
            if device.type == "cuda":
                torch.cuda.empty_cache()
            continue
        yield rows, said


def short_of_memory(error: BaseException) -> bool:
    """Whether this says that memory is short; torch says so on the CPU by a plain RuntimeError."""
    known = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return known or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
