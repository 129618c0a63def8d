"""Which items a version may settle by itself, so that they are right at least `confidence` of the time.

The version is sure of some items. How sure it must be is fitted on the audit items, a uniform sample that it never
learned from: thresholds are tested one after the other, the strictest first, for "above it, the version is right less
often than promised", and the last one before the first that does not reject this at `RISK` is taken; none, where that
is the first. The order is fixed before anybody looks at how right the version was: no threshold is paid for twice.

Where the truth of an audit item is only believed, its answers' evidence for and against the version's guess enters the
likelihood of the accuracy; where it is known, the test is the exact binomial one.

Source: fixed-sequence testing in Learn-then-Test, Angelopoulos et al. 2021, arXiv:2110.01052; Clopper and Pearson 1934,
doi:10.1093/biomet/26.4.404.
Deviations: believed truths make the test a Bayesian one with the prior 1/accuracy, which is Clopper-Pearson's where all
are known. The promise is about items like the audit items; those that are left when the unsure ones have been asked are
surer at the same threshold. The version may have been promoted on the same audit items.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.campaign import Campaign, Kind
from core.guesses import odds_of
from core.ids import ItemId
from core.intake import prior_of
from core.item import Item, Role, Verdict, still_asked

Floats = NDArray[np.float64]

RISK = 0.05  # share of campaigns in which the promise may fail
STEPS = 20  # thresholds that are tested at most
PLANES = 32  # draws of trust in the crowd that are heard
GRID = 400  # accuracies at which the likelihood is taken, half of them near the promise
ODDS = 1e12  # at which a truth counts as known


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a version may settle: items of whose likeliest label it is at least this sure."""

    threshold: float
    items: int  # audit items above it
    doubt: float  # of the promise, at most RISK


def mandate(suggestions: Floats, beliefs: Floats, prior: Floats, confidence: float) -> Mandate | None:
    """The lowest threshold that keeps the promise; None where no threshold is proven to.

    `suggestions` (n, K) of audit items; `beliefs` (C, n, K) of the crowd, a plane for each trust, certain where the
    truth is known; `prior` (C, K) what these would be of an item without answers.
    """
    least = math.ceil(math.log(RISK) / math.log(confidence))  # that prove it where all are right
    if len(suggestions) < least:
        return None
    guess, sure = suggestions.argmax(axis=1), suggestions.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    odds = np.clip(odds_of(beliefs[:PLANES], guess, prior[:PLANES]), 1 / ODDS, ODDS)[:, order]
    sizes = _sizes(sure[order], least)
    doubts = _doubts(odds, sizes, confidence)
    found: Mandate | None = None
    for size, doubt in zip(sizes, doubts, strict=True):
        if doubt > RISK:
            break
        found = Mandate(float(sure[order[size - 1]]), size, doubt)
    return found


def _sizes(sure: Floats, least: int) -> list[int]:
    """Numbers of audit items above each threshold, from the strictest on; equally sure ones stay together.

    The strictest leaves a fifth of them, but no fewer than can prove anything and no more than twice that: on so few,
    one error too many would end all (simulated with 100 to 1,000 audit items).
    """
    strictest = min(max(least, len(sure) // 5), 2 * least, len(sure))
    wanted = np.unique(np.linspace(strictest, len(sure), STEPS).astype(np.int64))
    return sorted({int((sure >= sure[size - 1]).sum()) for size in wanted})


def _doubts(odds: Floats, sizes: Sequence[int], confidence: float) -> list[float]:
    """How likely it is, for the first items of each number, that the accuracy is under `confidence`; odds (C, n)."""
    near = np.linspace(max(confidence - 0.15, 0.01), 1 - 1e-6, GRID // 2)
    accuracy = np.unique(np.r_[np.linspace(1e-3, 1 - 1e-6, GRID // 2), near, confidence])
    width = np.gradient(accuracy) / accuracy
    edges = np.r_[0, sizes[:-1]].astype(np.int64)
    planes = []
    for row in odds[:, : sizes[-1]]:
        each = np.log(np.outer(row, accuracy) + (1 - accuracy)) - np.log(np.maximum(row, 1.0))[:, None]
        planes.append(np.add.reduceat(each, edges, axis=0).cumsum(axis=0))
    likely = np.stack(planes)  # (C, J, G)
    mass = np.exp(likely - likely.max(axis=(0, 2), keepdims=True)).sum(axis=0) * width
    below = np.where(accuracy < confidence, 1.0, np.where(accuracy == confidence, 0.5, 0.0))
    found: list[float] = ((mass * below).sum(axis=1) / mass.sum(axis=1)).tolist()
    return found


def reopened(campaign: Campaign, item: Item) -> Item:
    """An item that a version settled, as before: each night decides anew."""
    if not item.by_network:
        return item
    return replace(item, verdict=Verdict.OPEN, posterior=prior_of(campaign, item))


def settled_by(campaign: Campaign, items: Mapping[ItemId, Item], given: Mandate | None) -> dict[ItemId, Item]:
    """The items that the version's suggestion settles; never an audit item, a control, one that was asked or is out."""
    if given is None or not allowed(campaign):
        return {}
    found = {}
    for at, item in items.items():
        sure = item.suggestion is not None and item.spoken is not None and max(item.suggestion) >= given.threshold
        if sure and _untouched(item) and not still_asked(campaign.slug, item.name):
            assert item.suggestion is not None
            found[at] = replace(item, verdict=Verdict.SETTLED, posterior=item.suggestion, priority=0.0)
    return found


def allowed(campaign: Campaign) -> bool:
    """Whether the admin lets versions settle items, and one label is what there is to say."""
    return campaign.policy.auto_label and campaign.draft.kind is Kind.SINGLE


def settled_alone(items: Iterable[Item]) -> int:
    """How many items no person was asked about."""
    return sum(item.by_network for item in items)


def _untouched(item: Item) -> bool:
    plain = item.role is Role.PLAIN and item.verdict is Verdict.OPEN and item.truth is None
    return plain and item.seats == 0 and item.problems == 0
