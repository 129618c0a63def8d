"""Do workers agree with a suggestion because they were told of it? The two arms of `show_suggestion`.

A coin tossed for each question decides whether the suggestion is marked, so the difference in agreement between the
arms is caused by the marking. Interval: Newcombe 1998, method 10
(doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I).
Deviations: answers of one worker count as independent, so that the interval is a little narrow where few workers give
most answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Arm:
    """Answers to questions of one arm, and how many of them name the suggested label."""

    answers: int
    agreed: int

    def __post_init__(self) -> None:
        if not 0 <= self.agreed <= self.answers:
            raise ValueError(f"{self.agreed} of {self.answers} answers cannot agree")

    @property
    def share(self) -> float:
        """Of answers that agree; 0 where there are none."""
        return self.agreed / self.answers if self.answers else 0.0


@dataclass(frozen=True, slots=True)
class Anchoring:
    """How much more often workers agree with a suggestion that they see; the ends of its 95 % interval."""

    told: Arm
    blind: Arm
    effect: float
    low: float
    high: float


def anchoring(told: Arm, blind: Arm) -> Anchoring | None:
    """The effect of telling; None while an arm has no answers."""
    if not told.answers or not blind.answers:
        return None
    effect = told.share - blind.share
    (low_t, high_t), (low_b, high_b) = wilson(told), wilson(blind)
    low = effect - math.hypot(told.share - low_t, high_b - blind.share)
    high = effect + math.hypot(high_t - told.share, blind.share - low_b)
    return Anchoring(told, blind, effect, low, high)


def wilson(arm: Arm) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    n, p = arm.answers, arm.share
    centre, reach = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low, high = (centre - reach) / (1 + Z * Z / n), (centre + reach) / (1 + Z * Z / n)
    return max(min(low, p), 0.0), min(max(high, p), 1.0)
