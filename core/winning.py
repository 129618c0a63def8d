"""Which of several written texts is an item's: the one that others think likeliest to be good (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.chains import Candidate, Proposal, candidates
from core.ids import QuestionId
from core.item import Verdict

GOOD = 0  # the label that praises a text: the first of the campaign that judges


@dataclass(frozen=True, slots=True)
class Judged:
    """What is believed of a text."""

    good: float  # calibrated belief that it is good
    answers: int  # that judged it
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Lot:
    """The texts of one item."""

    proposals: list[Proposal] = field(default_factory=list)  # that stand and count, oldest first
    judged: dict[str, Judged] = field(default_factory=dict)  # by key; empty where nobody judges


@dataclass(frozen=True, slots=True)
class Texts:
    """All that was written in a campaign."""

    words: Mapping[tuple[QuestionId, int], str]  # question and lease of an answer that stands
    lots: Mapping[str, Lot]  # by the item's name


@dataclass(frozen=True, slots=True)
class Winner:
    """The text that an item ends with; "" where no text is good, or none is there yet."""

    text: str
    confidence: float
    verdict: Verdict


NOBODY = Winner("", 0.0, Verdict.OPEN)


def winner(lot: Lot) -> Winner:
    """The likeliest good one of the candidates, or, where nobody judges them, the one that most have written.

    Open while a candidate is; disputed where all are judged and none is good.
    """
    found = candidates(lot.proposals)
    if not found:
        return NOBODY
    if not lot.judged:
        best = max(found, key=lambda one: one.times)  # the first of equals
        return Winner(best.text, best.times / sum(one.times for one in found), Verdict.SETTLED)
    known = [(one, lot.judged[one.key]) for one in found if one.key in lot.judged]
    is_open = len(known) < len(found) or any(belief.verdict is Verdict.OPEN for _, belief in known)
    good = [pair for pair in known if pair[1].answers and pair[1].good > 0.5]
    settled = [pair for pair in good if pair[1].verdict is Verdict.SETTLED]
    best_pair = _best(settled) or (_best(good) if is_open else None)
    if best_pair is None:
        return Winner("", 0.0, Verdict.OPEN if is_open else Verdict.DISPUTED)
    return Winner(best_pair[0].text, best_pair[1].good, Verdict.OPEN if is_open else Verdict.SETTLED)


def _best(pairs: Sequence[tuple[Candidate, Judged]]) -> tuple[Candidate, Judged] | None:
    return max(pairs, key=lambda pair: (pair[1].good, pair[0].times), default=None)
