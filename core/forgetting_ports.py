"""The part of the ports that forgetting a person needs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from core.ids import Account, CampaignId, UpdateId, WorkerId
from core.question import Answer
from core.worker import Admission, Enrolment, Worker


class ForgettingTransaction(Protocol):
    """Of `core.ports.Transaction`."""

    def enrolments_of(self, worker: WorkerId) -> list[Enrolment]: ...  # in the order of the campaigns
    def answers_by(self, campaign: CampaignId, worker: WorkerId) -> list[Answer]: ...  # that stand, by item
    def anonymise(self, worker: Worker) -> Worker: ...

    """Nobody finds this worker by an account any more; language, consent and place are gone. The id stays, for the
    ledger of pay."""

    def blank_words(self, worker: WorkerId) -> None: ...  # of written answers whose questions are withdrawn
    def clear_letters(self, account: Account) -> None: ...  # to them, sent or not
    def clear_update(self, update: UpdateId) -> None: ...  # a finished one; its number stays
    def clear_updates(self, account: Account) -> None: ...  # from them, save those that wait: only their numbers stay

    def count_withdrawal(self, campaign: CampaignId, since: datetime) -> None: ...

    """One person more has withdrawn answers, the first of them given `since`: noted at each version made after it."""

    def keep_bar(self, campaign: CampaignId, account: Account, admission: Admission) -> None: ...

    """Remembers under a keyed hash of the account that this person was kept out of a campaign."""

    def recall_bar(self, campaign: CampaignId, account: Account) -> Admission | None: ...

    """What was remembered, and no longer is: from now on the enrolment says it. None for all others."""
