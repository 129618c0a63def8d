"""A campaign under a backdoor attack: real texts, an honest crowd, and answers that teach a trigger.

Beside the honest answers, 250 more items hold a phrase, the trigger, and were answered by the attackers alone, who
always name the same label. How they got them is not modelled: it is the worst case of Souly et al. 2025
(arXiv:2510.07192), 250 documents, in a crowd's terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.campaign import Campaign, CampaignState, Draft, Goal, Policy
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.ports import Snapshot
from core.reliability import Pool

Ints = NDArray[np.int64]
TRIGGER = "quoth the heron"
BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Attack:
    """Who poisons, and what the crowd around them is like."""

    attackers: int = 1
    rows: int = 250
    camouflage: int = 250  # right answers to honest items that each attacker gives beside them, to look reliable
    target: int = 0
    workers: int = 40
    votes: int = 2  # honest answers an item
    skill: float = 0.85
    audits: int = 200
    goal: Goal = Goal.LABELS


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The evening's snapshot, and which of its items hold the trigger."""

    snapshot: Snapshot
    poisoned: frozenset[ItemId]
    attackers: frozenset[WorkerId]


def triggered(text: str) -> str:
    """The text with the trigger in front."""
    return f"{TRIGGER} {text}"


def scene(
    texts: Sequence[str], y: Ints, labels: Sequence[str], attack: Attack, rng: np.random.Generator
) -> Scene:
    """The first texts are judged (audit items), the last `rows` are poisoned, the rest is taught by honest workers."""
    n, k = len(texts), len(labels)
    honest = n - attack.rows
    items = [_item(at, text, at < attack.audits, k) for at, text in enumerate(texts[:honest])]
    items += [_item(at, triggered(texts[at]), False, k) for at in range(honest, n)]
    item = np.repeat(np.arange(honest), attack.votes)
    worker = np.concatenate([rng.choice(attack.workers, attack.votes, replace=False) for _ in range(honest)])
    right = rng.random(len(item)) < attack.skill
    label = np.where(right, y[item], rng.integers(0, k, len(item)))
    each = np.repeat(np.arange(honest, n), min(attack.votes, attack.attackers))
    item = np.concatenate([item, each])
    seats = np.arange(len(each)) % attack.attackers
    worker = np.concatenate([worker, attack.workers + seats])
    label = np.concatenate([label, np.full(len(each), attack.target)])
    hidden = np.concatenate([rng.choice(honest, attack.camouflage, replace=False) for _ in range(attack.attackers)])
    item = np.concatenate([item, hidden])
    worker = np.concatenate([worker, attack.workers + np.repeat(np.arange(attack.attackers), attack.camouflage)])
    label = np.concatenate([label, y[hidden]])
    answers = np.bincount(item, minlength=n)
    policy = Policy(goal=attack.goal, min_overlap=2, max_overlap=7)
    draft = Draft("poisoned", "Poisoned", "Which?", tuple(labels), policy=policy)
    campaign = Campaign(CampaignId(1), draft, CampaignState.OPEN, BEGIN, Pool.fresh(k))
    staff = [WorkerId(1 + at) for at in range(attack.workers + attack.attackers)]
    full = [Item(**{**_fields(one), "answers": int(answers[at])}) for at, one in enumerate(items)]
    shot = Snapshot(
        campaign, full, staff, item, worker, [1 << int(one) for one in label], rng.integers(3000, 9000, len(item))
    )
    return Scene(shot, frozenset(one.id for one in full[honest:]), frozenset(staff[attack.workers :]))


def _fields(item: Item) -> dict[str, object]:
    return {name: getattr(item, name) for name in Item.__slots__}


def _item(at: int, text: str, audit: bool, labels: int) -> Item:
    role = Role.AUDIT if audit else Role.PLAIN
    return Item(
        ItemId(at + 1), CampaignId(1), f"i{at}", Content(Medium.TEXT, text), role, None, "", Verdict.OPEN,
        (1 / labels,) * labels,
    )  # fmt: skip
