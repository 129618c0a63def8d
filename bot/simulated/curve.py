"""What a strategy reached, by answers spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Tell = Callable[[int], None]  # hears how many answers are spent


@dataclass(frozen=True, slots=True)
class Point:
    """Where a strategy stands after so many answers."""

    answers: int
    consensus_accuracy: float  # share of all items that have an answer and a right likeliest label
    version_accuracy: float  # of tonight's version on held-out items
    settled: int  # items
    seconds: float  # of the workers' time, by the cost model of `core.effort`


@dataclass(slots=True)
class Curve:
    """The points of one run."""

    points: list[Point] = field(default_factory=list)

    def needed(self, accuracy: float) -> float | None:
        """Answers at which the version first has this accuracy, between points by straight lines; None where never."""
        before: Point | None = None
        for point in self.points:
            if point.version_accuracy >= accuracy:
                if before is None:
                    return float(point.answers)
                rise = point.version_accuracy - before.version_accuracy
                share = (accuracy - before.version_accuracy) / rise if rise > 0 else 1.0
                return before.answers + share * (point.answers - before.answers)
            before = point
        return None

    def columns(self) -> dict[str, list[float]]:
        """The points by column, as JSON has them."""
        names = ("answers", "consensus_accuracy", "version_accuracy", "settled", "seconds")
        return {name: [round(getattr(point, name), 4) for point in self.points] for name in names}


def mean_of(curves: list[Curve]) -> Curve:
    """The mean of runs with equal answer counts, as far as all of them go."""
    rows = zip(*(curve.points for curve in curves), strict=False)
    return Curve([_mean(row) for row in rows])


def _mean(row: tuple[Point, ...]) -> Point:
    n = len(row)
    return Point(
        row[0].answers,
        sum(point.consensus_accuracy for point in row) / n,
        sum(point.version_accuracy for point in row) / n,
        round(sum(point.settled for point in row) / n),
        sum(point.seconds for point in row) / n,
    )
