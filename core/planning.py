"""What tonight's version is taught and judged on, and what it is asked afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from core.auto_label import reopened
from core.campaign import Campaign, Goal
from core.errors import NothingToLearn
from core.item import Item, Role, Verdict
from core.ports import Beliefs, Snapshot

LEAST = 20  # answered items below which there is nothing to learn


@dataclass(frozen=True, slots=True)
class Plan:
    """What the version of tonight is taught and judged on, and what it is asked afterwards."""

    taught: list[Item]  # answered ones, and controls, which are believed as they were told
    audit: list[Item]  # with enough answers to judge by
    pool: list[Item]  # open ones, scored for tomorrow

    @property
    def told(self) -> int:
        """Lessons that no answer has added: the controls."""
        return sum(item.role is Role.CONTROL for item in self.taught)


def plan(snapshot: Snapshot, beliefs: Beliefs) -> Plan:
    """Sorts the items: plain answered ones and controls teach, audit ones judge, open ones are asked.

    Controls are the best lessons of a campaign's first weeks: with 40 of them a version is right on 0.69 of
    movie_reviews after 500 answers, without them on 0.66, and after 1,250 answers as right as without them after 2,500
    (the loop of `make bench-choosing`, two crowds).
    Raises NothingToLearn where too few are answered.
    """
    answered = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers and _usable(item)]
    if len(answered) < LEAST:
        raise NothingToLearn(f"Only {len(answered)} items have answers; training starts at {LEAST}.")
    controls = [item for item in snapshot.items if item.role is Role.CONTROL and _usable(item)]
    pool = [reopened(snapshot.campaign, item) for item in beliefs.items]
    pool = [item for item in pool if item.verdict is Verdict.OPEN]
    return Plan(answered + controls, judged_on(snapshot.campaign, beliefs), pool)


def judged_on(campaign: Campaign, beliefs: Beliefs) -> list[Item]:
    """The audit items with enough answers to judge a version by."""
    least = 1 if campaign.policy.goal is Goal.MODEL else campaign.policy.min_overlap
    return [item for item in beliefs.items if item.role is Role.AUDIT and item.answers >= least and _usable(item)]


def _usable(item: Item) -> bool:
    return item.verdict is not Verdict.WITHDRAWN
