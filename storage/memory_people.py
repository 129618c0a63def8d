"""The in-memory twin of workers and their enrolments."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.errors import Conflict, NotFound
from core.ids import Account, CampaignId, WorkerId
from core.worker import Enrolment, Worker
from storage.memory_store import Store


class MemoryPeople:
    """The part of `core.ports.Transaction` that is about them."""

    __slots__ = ()

    store: Store

    def worker(self, account: Account) -> Worker | None:
        return self.store.workers.get(account)

    def person(self, worker: WorkerId) -> Worker:
        for known in self.store.workers.values():
            if known.id == worker:
                return known
        raise NotFound("worker", worker)

    def enrolment(self, campaign: CampaignId, worker: WorkerId) -> Enrolment | None:
        return self.store.enrolments.get((campaign, worker))

    def enrolments(self, campaign: CampaignId) -> list[Enrolment]:
        return [self.store.enrolments[key] for key in sorted(self.store.enrolments) if key[0] == campaign]

    def add_worker(self, account: Account, language: str, now: datetime) -> Worker:
        if account in self.store.workers:
            raise Conflict("This account is a worker already.")
        added = Worker(WorkerId(len(self.store.workers) + 1), account, language, 0, None)
        self.store.put(self.store.workers, account, added)
        return added

    def save_worker(self, worker: Worker) -> None:
        self.store.put(self.store.workers, worker.account, worker)

    def save_enrolment(self, enrolment: Enrolment) -> None:
        known = self.enrolment(enrolment.campaign, enrolment.worker)
        changed = replace(enrolment, suspicions=known.suspicions) if known else enrolment
        self.store.put(self.store.enrolments, (enrolment.campaign, enrolment.worker), changed)
