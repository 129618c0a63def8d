"""A ranking as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.ranking import Place
from storage.exchange.answers_csv import line

RANKING = ("name", "score", "deviation", "comparisons")


def ranking_csv(places: Iterable[Place]) -> Iterator[str]:
    """Things that were compared, the best first."""
    yield line(RANKING)
    for place in places:
        yield line((place.name, round(place.score, 4), round(place.deviation, 4), place.comparisons))
