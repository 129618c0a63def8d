"""The in-memory twin of forgetting a person."""

from __future__ import annotations

from datetime import datetime

from core.ids import Account, CampaignId, UpdateId, WorkerId
from core.ports import Letter
from core.question import Answer, QuestionState
from core.worker import Admission, Enrolment, Worker
from storage.forgetting import digest, nobody
from storage.memory_store import Store


class MemoryForgetting:
    """The part of `core.ports.Transaction` that is about it."""

    __slots__ = ()

    store: Store

    def enrolments_of(self, worker: WorkerId) -> list[Enrolment]:
        return [self.store.enrolments[key] for key in sorted(self.store.enrolments) if key[1] == worker]

    def answers_by(self, campaign: CampaignId, worker: WorkerId) -> list[Answer]:
        asked = [self.store.questions[id_] for id_ in self.store.asked.get((campaign, worker), ())]
        given = [self.store.answers[one.id, one.lease] for one in asked if one.state is QuestionState.ANSWERED]
        return sorted(given, key=lambda answer: answer.item)

    def anonymise(self, worker: Worker) -> Worker:
        gone = nobody(worker)
        self.store.drop(self.store.workers, worker.account)
        self.store.put(self.store.workers, gone.account, gone)
        return gone

    def blank_words(self, worker: WorkerId) -> None:
        for key in self.store.written:
            question = self.store.questions[key[0]]
            if question.worker == worker and question.state is QuestionState.WITHDRAWN:
                self.store.put(self.store.written, key, "")

    def clear_letters(self, account: Account) -> None:
        for number, letter in self.store.letters.items():
            if letter.chat == account.number:
                self.store.put(self.store.letters, number, Letter(0, "", {}))

    def clear_update(self, update: UpdateId) -> None:
        return None  # there is no inbox

    def clear_updates(self, account: Account) -> None:
        return None  # there is no inbox

    def count_withdrawal(self, campaign: CampaignId, since: datetime) -> None:
        for version in self.store.versions_of(campaign):
            if version.created_at > since:
                self.store.set_version(version, withdrawn=version.withdrawn + 1)

    def keep_bar(self, campaign: CampaignId, account: Account, admission: Admission) -> None:
        self.store.put(self.store.bars, (campaign, digest(self.store.secret, account)), admission)

    def recall_bar(self, campaign: CampaignId, account: Account) -> Admission | None:
        key = (campaign, digest(self.store.secret, account))
        found = self.store.bars.get(key)
        self.store.drop(self.store.bars, key)
        return found
