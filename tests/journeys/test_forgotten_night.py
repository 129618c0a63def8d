"""A person goes with their answers: the next night learns without them, and the versions before say so."""

from __future__ import annotations

from core.forgetting import forget
from core.item import Item
from storage.memory import MemoryTransaction
from tests.journeys.test_night import LineTrainer, Town


def beliefs(town: Town) -> dict[str, Item]:
    return {item.name: item for item in town.archive.snapshot(town.campaign.id).items}


def test_the_next_version_is_trained_without_them() -> None:
    """Planted: the lessons do not carry the number; the questions stay answered; other people's items are touched."""
    town, trainer = Town(), LineTrainer()
    with town.store.all_or_nothing():  # one item that only the person who stays has met
        alone = next(n for n in range(400) if town.item(n).answers == 0)
        town.answer(MemoryTransaction(town.store), alone, 1)
    first = town.run(trainer, town.claim()).version
    assert [one.withdrawn for one in town.archive.versions(town.campaign.id)] == [0]
    with town.store.all_or_nothing():
        tx = MemoryTransaction(town.store)
        before = {item.id: item for item in beliefs(town).values()}
        for version in tx.versions(town.campaign.id):  # made after the answers
            town.store.set_version(version, created_at=version.created_at.replace(hour=5))
        forget(tx, town.workers[0], answers=True)
    assert {one.id: one.withdrawn for one in town.archive.versions(town.campaign.id)} == {first: 1}
    town.run(trainer, town.claim(23))
    assert [lessons.withdrawn for lessons in trainer.taught] == [0, 1]
    assert {voice for who in trainer.taught[1].voices for voice in who} <= {0, 1}
    found = town.archive.snapshot(town.campaign.id)
    assert found.workers == [worker.id for worker in town.workers[1:]]
    touched = {item.id for item in found.items if item.answers != before[item.id].answers}
    assert touched == {one.item for one in town.store.answers.values() if one.worker == town.workers[0].id}
    assert town.item(alone).answers == 1
