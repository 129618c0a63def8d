"""A night in which the version may settle items by itself: what it settles, what the export says, and a rollback."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from core.item import Role, Verdict, still_asked
from core.refit import beliefs_of
from storage.exchange.answers_csv import consensus_csv
from storage.memory import MemoryTransaction
from tests.journeys.test_night import ITEMS, LineTrainer, Town


@pytest.fixture
def town() -> Town:
    """Half of the items answered; the audit items' truths ruled by an admin, so that they can prove something."""
    found = Town()
    policy = replace(found.campaign.policy, auto_label=True, confidence=0.9)
    with found.store.all_or_nothing():
        allowed = replace(found.campaign, draft=replace(found.campaign.draft, policy=policy))
        found.store.put(found.store.campaigns, allowed.id, allowed)
        for n in range(ITEMS):
            item = found.item(n)
            if item.role is Role.AUDIT:
                ruled = replace(item, truth=int(n >= ITEMS // 2), verdict=Verdict.SETTLED)
                found.store.put_item(replace(ruled, answers=max(item.answers, 2)))
    return found


def test_the_night_settles_what_the_audit_allows(town: Town) -> None:
    """Saw: audit items among them; the mandate of the version that was not promoted."""
    report = town.run(LineTrainer(), town.claim())
    alone = [item for item in town.store.items.values() if item.by_network]
    assert report.promoted and report.mandate is not None and len(alone) == report.alone > 60
    assert {item.role for item in alone} == {Role.PLAIN} and {item.spoken for item in alone} == {report.version}
    assert all(max(item.posterior) >= report.mandate.threshold for item in alone)
    right = np.mean([np.argmax(item.posterior) == (int(item.content.text) >= ITEMS // 2) for item in alone])
    assert right >= 0.9
    rest = [item for item in town.store.items.values() if item.verdict is Verdict.OPEN and item.suggestion]
    sure = [item for item in rest if max(item.suggestion or (0,)) >= report.mandate.threshold]
    assert sure and all(still_asked("size", item.name) for item in sure)  # one in twenty
    assert report.settled == sum(item.verdict is Verdict.SETTLED for item in town.store.items.values())


def test_it_stays_through_refits_and_the_export_says_who_settled_it(town: Town) -> None:
    """Saw: a refit that opened all of it; an empty label in the export, as nobody had answered."""
    report = town.run(LineTrainer(), town.claim())
    town.archive.publish(town.campaign.id, beliefs_of(town.archive.snapshot(town.campaign.id)))
    alone = [item for item in town.store.items.values() if item.by_network]
    assert len(alone) == report.alone and all(item.posterior == item.suggestion for item in alone)
    lines = consensus_csv(town.now, town.archive.consensus(town.campaign.id))
    rows = list(csv.DictReader(io.StringIO("".join(lines))))
    mine = [row for row in rows if row["settled_by"] == "network"]
    assert len(mine) == report.alone and {row["answers"] for row in mine} == {"0"}
    assert {row["label"] for row in mine} == {"low", "high"} and min(float(row["confidence"]) for row in mine) > 0.5
    assert {row["settled_by"] for row in rows} == {"network", "crowd", "admin", ""}


def test_the_next_night_decides_anew_and_a_rollback_opens_it(town: Town) -> None:
    """Saw: items that stayed settled although the new version is not sure of them; a rollback that forgot them."""
    trainer = LineTrainer()
    first = town.run(trainer, town.claim(22))
    again = town.run(trainer, town.claim(23))
    assert abs(again.alone - first.alone) < 10
    with town.store.all_or_nothing():
        tx = MemoryTransaction(town.store)
        speakers = {item.spoken for item in town.store.items.values() if item.by_network}
        assert sum(tx.silence(town.campaign.id, one) for one in speakers if one) >= again.alone
    town.archive.publish(town.campaign.id, beliefs_of(town.archive.snapshot(town.campaign.id)))
    assert not any(item.by_network for item in town.store.items.values())


def test_without_the_admins_word_nothing_is_settled_alone(town: Town) -> None:
    campaign = town.now
    off = replace(campaign.draft, policy=replace(campaign.policy, auto_label=False))
    with town.store.all_or_nothing():
        town.store.put(town.store.campaigns, campaign.id, replace(campaign, draft=off))
    report = town.run(LineTrainer(), town.claim())
    assert report.mandate is None and report.alone == 0
