"""A unit of work on its way through a writer, and its outcome on its way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.sql import Cursor


@dataclass(slots=True)
class Unit:
    """What to run, and who waits for it."""

    work: Callable[[Cursor], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = field(default=None)

    def settle(self) -> None:
        """In the loop's thread: wakes the caller, who may have left."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def settle(units: Sequence[Unit]) -> None:
    """Wakes all callers with one call into each loop."""
    loops = {id(unit.loop): unit.loop for unit in units}
    for key, loop in loops.items():
        theirs = [unit for unit in units if id(unit.loop) == key]
        try:
            loop.call_soon_threadsafe(_settle_all, theirs)
        except RuntimeError:  # the loop has ended: nobody waits any more
            continue


def _settle_all(units: Sequence[Unit]) -> None:
    for unit in units:
        unit.settle()
