"""When to stop asking about an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Next(Enum):
    ASK = "ask"
    SETTLE = "settle"
    DISPUTE = "dispute"  # the crowd cannot tell: an admin must


@dataclass(frozen=True, slots=True)
class StopRule:
    """Settle at `confidence` (calibrated) with at least `min_overlap` answers; dispute at `max_overlap`."""

    confidence: float = 0.95
    min_overlap: int = 2
    max_overlap: int = 7

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1.0:
            raise ValueError(f"confidence is at least 0.5 and under 1, not {self.confidence}")
        if not 2 <= self.min_overlap <= self.max_overlap:
            raise ValueError("2 <= min_overlap <= max_overlap: one answer alone settles nothing")


def decide(posterior_calibrated: Sequence[float], answers: int, rule: StopRule) -> Next:
    """What to do with an item after `answers` answers, given its calibrated posterior (K,)."""
    if answers >= rule.min_overlap and max(posterior_calibrated) >= rule.confidence:
        return Next.SETTLE
    return Next.DISPUTE if answers >= rule.max_overlap else Next.ASK
